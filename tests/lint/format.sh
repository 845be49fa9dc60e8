#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kernel layout, as far as a line shows it. clang-format is no judge here: tables of options
# and long calls are broken by hand where it helps the reader, and it would join them again.
. "$(dirname "$0")/lib.sh"

tree_files '*.c' '*.h' >"$scratch/c"
tree_files '*.c' '*.h' '*.S' '*.sh' '*.bash' '*.py' '*Makefile' '*.mk' >"$scratch/all"

# every AWK-PROGRAM: what it prints for the lines of C, with strings and comments blanked in s
every()
{
	xargs awk '
	function code(line, out, c, q) {
		out = ""
		while (line != "") {
			c = substr(line, 1, 1)
			if (comment) {
				if (substr(line, 1, 2) == "*/") { comment = 0; line = substr(line, 3) }
				else line = substr(line, 2)
				continue
			}
			if (q != "") {
				if (c == "\\") { line = substr(line, 3); continue }
				if (c == q) { q = ""; out = out c }
			} else if (substr(line, 1, 2) == "/*") {
				comment = 1
			} else {
				if (c == "\"" || c == "\047") q = c
				out = out c
			}
			line = substr(line, 2)
		}
		return out
	}
	function bad(why) { print FILENAME ":" FNR ": " why }
	FNR == 1 { comment = 0; last = "" }
	{ inside = comment; s = code($0) }
	'"$1"'
	{ last = s }' <"$scratch/c"
}

xargs awk '/[ \t]$/ { print FILENAME ":" FNR ": trailing blank" }' <"$scratch/all" |
	report "no trailing blanks"

while read -r f; do
	[ ! -s "$f" ] || [ "$(tail -c 1 "$f" | od -An -tx1 | tr -d ' ')" = 0a ] ||
		echo "$f: no newline at its end"
	[ -z "$(tail -n 1 "$f")" ] && [ -s "$f" ] && echo "$f: ends with an empty line"
done <"$scratch/all" | report "files end with one newline"

while read -r f; do
	expand -t 8 "$f" | awk -v f="$f" 'length($0) > 100 { print f ":" NR ": " length($0) " columns" }'
done <"$scratch/c" | report "lines have at most 100 columns"

every '
	# " *" goes on with a comment; less than a tab after tabs aligns a condition or table
	/^ / && !(inside && /^ \*/) { bad("indented by blanks") }
	/^\t* *\t/ && /^\t* +\t/ { bad("blanks before a tab") }
	/^\t* {8}/ { bad("indented by blanks") }' | report "indentation is tabs"

every 's ~ /\/\// { bad("a // comment") }' | report "comments are /* */"

every '
	s ~ /(^|[^A-Za-z0-9_])(if|for|while|switch)\(/ { bad("no blank before (") }
	s ~ /^\t*(if|for|while|switch|do|\} else).*[^ ]\{$/ { bad("no blank before {") }
	s ~ /^\t*else/ && last ~ /^\t*}[ \t]*$/ { bad("else stands behind its }") }
	s ~ /^[a-z].*\) \{$/ && s !~ /[=;]|^(struct|union|enum) [a-z0-9_]* \{/ && s !~ /^(do|extern)/ {
		bad("a function'\''s { has a line of its own") }
	s ~ /[A-Za-z0-9_)]\* [a-z_]+[;,)=]/ && s !~ /[-+=(,] / { bad("* stands at the name") }
	s ~ /;[ \t]*;/ && s !~ /for \(/ { bad("two semicolons") }' | report "blanks and braces"

finish

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every file names its licence; none is longer than a reader can hold.
. "$(dirname "$0")/lib.sh"
MAX=700

tree_files '*.c' '*.h' '*.S' '*.sh' '*.bash' '*.py' '*Makefile' '*.mk' >"$scratch/all"

while read -r f; do
	head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || echo "$f"
done <"$scratch/all" | report "every file has an SPDX line in its first three"

xargs wc -l <"$scratch/all" | awk '$2 != "total" { print $1, $2 }' | sort -n >"$scratch/sizes"
awk -v max=$MAX '$1 > max { print $2 ": " $1 " lines" }' "$scratch/sizes" |
	report "no file has more than $MAX lines"

awk '$2 !~ /^tests\// { n++; line[n] = $1; name = $2; sum += $1 }
	END { if (n) printf "# %d files without tests, %d lines; median %d, longest %d (%s)\n",
		n, sum, line[int((n + 1) / 2)], line[n], name }' "$scratch/sizes"

# Scripts are run by their path; what becomes a guest's init gets its mode when it is packed.
grep -v 'init\.sh$' "$scratch/all" | while read -r f; do
	case $(head -c 2 "$f") in
	'#!') [ -x "$f" ] || echo "$f: not executable" ;;
	esac
done | report "scripts are executable"

finish

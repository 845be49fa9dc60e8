#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The map of the tree, docs/map.md, from the first sentence of each file's opening comment.
#   map.sh > docs/map.md
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

echo '<!-- SPDX-License-Identifier: Apache-2.0 -->'
echo '# Map of the tree'
echo
echo 'Each file with the first sentence of its opening comment. Made by `scripts/map.sh`.'
last=
git ls-files -co --exclude-standard '*.c' '*.h' '*.S' '*.sh' '*.bash' '*.mk' '*.ld' | grep -v '^tests/fuzz/corpus' | sort |
while read -r f; do
	[ -f "$f" ] || continue
	dir=$(dirname "$f")
	if [ "$dir" != "$last" ]; then
		printf '\n## %s\n\n' "$dir"
		last=$dir
	fi
	awk -v name="$(basename "$f")" '
		NR > 30 || done { exit }
		/SPDX/ || /^#!/ || /^# shellcheck/ { next }
		{
			line = $0
			comment = line ~ /^(\/\*| \*|#( |$))/
			if (!comment) { if (text != "") done = 1; next }
			sub(/^(\/\*| \*\/?|#)[ \t]*/, "", line); sub(/[ \t]*\*\/$/, "", line)
			if (line == "" || line ~ /^[a-z0-9_-]+\.sh /) { if (text != "") done = 1; next }
			text = text (text == "" ? "" : " ") line
			if (match(text, /[.;]( |$)/)) { text = substr(text, 1, RSTART - 1); done = 1 }
		}
		END { printf "- `%s`%s\n", name, text == "" ? "" : ": " text }' "$f"
done

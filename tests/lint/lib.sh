# SPDX-License-Identifier: Apache-2.0
# Sourced by the checks beside it: where the tree and the build are, and TAP.
#
#   TREE  the tree to look at (default: the one this file is in)
#   B     the build directory, as in the Makefile
set -eu
export LC_ALL=C

TREE=${TREE:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$TREE"
B=${B:-build/$(uname -m)}
CC=${CC:-cc}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/results"

# tree_files PATTERN...: the tree's own files, tracked or not yet, without what is built.
tree_files()
{
	if [ -e .git ]; then
		git ls-files -co --exclude-standard -- "$@" | sort -u |
			while read -r f; do [ ! -f "$f" ] || echo "$f"; done
	else
		for p; do
			find . -path ./build -prune -o -type f -path "./$p" -print
		done | sed 's|^\./||' | sort -u
	fi
}

# report NAME: ok when stdin is empty; otherwise its lines are what is wrong. Stands behind
# pipes, so in a subshell: what it counts has to be in a file.
report()
{
	sed 's/^/# /' >"$scratch/report"
	verdict=ok
	[ ! -s "$scratch/report" ] || verdict='not ok'
	echo "$verdict" >>"$scratch/results"
	cat "$scratch/report"
	echo "$verdict $(wc -l <"$scratch/results") - $1"
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

finish()
{
	echo "1..$(wc -l <"$scratch/results")"
	! grep -q not "$scratch/results"
}

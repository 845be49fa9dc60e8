#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Notes to ourselves belong into issues: a TODO names one, as "TODO #12".
. "$(dirname "$0")/lib.sh"

tree_files '*.c' '*.h' '*.S' '*.sh' '*.py' '*Makefile' '*.mk' | grep -v '^tests/lint/' >"$scratch/all"

xargs grep -nE '\<(TODO|FIXME|XXX|HACK)\>' /dev/null <"$scratch/all" |
	grep -vE '\<TODO:? ?\(?#[0-9]+' | report "every TODO has an issue number"

xargs grep -nE '^[[:space:]]*#[[:space:]]*if[[:space:]]+0' /dev/null <"$scratch/all" |
	grep -E '^[^:]*\.[chS]:' | report "no commented-out code (#if 0)"

finish

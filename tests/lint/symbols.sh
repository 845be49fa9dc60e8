#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library exports what include/tvm.h declares: nothing less, nothing more.
. "$(dirname "$0")/lib.sh"
lib=$B/libtvm.so

[ -f "$lib" ] || skip_all "$lib is not built"
command -v nm >/dev/null || skip_all "needs nm (binutils)"

# Only functions are declared there, so a name before a parenthesis is one of them.
$CC -E -P -Iinclude include/tvm.h | tr '\n' ' ' | tr ';' '\n' | grep -v typedef |
	grep -oE '\<tvm_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$scratch/declared"
# Sanitizers export helpers of their own ("__odr_asan"); the version node is an A symbol.
nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $2, $3 }' |
	grep -vE ' __(odr_)?asan' >"$scratch/table" || :
awk '{ print $2 }' "$scratch/table" | sort -u >"$scratch/exported"

comm -23 "$scratch/declared" "$scratch/exported" | sed 's/$/ is declared but not exported/' |
	report "libtvm.so exports what tvm.h declares"
comm -13 "$scratch/declared" "$scratch/exported" | sed 's/$/ is exported but not declared/' |
	report "libtvm.so exports nothing else"
awk '$1 != "T" { print $2 ": type " $1 }' "$scratch/table" | report "exports are functions"
finish

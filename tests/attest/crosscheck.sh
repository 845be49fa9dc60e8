#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tvm-attest against a second implementation, for random inputs. SEED=n repeats a run.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build/$(uname -m)}
skip() { echo "1..0 # SKIP $1"; exit 0; }

for tool in python3 openssl; do
	command -v $tool >/dev/null || skip "needs $tool"
done
python3 -c 'import hashlib; hashlib.new("sm3")' 2>/dev/null || skip "Python's hashlib has no SM3"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 tests/attest/crosscheck.py "$B/tvm-attest" "$B/tests/attest/psp" "$work" ${SEED:+"$SEED"}

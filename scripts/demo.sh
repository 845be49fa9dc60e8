#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make run` shows: a confidential guest, launched, measured, verified and given a secret,
# on the soft platform. On a machine whose KVM boots Linux it runs right here, else in an
# emulated host. The steps themselves are in demo-steps.sh.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
nested=$top/tests/nested
build=${B:-build/$(uname -m)}
work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
t=$work/t
mkdir "$t"

echo "== a guest kernel that reads launch secrets (Debian's source; built once, about 6 minutes)"
kernel=$("$nested/assets.sh" linux-small/bzImage)
cp "$kernel" "$t/bzImage"
echo "== a demo initrd"
"$top/tests/guest/linux/mkinitrd.sh" --out "$t/initrd" --add "$top/scripts/demo-guest.sh=/case"
cp "$build/tvm-run-static" "$t/tvm-run"
cp "$build/tvm-attest-static" "$t/tvm-attest"
cp "$build/firmware/tvm-fw-x86_64.bin" "$t/firmware.bin"
cp "$top/scripts/demo-steps.sh" "$t"

if [ "$("$nested/probe.sh" 2>"$work/why")" = direct ]; then
    cd "$t" && sh ./demo-steps.sh
    exit
fi
sed 's/^probe: /== not on this machine directly: /' "$work/why"
echo "== so an emulated host runs the rest (about half a minute)"
echo 'cd /t && exec sh ./demo-steps.sh' >"$work/script"
"$nested/x86_64.sh" --timeout 300 --add "$t=/t" "$work/script"

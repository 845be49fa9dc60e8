#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# linux.sh [CASE...]        (environment: B, the build directory)
#
# Boots stock Debian kernels and the tests' own small one with tvm-run and prints TAP. The
# guests run on this machine's KVM when that boots stock kernels, else in the nested test
# machine. The cases themselves are in linux-cases.sh, which runs where the guests run.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
nested=$here/../nested
linux=$here/../guest/linux
build=${B:-build/$(uname -m)}

case $("$nested/probe.sh") in
direct) where=direct ;;
nested) where=nested ;;
*) echo "1..0 # SKIP no KVM that boots Linux, and no emulator to play one"; exit 0 ;;
esac
echo "# guests run: $where"

names="linux-6.1/bzImage linux-6.1/vmlinux linux-6.12/bzImage linux-newest/bzImage
    linux-small/bzImage linux-small/vmlinux linux-6.1/modules linux-6.12/modules
    linux-newest/modules"
# shellcheck disable=SC2086
assets=$("$nested/assets.sh" $names)
declare -A asset
for name in $names; do
    read -r path
    asset[$name]=$path
done <<<"$assets"

work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-linux.XXXXXX")
trap 'rm -rf "$work"' EXIT
t=$work/t
mkdir "$t"

cp "$build/tvm-run-static" "$t/tvm-run"
cp "$build/tests/boot/pause-linux-static" "$t/pause-linux"
cp "$here/linux-cases.sh" "$t/cases"
echo "$*" >"$t/selected"
modules=virtio_pci,virtio_blk,virtio-rng,virtio_console
for k in 6.1 6.12 newest; do
    ln "${asset[linux-$k/bzImage]}" "$t/bzImage-$k" 2>/dev/null ||
        cp "${asset[linux-$k/bzImage]}" "$t/bzImage-$k"
    "$linux/mkinitrd.sh" --out "$t/initrd-$k" --modules "${asset[linux-$k/modules]}:$modules"
done
cp "${asset[linux-6.1/vmlinux]}" "$t/vmlinux-6.1"
cp "${asset[linux-small/bzImage]}" "$t/bzImage-small"
cp "${asset[linux-small/vmlinux]}" "$t/vmlinux-small"
"$linux/mkinitrd.sh" --out "$t/initrd-small"
"$linux/mkrootfs.sh" --out "$t/root.img" --size 32

if [ "$where" = direct ]; then
    cd "$t" && exec sh ./cases
fi
echo 'cd /t && exec sh ./cases' >"$work/script"
"$nested/x86_64.sh" --tries 3 --mem 8192 --smp 2 --timeout 1500 --add "$t=/t" "$work/script"

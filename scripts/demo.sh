#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make run` shows: a stock Debian kernel with a small initrd, booted by tvm-run. On a
# machine whose KVM boots Linux it runs right here, else in an emulated host.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
nested=$top/tests/nested
build=${B:-build/$(uname -m)}
work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT

step() { echo "== $*"; }

step "a Debian 6.1 kernel and busybox (downloaded once, then from the cache)"
assets=$("$nested/assets.sh" linux-6.1/bzImage linux-6.1/modules)
{ read -r kernel; read -r modules; } <<<"$assets"

step "a demo initrd and a 64 MiB disk"
"$top/tests/guest/linux/mkinitrd.sh" --out "$work/initrd" \
    --modules "$modules:virtio_pci,virtio_blk,virtio-rng,virtio_console" \
    --add "$top/scripts/demo-guest.sh=/case"
truncate -s 64M "$work/disk.img"

args=(--memory 512M --cpus 2 --cmdline "console=ttyS0 quiet panic=-1")
if [ "$("$nested/probe.sh" 2>"$work/why")" = direct ]; then
    step "tvm-run --kernel vmlinuz --initrd demo.cpio --disk disk.img ${args[*]}"
    "$build/tvm-run" --kernel "$kernel" --initrd "$work/initrd" --disk "$work/disk.img" "${args[@]}"
    exit
fi

sed 's/^probe: /== not on this machine directly: /' "$work/why"
step "so an emulated host runs tvm-run (about half a minute)"
step "tvm-run --kernel vmlinuz --initrd demo.cpio --disk disk.img ${args[*]}"
mkdir "$work/t"
cp "$build/tvm-run-static" "$work/t/tvm-run"
cp "$kernel" "$work/t/vmlinuz"
mv "$work/initrd" "$work/disk.img" "$work/t"
cat >"$work/script" <<'S'
cd /t && exec ./tvm-run --kernel vmlinuz --initrd initrd --disk disk.img --memory 512M --cpus 2 \
    --cmdline "console=ttyS0 quiet panic=-1"
S
"$nested/x86_64.sh" --timeout 300 --add "$work/t=/t" "$work/script"

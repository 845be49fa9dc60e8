#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mkrootfs.sh --out IMAGE [--size MB] [--init FILE] [--add HOSTPATH=PATHINSIDE]...
#
# Makes a raw ext4 image with busybox and rootfs-init.sh (or --init) as
# /sbin/init. Nothing is mounted and no root is needed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
nested=$here/../../nested

die() { echo "mkrootfs: $*" >&2; exit 1; }
. "$nested/tree.sh"

out="" size=32 init=$here/rootfs-init.sh adds=()
while [[ $# -ge 2 ]]; do
    case $1 in
    --out) out=$2 ;;
    --size) size=$2 ;;
    --init) init=$2 ;;
    --add) adds+=("$2") ;;
    *) die "unknown option $1" ;;
    esac
    shift 2
done
[[ $# = 0 && $out ]] || die "usage: mkrootfs.sh --out IMAGE [OPTION VALUE]..."
PATH=$PATH:/usr/sbin:/sbin
command -v mke2fs >/dev/null || die "needs mke2fs"
busybox=$("$nested/assets.sh" busybox)

root=$(mktemp -d "${TMPDIR:-/tmp}/tvm-rootfs.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

busybox_tree "$root" "$busybox"
install -m 755 "$init" "$root/sbin/init"
for add in "${adds[@]}"; do
    add_path "$root" "$add"
done
rm -f "$out"
truncate -s "${size}M" "$out"
mke2fs -q -F -t ext4 -E root_owner=0:0 -d "$root" "$out"

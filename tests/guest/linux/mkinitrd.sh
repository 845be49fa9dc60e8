#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mkinitrd.sh --out FILE [--modules DIR:NAME,...] [--init FILE]
#             [--add HOSTPATH=PATHINSIDE]... [--busybox ASSET]
#
# Makes a guest's initrd: busybox (or --busybox), init.sh (or --init) as /init, and the
# modules of the kernel whose module directory is DIR, with what they depend
# on; /init loads them in that order. Built-in ones may be named, too. An added
# /case is what init.sh runs instead of its own cases.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
nested=$here/../../nested

die() { echo "mkinitrd: $*" >&2; exit 1; }
. "$nested/tree.sh"

out="" modules="" init=$here/init.sh adds=() busybox=busybox
while [[ $# -ge 2 ]]; do
    case $1 in
    --out) out=$2 ;;
    --modules) modules=$2 ;;
    --init) init=$2 ;;
    --busybox) busybox=$2 ;;
    --add) adds+=("$2") ;;
    *) die "unknown option $1" ;;
    esac
    shift 2
done
[[ $# = 0 && $out ]] || die "usage: mkinitrd.sh --out FILE [OPTION VALUE]..."
busybox=$("$nested/assets.sh" "$busybox")

root=$(mktemp -d "${TMPDIR:-/tmp}/tvm-initrd.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

busybox_tree "$root" "$busybox"
install -m 755 "$init" "$root/init"
if [[ $modules ]]; then
    dir=${modules%:*} names=${modules##*:}
    mkdir "$root/modules"
    files=$("$nested/modules.sh" "$dir" "${names//,/ }")
    for file in $files; do
        cp "$dir/$file" "$root/modules"
        echo "${file##*/}" >>"$root/modules/order"
    done
fi
for add in "${adds[@]}"; do
    add_path "$root" "$add"
done
archive "$root" >"$out.$$"
mv "$out.$$" "$out"

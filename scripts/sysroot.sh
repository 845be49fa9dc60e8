#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sysroot.sh [--refresh] ARCH
#
# Prints the path of a folder with the libraries that a cross build for ARCH
# (aarch64) needs, after making it if need be: Debian's packages, unpacked. The C
# library is not among them, it comes with the cross compiler
# (gcc-aarch64-linux-gnu, libc6-dev-arm64-cross).
#
# The folder is ${XDG_CACHE_HOME:-~/.cache}/tvm/sysroot-ARCH-KEY, where KEY
# stands for the packages' versions; it appears there complete or not at all.
# $cache/pins remembers the versions, so that repeats need neither apt nor a
# network; --refresh forgets them. Nothing of the system is changed.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tvm
suite=bookworm
packages="libjson-c-dev libjson-c5 liburing-dev liburing2 libelf-dev libelf1
    libfdt-dev libfdt1 zlib1g-dev zlib1g libzstd-dev libzstd1 libssl-dev libssl3"

say() { echo "sysroot: $*" >&2; }
die() { say "$*"; exit 1; }

refresh=
if [[ ${1-} = --refresh ]]; then refresh=1; shift; fi
[[ $# = 1 ]] || die "usage: sysroot.sh [--refresh] ARCH"
# shellcheck disable=SC2034
case $1 in
aarch64) debian_arch=arm64 ;;
*) die "no sysroot for '$1': this script knows aarch64" ;;
esac

# shellcheck source=tests/nested/debian.sh
. "$here/../tests/nested/debian.sh"

# pin: PACKAGE=VERSION lines, resolved once, with lists of today.
pin() {
    local file=$cache/pins/sysroot-$1 package
    # shellcheck disable=SC2086
    if [[ ! -e $file || $(cut -d= -f 1 "$file") != "$(printf '%s\n' $packages)" ]]; then
        debian_lists_of_today $suite
        for package in $packages; do
            debian_pin $suite "$package"
        done >"$file.new"
        mv "$file.new" "$file"
    fi
    cat "$file"
}

mkdir -p "$cache/pins" "$cache/apt"
# Two builds make the folder once: the second waits and finds it.
exec 9>"$cache/sysroot-$1.lock"
flock 9
if [[ $refresh ]]; then
    rm -rf "$cache/pins/sysroot-$1" "$(debian_lists $suite)"
fi
pins=$(pin "$1")
dir=$cache/sysroot-$1-$(sha256sum <<<"$pins" | head -c 12)
if [[ ! -d $dir ]]; then
    # A mirror drops old versions: forget what cannot be had any more.
    trap 'rm -rf "${work-}" "$cache/pins/sysroot-$1"; say "cannot make it"' EXIT
    work=$(mktemp -d "$cache/work.XXXXXX")
    # Word splitting intended: one argument for each package.
    # shellcheck disable=SC2086
    debian_unpack $suite "$work" $pins
    # Some libraries are still in /lib, and links to them lead out of the folder.
    cp -a "$work/lib/." "$work/usr/lib"
    rm -r "${work:?}/lib"
    ln -s usr/lib "$work/lib"
    find "$work" -lname '/*' | while read -r link; do
        ln -sfr "$work$(readlink "$link")" "$link"
    done
    chmod -R a+rX "$work"
    mv "$work" "$dir"
    trap - EXIT
fi
echo "$dir"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# File trees that become initramfs archives or disk images: sourced by
# machine.sh, ../guest/linux/mkinitrd.sh and mkrootfs.sh, which define die().

# busybox_tree DIR BUSYBOX: a root with the busybox applets and mount points. A busybox of
# another architecture says what it knows with an emulator's help.
busybox_tree() {
    local root=$1 applet
    mkdir -p "$root"/{bin,sbin,proc,sys,dev,tmp,run,etc,root}
    cp "$2" "$root/bin/busybox"
    for applet in $("$2" --list 2>/dev/null || qemu-aarch64-static "$2" --list); do
        [[ -e $root/bin/$applet ]] || ln -s busybox "$root/bin/$applet"
    done
}

# add_path DIR HOSTPATH=PATHINSIDE: copies a file or a directory; a dynamic
# program brings its libraries along.
add_path() {
    local root=$1 from=${2%%=*} to=$1/${2#*=} lib
    [[ $2 = *=/* ]] || die "--add $2: not HOSTPATH=/PATHINSIDE"
    [[ -e $from ]] || die "--add $from: no such file"
    mkdir -p "$(dirname "$to")"
    cp -rLT "$from" "$to"
    [[ -f $from && -x $from ]] || return 0
    for lib in $(ldd "$from" 2>/dev/null | grep -o '/[^ ]*' || true); do
        (cd / && cp -L --parents "$lib" "$root")
    done
}

# archive DIR: a cpio of it on stdout. Not compressed: an emulated machine
# reads faster than it inflates. Archives end on a multiple of 512 bytes, which
# is what lets a second one follow the first.
archive() {
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0)
}

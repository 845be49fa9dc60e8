#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# /sbin/init of the disk image that mkrootfs.sh makes: the kernel mounted the
# disk itself (root=/dev/vda, no initrd). Data written to it must survive the
# page cache.

export PATH=/bin:/sbin

say() { echo "tvm-guest: $*"; }

check() {
    mount -o remount,rw / || { say "rootfs=cannot be written"; return; }
    dd if=/dev/urandom of=/data bs=1M count=8 2>/dev/null || { say "rootfs=write error"; return; }
    want=$(md5sum </data)
    sync
    echo 3 >/proc/sys/vm/drop_caches
    got=$(md5sum </data)
    [ "$got" = "$want" ] || { say "rootfs=other data"; return; }
    say "rootfs=ok"
}

mount -t proc none /proc
check
mount -o remount,ro /
poweroff -f

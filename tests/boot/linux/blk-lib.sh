# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# For groups of ../linux.sh with disks at work: what the case "disks" of ../../guest/linux/blk.sh
# wants, on the disk "tools" that blk-lib.bash makes.

kib() { du -k "$1" | cut -f1; }
ones() { head -c "$1" /dev/zero | tr '\0' '\377'; }

images() {
    rm -f data.img fio.img
    truncate -s "${data_size-192M}" data.img
    truncate -s 16M fio.img
    ones 4194304 >raw.img
    umount small 2>/dev/null
    mkdir -p small
    mount -t tmpfs -o size=4m small small
    truncate -s 12M small/enospc.img
}

# A block device of 8 MiB whose second half fails.
half_broken() {
    modprobe -a loop dm_mod
    head -c 4194304 /dev/zero | tr '\0' e >eio.img
    loop=$(losetup -f)
    losetup "$loop" eio.img
    printf '0 8192 linear %s 0\n8192 8192 error\n' "$loop" | dmsetup create bad --noudevsync --noudevrules
    bad=/dev/dm-$(dmsetup info -c --noheadings -o minor bad)
    disks="--disk data.img,serial=data,queues=2 --disk tools.img,ro,serial=tools
        --disk fio.img,serial=fio,queues=2 --disk raw.img,serial=raw
        --disk small/enospc.img,serial=enospc --disk $bad,serial=eio"
}

disks_worked() { # NAME WHAT
    for item in $(echo "$2" | tr , ' '); do
        check "$1: $item" has "$item=ok"
    done
    sed -n "s/^tvm-guest: took=\([^\r]*\).*/# took: \1/p" out
    check "$1: queues" [ "$(value queues)" = 2 ]
}

discarded() { # NAME LIMIT, in KiB
    check "$1: what files left was discarded" [ "$(kib data.img)" -lt "$2" ]
    echo "# $1: $(kib data.img) KiB are left of them"
}

allocation() { # NAME
    check "$1: two of three holes, and zeroes with space" [ "$(kib raw.img)" = 2048 ]
    check "$1: zeroes end where they should" \
        [ "$(tail -c 1048576 raw.img | tr -d '\377' | wc -c)" = 0 ]
    check "$1: the rest is zero" [ "$(head -c 3145728 raw.img | tr -d '\0' | wc -c)" = 0 ]
}

host_errors() { # NAME
    check "$1: the host had no space" [ "$(kib small/enospc.img)" -gt 3500 ]
    check "$1: errors are logged" grep -q 'errno 28' err
    check "$1: both kinds" grep -q 'errno 5' err
}

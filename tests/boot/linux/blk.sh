# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Disks at work: file systems under pressure, fio, discard and zeroes in the host's allocation,
# errors of the host; both transports, split and packed rings, plain and confidential.
#
# kernels: bzImage-small bzImage-6.1
# modules: virtio_mmio
# guest: tests/guest/linux/blk-case.sh=/case
# host: --mem 4096

blocks() { stat -c %b "$1"; }
kib() { du -k "$1" | cut -f1; }
ones() { head -c "$1" /dev/zero | tr '\0' '\377'; }

images() {
    rm -f data.img fio.img
    truncate -s 192M data.img
    truncate -s 16M fio.img
    ones 4194304 >raw.img
    umount small 2>/dev/null
    mkdir -p small
    mount -t tmpfs -o size=4m small small
    truncate -s 12M small/enospc.img
}

# A block device of 8 MiB whose second half fails.
half_broken() {
    head -c 4194304 /dev/zero | tr '\0' e >eio.img
    loop=$(losetup -f)
    losetup "$loop" eio.img
    printf '0 8192 linear %s 0\n8192 8192 error\n' "$loop" | dmsetup create bad --noudevsync --noudevrules
    bad=/dev/dm-$(dmsetup info -c --noheadings -o minor bad)
}

# disks NAME KERNEL VERSION MEMORY DO ARGUMENTS...
disks() {
    name=$1 kernel=$2 version=$3 memory=$4 what=$5
    shift 5
    images
    vm 0 "$name" --kernel "$kernel" --initrd "initrd-$version" --memory "$memory" --cpus 2 \
        --disk data.img,serial=data,queues=2 --disk tools.img,ro,serial=tools \
        --disk fio.img,serial=fio,queues=2 --disk raw.img,serial=raw \
        --disk small/enospc.img,serial=enospc --disk "$bad,serial=eio" \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.disks=$what tvm.mib=$mib" "$@" || return 1
    for item in $(echo "$what" | tr , ' '); do
        check "$name: $item" has "$item=ok"
    done
    sed -n "s/^tvm-guest: took=\([^\r]*\).*/# took: \1/p" out
    check "$name: queues" [ "$(value queues)" = 2 ]
}

allocation() { # NAME
    check "$1: what files left was discarded" [ "$(kib data.img)" -lt 40000 ]
    check "$1: two of three holes, and zeroes with space" [ "$(kib raw.img)" = 2048 ]
    check "$1: zeroes end where they should" \
        [ "$(tail -c 1048576 raw.img | tr -d '\377' | wc -c)" = 0 ]
    check "$1: the rest is zero" [ "$(head -c 3145728 raw.img | tr -d '\0' | wc -c)" = 0 ]
}

modprobe loop
lsmod | grep -q '^dm_mod' || insmod ./dm-mod.ko
half_broken
sum=$(md5sum <tools.img)
all=ext4,fio,raw,ro,enospc,eio

name="6.1, PCI, packed rings"
mib=32
disks "$name" bzImage-6.1 6.1 192M $all && {
    check "$name: packed" [ "$(value packed)" = 1 ]
    allocation "$name"
    check "$name: the host had no space" [ "$(kib small/enospc.img)" -gt 3500 ]
    check "$name: errors are logged" grep -q 'errno 28' err
    check "$name: both kinds" grep -q 'errno 5' err
}
name="6.1, MMIO, split rings"
disks "$name" bzImage-6.1 6.1 192M fio,raw,ro,eio --transport mmio --packed off && {
    check "$name: split" [ "$(value packed)" = 0 ]
    check "$name: holes" [ "$(kib raw.img)" = 2048 ]
}
small=ext4,raw,ro,enospc,eio
name="small, MMIO, packed rings"
mib=64
disks "$name" bzImage-small small 96M $small --transport mmio && {
    check "$name: packed" [ "$(value packed)" = 1 ]
    allocation "$name"
}
name="small, PCI, split rings"
mib=16
disks "$name" bzImage-small small 96M $small --packed off && {
    check "$name: split" [ "$(value packed)" = 0 ]
    allocation "$name"
}
name="csv, PCI, packed rings"
disks "$name" bzImage-small small 160M $small --tee csv,platform=soft && allocation "$name"
check "the read-only disk is as it was" [ "$(md5sum <tools.img)" = "$sum" ]

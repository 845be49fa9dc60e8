# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Disks at work: file systems under pressure, fio, discard and zeroes in the host's allocation,
# errors of the host; both transports, split and packed rings, plain and confidential.
#
# kernels: bzImage-small bzImage-6.1
# modules: virtio_mmio
# guest: tests/guest/linux/blk.sh=/cases/blk
# host: --mem 4096

. ./blk-lib.sh

# disks NAME KERNEL VERSION MEMORY DO ARGUMENTS...
disks() {
    name=$1 kernel=$2 version=$3 memory=$4 what=$5
    shift 5
    images
    # shellcheck disable=SC2086
    vm 0 "$name" --kernel "$kernel" --initrd "initrd-$version" --memory "$memory" --cpus 2 $disks \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=disks tvm.disks=$what tvm.mib=$mib" "$@" ||
        return 1
    disks_worked "$name" "$what"
}

freed() { # NAME
    discarded "$1" 40000
    allocation "$1"
}

half_broken
sum=$(md5sum <tools.img)
all=ext4,fio,raw,ro,enospc,eio

name="6.1, PCI, packed rings"
mib=32
disks "$name" bzImage-6.1 6.1 192M $all && {
    check "$name: packed" [ "$(value packed)" = 1 ]
    freed "$name"
    host_errors "$name"
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
    freed "$name"
}
name="small, PCI, split rings"
mib=16
disks "$name" bzImage-small small 96M $small --packed off && {
    check "$name: split" [ "$(value packed)" = 0 ]
    freed "$name"
}
name="csv, PCI, packed rings"
disks "$name" bzImage-small small 160M $small --tee csv,platform=soft && freed "$name"
check "the read-only disk is as it was" [ "$(md5sum <tools.img)" = "$sum" ]

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
#
# Data through block devices, networks and shares of aarch64 guests, over PCI and MMIO, split and
# packed rings: what blk.sh, net.sh and 9p.sh do, all in one guest, with the one of Debian's kernels
# that has 9p.
#
# arch: aarch64
# kernels: Image-6.1
# modules: virtio_mmio,virtio_net,9pnet_virtio,9p,crc32c_generic,ext4
# guest: tests/guest/linux/blk.sh=/cases/blk tests/guest/linux/9p.sh=/cases/9p
# guest: build/tests/guest/fs/fstest-static=/bin/fstest
# host: --mem 3072 --smp 2

. ./blk-lib.sh
iperf=no
. ./net-lib.sh
. ./9p-lib.sh

half_broken
sum=$(md5sum <tools.img)
data_size=48M

# data NAME DISKS 9P ARGUMENTS...: what the guest does, each in words of its cases
data() {
    name=$1 what=$2 more9=$3
    shift 3
    images
    make_two_shares
    rm -rf shared && mkdir shared
    # shellcheck disable=SC2086
    networks vm 0 "$name" --kernel Image-6.1 --initrd initrd-6.1 --memory 384M --cpus 2 $disks \
        $two_shares --share tag=host,path=shared --cmdline "console=ttyS0 quiet panic=-1 $more
            tvm.iperf=no tvm.case=disks,net,9p_shares,9p_fs tvm.disks=$what tvm.mib=8
            tvm.seed=1 tvm.calls=50 tvm.every=301 tvm.what=$more9" "$@" || return
    disks_worked "$name" $what
    allocation "$name"
    worked "$name"
    two_shares_worked "$name"
    check "$name: shares are left" has 9p=ok
    echo "# $name: $(value 9p_seconds) s in the guest"
}

# What takes long is done once, over one transport or the other.
data "pci, split" ext4,raw,ro,eio perm+locks --packed off && {
    check "$name: split" [ "$(value packed)" = 0 ]
    discarded "$name" 7000
    check "$name: the host's error is logged" grep -q 'errno 5' err
    check "$name: permissions" has "perm=ok"
    check "$name: locks" has locks=ok
}
data "mmio, packed" raw,ro,fstest random --transport mmio && {
    check "$name: packed" [ "$(value packed)" = 1 ]
    random_ok "$name"
}
check "the read-only disk is as it was" [ "$(md5sum <tools.img)" = "$sum" ]

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
#
# A disk in the host's page cache: block I/O of the guest past its own.

prepare() { head -c 67108864 /dev/zero | tr '\0' d >disk.img; }

tvm="--disk disk.img"
qemu="-drive if=none,id=d,file=disk.img,format=raw,cache=writeback,aio=io_uring
    -device virtio-blk-pci,drive=d,num-queues=1"

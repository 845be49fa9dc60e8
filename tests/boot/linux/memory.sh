# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# From 64 MiB to past 4 GiB, and many processors.
#
# kernels: bzImage-small vmlinux-small
# host: --mem 8192
boots bzImage-small initrd-small 1 64M 30 64
boots vmlinux-small initrd-small 2 512M 400 512
boots bzImage-small initrd-small 16 512M 400 512
boots bzImage-small initrd-small 2 5G 4700 5120
name="5 GiB: memory above the hole is used"
vm 0 "$name" --kernel bzImage-small --initrd initrd-small --memory 5G \
    --cmdline "console=ttyS0 quiet panic=-1 tvm.case=highmem tvm.mib=64" &&
    check "$name" has highmem=ok

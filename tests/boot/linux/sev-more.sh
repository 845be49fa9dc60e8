# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Confidential guests with more processors and memory past 4 GiB.
#
# kernels: bzImage-small vmlinux-small
# host: --mem 8192

. ./sev-lib.sh

small_secret csv bzImage-small 4 256M
small_secret sev vmlinux-small 4 256M
small_secret csv bzImage-small 2 5G
name="csv, 5 GiB: memory above the hole is used"
kernel=vmlinux-small initrd=initrd-small cmdline="$params=sevinfo,highmem tvm.mib=64"
launch csv "$name" --memory 5G && ends 0 "$name" && check "$name" has highmem=ok

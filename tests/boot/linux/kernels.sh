# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Stock Debian kernels and the way they are entered, on one and more processors.
#
# kernels: bzImage-6.1 bzImage-6.12 bzImage-newest vmlinux-6.1
# host: --mem 3072
for k in 6.1 6.12 newest; do
    for cpus in 1 2 4; do boots bzImage-$k initrd-$k $cpus 512M 400 512; done
done
for cpus in 1 2 4; do boots vmlinux-6.1 initrd-6.1 $cpus 512M 400 512; done

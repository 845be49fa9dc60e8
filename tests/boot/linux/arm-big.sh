# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
#
# Memory past 4 GiB, and sixteen processors.
#
# arch: aarch64
# kernels: Image-6.1 Image-newest
# host: --mem 4096 --smp 2
cases=,highmem
boots Image-6.1 initrd-6.1 2 5G 4700 5120
check "$name: memory past 4 GiB is used" has highmem=ok
cases=
boots Image-newest initrd-newest 16 512M 380 512

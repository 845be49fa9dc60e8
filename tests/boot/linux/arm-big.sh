# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
#
# Sixteen processors, and memory past 4 GiB.
#
# arch: aarch64
# kernels: Image-newest
# host: --mem 4096 --smp 2
cases=,highmem
boots Image-newest initrd-newest 16 5G 4700 5120
check "$name: memory past 4 GiB is used" has highmem=ok

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
#
# Memory past 4 GiB, sixteen processors, and SVE on a host that has it.
#
# arch: aarch64
# kernels: Image-6.1 Image-newest
# host: --mem 4096 --smp 2
cases=,highmem,cpu
boots Image-6.1 initrd-6.1 2 5G 4700 5120
check "$name: memory past 4 GiB is used" has highmem=ok
check "$name: SVE is there where the host has it" grep -q 'tvm-guest: cpu=.* sve' out
cases=,cpu
boots Image-newest initrd-newest 16 512M 380 512 --cpu sve=off
check "$name, sve=off: the guest has none" not grep -q 'tvm-guest: cpu=.* sve' out
check "$name, sve=off: it has the rest" grep -q 'tvm-guest: cpu=.*paca' out

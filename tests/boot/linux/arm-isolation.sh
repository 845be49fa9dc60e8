# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What devices reach of a realm's memory: searched for what the realm keeps and for what it sends.
#
# arch: aarch64
# kernels: Image-newest
# programs: build/tests/boot/realm-isolation-static=realm-isolation
# host: --mem 3072 --smp 2
for cpus in 1 2; do
    timeout 300 ./realm-isolation Image-newest initrd-newest $cpus >out 2>err
    grep '^#' out
    check "a realm's memory is its own, vCPUs: $cpus" grep -q '^ok 1 - test_realm_isolation' out
done

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What devices may reach: the tiny guest's own report, then Linux's memory, searched.
#
# kernels: bzImage-small vmlinux-small
# programs: build/tests/boot/test_isolation=test_isolation

. ./sev-lib.sh

for k in privdma privdma.bz; do
    for kind in sev csv; do
        name="$kind: $k: rings and buffers in private memory"
        timeout 60 ./tvm-run --kernel tiny/$k --memory 32M \
            --tee $kind,platform=soft >out 2>err </dev/null
        check "$name: the device accepts no driver without ACCESS_PLATFORM" \
            grep -q '^privdma: without ACCESS_PLATFORM: refused' out
        check "$name: seven times DEVICE_NEEDS_RESET" \
            [ "$(grep -c 'status 4f, used 0, untouched' out)" = 7 ]
        check "$name: the device works where all is shared" \
            [ "$(grep -c '^privdma: all shared.*: status f, used 1, filled' out)" = 2 ]
        check "$name: the log says which address" \
            grep -q "0x113000+0x40 is not in the device's memory" err
    done
done
./test_isolation vmlinux-small initrd-small >out 2>err
grep '^#' out
check "isolation: sev, 1 vCPU" grep -q '^ok 1 - test_isolation' out
check "isolation: csv, 2 vCPUs" grep -q '^ok 2 - test_isolation' out

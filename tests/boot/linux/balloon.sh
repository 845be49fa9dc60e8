# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What a guest frees goes back to the host: free page reporting, seen from the host.
#
# kernels: bzImage-6.1 bzImage-newest
# modules: virtio_balloon,virtio_mmio
# programs: build/tests/boot/balloon-linux-static=balloon-linux
# host: --mem 3072

. ./balloon-lib.sh

balloon "6.1, pci, packed" --kernel bzImage-6.1 --initrd initrd-6.1
balloon "newest, mmio, split" --kernel bzImage-newest --initrd initrd-newest --transport mmio \
    --packed off

# The other way: the host asks for memory.
name="newest: the balloon is inflated"
timeout 300 ./balloon-linux bzImage-newest initrd-newest >out 2>err </dev/null
check "$name, and deflated" [ $? = 0 ]
sed 's/^/# /' err
lost() { tr -d '\r' <out | sed -n 's/^tvm-guest: free_mb=//p' |
    awk 'NR == 1 || $1 > most { most = $1 } NR == 1 || $1 < least { least = $1 }
        END { print most - least }'; }
check "$name: the guest has less" between 150 "$(lost)" 300

name="a confidential machine has none"
./tvm-run --kernel bzImage-6.1 --balloon on --tee csv,platform=soft >out 2>err </dev/null
check "$name" [ $? = 2 ]
check "$name, and says so" grep -q '^tvm-run: balloon: not for a confidential machine$' err

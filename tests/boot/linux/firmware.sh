# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The firmware without a TEE.
#
# kernels: bzImage-small vmlinux-small bzImage-6.1 bzImage-newest
# host: --mem 3072

. ./sev-lib.sh

for k in bzImage-small vmlinux-small bzImage-6.1 bzImage-newest; do
    name="plain guest with the firmware, $k"
    v=${k#*-}
    timeout 300 ./tvm-run --kernel $k --initrd "initrd-$v" --memory 512M --cpus 2 \
        --firmware builtin --cmdline "$params=info,rng" >out 2>err </dev/null &
    pid=$!
    ends 0 "$name" || continue
    check "$name: boots to init" has ready
    check "$name: CPU count" [ "$(value cpus)" = 2 ]
    check "$name: rng" has rng=ok
done

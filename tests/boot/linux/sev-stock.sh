# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Stock kernels as confidential guests; they have no efi_secret, and nobody sends one.
#
# kernels: bzImage-6.1 vmlinux-6.1 bzImage-6.12 bzImage-newest
# host: --mem 3072

. ./sev-lib.sh

stock() { # KIND KERNEL VERSION CPUS
    name="$1, $2, $4 vCPUs"
    : >log
    platform "$1"
    dd if=/dev/zero of=a.img bs=1M count=0 seek=16 2>/dev/null
    started=$(date +%s)
    timeout 300 ./tvm-run --kernel "$2" --initrd "initrd-$3" --memory 512M --cpus "$4" \
        --cmdline "$params=info,sevinfo,disk,rng" --disk a.img \
        --tee "$1,platform=soft,soft-dir=platform-$1" >out 2>err </dev/null &
    pid=$!
    ends 0 "$name" || return
    echo "# $name: $(($(date +%s) - started)) s"
    check "$name: boots to init" has ready
    check "$name: CPU count" [ "$(value cpus)" = "$4" ]
    looks_confidential "$name"
}

stock csv bzImage-6.1 6.1 1
stock csv vmlinux-6.1 6.1 2
stock csv bzImage-6.12 6.12 2
stock csv bzImage-newest newest 2
stock sev bzImage-newest newest 1

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Realms on the soft platform, PCI and MMIO: detection, bounce buffers, devices, and a token that
# verifies outside.
#
# arch: aarch64
# kernels: Image-newest
# modules: virtio_mmio,tsm_report,arm-cca-guest
# host: --mem 3072 --smp 2
rpv=746d76207265616c6d
challenge=$(printf '%64s' '' | sed 's/ /63/g')

realm() { # NAME HASH ARGUMENTS...
    name=$1 hash=$2
    shift 2
    rm -rf rim.b64
    dd if=/dev/zero of=a.img bs=1M count=0 seek=64 2>/dev/null
    vm 0 "$name" --kernel Image-newest --initrd initrd-newest --memory 512M \
        --tee "cca,platform=soft,soft-dir=plat,rpv=$rpv,hash=$hash,measurement=rim.b64" \
        --disk a.img --cmdline "console=ttyS0 quiet panic=-1 tvm.case=realm,disk,rng" "$@" || return
    check "$name: RSI" has rsi=1.0
    check "$name: bounce buffers" has bounce=yes
    check "$name: no complaint" not has complaint=
    check "$name: disk" has disk=ok
    check "$name: rng" has rng=ok
    check "$name: says that it is simulated" grep -q SIMULATED err
    value token >token.b64
    value fdt | base64 -d >fdt
    rim=$(base64 -d rim.b64 | od -An -v -tx1 | tr -d ' \n')
    want=$(./tvm-attest measure --tee cca --memory 512M --kernel Image-newest --hash "$hash" \
        --initrd initrd-newest --dtb fdt | sed -n 's/^rim: //p')
    check "$name: RIM is the expected one" [ "$rim" = "$want" ]
    ./tvm-attest token --token token.b64 --soft plat --allow-soft --challenge "$challenge" \
        --rim "$want" --rpv "$rpv" >out 2>err
    check "$name: token verifies" [ $? = 0 ]
}

realm "realm, pci" sha256
realm "realm, mmio, 2 vCPUs" sha512 --transport mmio --cpus 2

name="realms on hardware"
vm 1 "$name" --kernel Image-newest --tee cca && check "$name: one line names soft" \
    grep -q '^tvm-run: tee: this host has no realms: .*platform=soft' err
name="virtCCA on other hardware"
vm 1 "$name" --kernel Image-newest --memory 1G --tee virtcca && check "$name: one line names soft" \
    grep -q '^tvm-run: tee: this host has no virtCCA .*platform=soft' err

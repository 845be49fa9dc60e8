# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The guest owner uses libvirt's tool instead of tvm-attest.
#
# kernels: bzImage-small

. ./sev-lib.sh

validated() { # NAME TEXT-FILE
    : >out
    timeout 300 ./tvm-run --kernel "$kernel" --initrd "$initrd" --cmdline "$cmdline" \
        --tee "$tee,secret-header=owner/header,secret=owner/payload" >out 2>err </dev/null &
    pid=$!
    until [ -s owner/measurement ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
    /usr/bin/python3 /usr/bin/virt-qemu-sev-validate --measurement "$(cat owner/measurement)" \
        --api-major "$(about sev api-major)" --api-minor "$(about sev api-minor)" \
        --build-id "$(about sev build-id)" --policy 1 --firmware firmware.bin \
        --kernel "$kernel" --initrd "$initrd" --cmdline "$cmdline" --tik owner/tik.bin \
        --tek owner/tek.bin --inject-secret "$guid:$2" --secret-header owner/header \
        --secret-payload owner/payload >log 2>&1
    check "$1: accepts the measurement" grep -q 'OK: Looks good to me' log
    check "$1: makes a secret" [ -s owner/payload ]
    ends 0 "$1" && check "$1: which reaches the guest" has "secret=$guid:$(cat "$2")"
}

# Lengths that the tool pads by 15 bytes, and by a whole block.
for text in "by virt-qemu-sev-validate" "sixteen bytes and eight."; do
    name="virt-qemu-sev-validate, ${#text} bytes"
    kernel=bzImage-small initrd=initrd-small cmdline="$params=secret"
    printf %s "$text" >text
    platform sev
    rm -rf owner
    attest session --soft platform-sev --allow-soft --policy 1 --out owner
    tee=sev,platform=soft,soft-dir=platform-sev,session=owner/session.b64
    tee=$tee,dh-cert=owner/godh.b64,measurement=owner/measurement
    validated "$name" text
done

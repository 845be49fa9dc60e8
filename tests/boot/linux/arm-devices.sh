# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# Devices that arm-kernels.sh leaves out, over PCI and MMIO, with the one of Debian's kernels
# that has 9p.
#
# arch: aarch64
# kernels: Image-6.1
# modules: virtio_mmio,9pnet_virtio,9p
# host: --mem 2048 --smp 2
for transport in pci mmio; do
    name="$transport: hvc0 in both directions, shared directory by 9p"
    rm -rf serial in shared && mkfifo in && mkdir shared && echo "from the host" >shared/hello
    ./tvm-run --kernel Image-6.1 --initrd initrd-6.1 --memory 512M --transport $transport \
        --console stdio --serial file=serial --share tag=host,path=shared \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=share,hvc" <in >out 2>err &
    pid=$!
    exec 3>in
    eventually 120 grep -q "hvc ready" out
    echo "hello hvc" >&3
    wait $pid
    status=$?
    exec 3>&-
    check "$name: out and in" has "hvc=HELLO HVC"
    check "$name: the other console saw it" grep -q "hvc=HELLO HVC" serial
    check "$name: 9p" grep -q "share=ok" serial
    check "$name: host sees it" sh -c 'cd shared/made/deep && md5sum -c sum >/dev/null &&
        [ -L data ] && [ "$(stat -c %a moved)" = 640 ]'
    check "$name: exit status" [ $status = 0 ]
done

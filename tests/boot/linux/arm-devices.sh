# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# Devices that arm-kernels.sh leaves out, over PCI and MMIO, with the one of Debian's kernels
# that has 9p.
#
# arch: aarch64
# kernels: Image-6.1
# modules: virtio_mmio,9pnet_virtio,9p,virtio_net,virtio_balloon,vmw_vsock_virtio_transport
# host: --mem 2048 --smp 2
modprobe tun
for transport in pci mmio; do
    name="$transport"
    rm -rf serial in shared && mkfifo in && mkdir shared && echo "from the host" >shared/hello
    : >out
    ./tvm-run --kernel Image-6.1 --initrd initrd-6.1 --memory 512M --transport $transport \
        --console stdio --serial file=serial --share tag=host,path=shared \
        --net tap=tvm0 --vsock cid=3,path=vsock --balloon on \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=bound,share,ping,hvc" <in >out 2>err &
    pid=$!
    exec 3>in
    eventually 30 ip addr add 10.9.0.1/24 dev tvm0 2>/dev/null
    ip link set tvm0 up
    eventually 120 grep -q "hvc ready" out
    echo "hello hvc" >&3
    finish
    exec 3>&-
    for driver in virtio_balloon virtio_net virtio_rng vmw_vsock_virtio_transport; do
        check "$name: $driver has its device" grep -q "bound=$driver" serial
    done
    check "$name: ping to the host" grep -q "ping=ok" serial
    check "$name: hvc0, out and in" has "hvc=HELLO HVC"
    check "$name: the other console saw it" grep -q "hvc=HELLO HVC" serial
    check "$name: 9p" grep -q "share=ok" serial
    check "$name: host sees it" sh -c 'cd shared/made/deep && md5sum -c sum >/dev/null &&
        [ -L data ] && [ "$(stat -c %a moved)" = 640 ]'
    check "$name: exit status" [ $status = 0 ]
done

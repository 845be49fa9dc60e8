# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# Devices of a realm, over PCI and MMIO: networks served by tvm-run and by the host's kernel, the
# vsock hybrid, 9p, a disk. All of it goes through bounce buffers, and all data is compared.
#
# arch: aarch64
# kernels: Image-full
# modules: virtio_mmio,tsm_report,arm-cca-guest,virtio_net,9pnet_virtio,9p,vmw_vsock_virtio_transport
# guest: build/tests/guest/linux/vsock-peer=/bin/vsock-peer
# programs: build/tests/guest/linux/vsock-peer=vsock-peer
# host: --mem 3072 --smp 2
modprobe -a tun vhost_net 2>/dev/null
dd if=/dev/urandom of=blob bs=1M count=1 2>/dev/null
md5=$(md5sum <blob | cut -c 1-32)
mac=52:54:00:00:00

host_side() { # the other ends
    for k in 1 2; do
        eventually 120 ip addr add 10.$k.0.1/24 dev tap$k 2>/dev/null
        ip link set tap$k up
        net_serve $k
    done
    ./vsock-peer serve unix:v_5000 >serve.out 2>&1 &
    server=$!
}

devices() { # NAME SWIOTLB-MIB ARGUMENTS...
    name=$1 mib=$2
    shift 2
    rm -rf shared v v_* back? && mkdir shared && echo "from the host" >shared/hello
    dd if=/dev/zero of=a.img bs=1M count=0 seek=64 2>/dev/null
    : >out
    timeout 300 ./tvm-run --kernel Image-full --initrd initrd-full --memory 448M --disk a.img \
        --tee cca,platform=soft --share tag=host,path=shared --vsock 5,path=v \
        --net "tap=tap1,mac=$mac:01,vhost=off" --net "tap=tap2,mac=$mac:02,vhost=on" \
        --log-level info --metrics metrics --cmdline "console=ttyS0 quiet panic=-1 \
swiotlb=$((mib * 512)) tvm.net=1:10.1.0.2:10.1.0.1,2:10.2.0.2:10.2.0.1 tvm.md5=$md5 tvm.iperf=no \
tvm.case=realm,irqs,disk,share,net,vsock" "$@" >out 2>err </dev/null &
    pid=$!
    host_side
    eventually 240 has ready
    for what in load ends; do
        [ $what = load ] && more="16 32768" || more=
        # shellcheck disable=SC2086
        check "$name: vsock: $what, from the host" [ \
            "$(./vsock-peer $what hybrid:v:1024 $more 2>&1)" = vsock-$what=ok ]
    done
    eventually 120 has clients=done
    ./vsock-peer quit hybrid:v:1024 >/dev/null 2>&1
    finish
    check "$name: exit status" [ $status = 0 ]
    ./vsock-peer quit unix:v_5000 >/dev/null 2>&1
    wait $server
    check "$name: vsock: from the guest" has "5000 vsock-load=ok"
    check "$name: vsock: ends, from the guest" has "5000 vsock-ends=ok"
    check "$name: vsock: the guest's server was well" has vsock-serve=ok
    check "$name: RSI" has rsi=1.0
    check "$name: bounce buffers" has bounce=yes
    check "$name: no complaint" not has complaint=
    check "$name: disk" has disk=ok
    check "$name: 9p" has share=ok
    check "$name: 9p, as the host sees it" sh -c 'cd shared/made/deep && md5sum -c sum >/dev/null &&
        [ -L data ] && [ "$(stat -c %a moved)" = 640 ]'
    for k in 1 2; do
        check "$name: net $k: ping" has "net$k ping=ok"
        check "$name: net $k: from the host" has "net$k get=ok"
        check "$name: net $k: to the host" [ "$(md5sum <back$k | cut -c 1-32)" = "$md5" ]
    done
    check "$name: one is served here" grep -q 'net0: served by this process' err
    check "$name: one by the host's kernel" grep -q 'net1: served by the host.s kernel' err
    check "$name: nothing needed a reset" not grep -q 'needs reset' err
    bytes=$(sed -n 's/.*"shared_bytes":\([0-9]*\).*/\1/p' metrics)
    echo "# $name: $bytes bytes shared"
    check "$name: what is shared is bounce buffers and rings" \
        between $((mib << 20)) "$bytes" $(((mib + 16) << 20))
    check "$name: nothing of the wrong half" grep -q '"violations":{"mmio":0,"memory":0}' metrics
}

devices pci 64
grep -a 'irq=' out | head -n 3 | sed 's/^tvm-guest:/#/'
check "pci: messages by the GICv2m frame" grep -qa 'irq=.*GICv2m.*virtio' out
devices mmio 8 --transport mmio
check "mmio: interrupts of the GIC" grep -qa 'irq=.*GICv3.*virtio' out

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2086,SC2154
#
# Conversations with aarch64 guests, over PCI and MMIO, split and packed rings: vsock both ways,
# consoles and ports whose clients come and go, random numbers, and memory that goes back to the
# host; what vsock.sh, ports.sh and balloon.sh do, all in one guest.
#
# arch: aarch64
# kernels: Image-6.1 Image-newest
# modules: virtio_mmio,vmw_vsock_virtio_transport,virtio_balloon
# guest: build/tests/guest/linux/vsock-peer=/bin/vsock-peer
# programs: build/tests/guest/linux/vsock-peer=vsock-peer build/tests/boot/talk-static=talk
# host: --mem 3072 --smp 2

. ./vsock-lib.sh
. ./ports-lib.sh
. ./balloon-lib.sh

# talk KERNEL NAME "ARGUMENTS" QUIT-ADDRESS GUEST-ADDRESS CHANNEL=BACKEND...
talk() {
    kernel=$1 name="$1, $2" more=$3 quit=$4 address=$5
    shift 5
    channels "$@"
    rm -f in && mkfifo in
    exec 3<>in
    ./tvm-run --kernel Image-$kernel --initrd initrd-$kernel --memory 512M --cpus 2 --balloon on \
        $more $arguments --cmdline "$params=random,ports,vsock,balloon tvm.mib=100
            tvm.ports=$names" <in >out 2>err &
    pid=$!
    eventually 20 grep -q /dev/pts err
    conversation "$name" "$@"
    both_ways "$name" $quit 5000 $address
    hang_up
    give_back "$name" 100
    finish
    exec 3>&-
    check "$name: exit status" [ $status = 0 ]
    both_ended
    gave_back "$name" 100
    no_channels_left "$name"
    check "$name: the port has its name" has port=a-port:vport
    has_random "$name" virtio_rng.0
}

modprobe -a vhost_vsock vsock_loopback
serve vsock:4294967295:5000
talk newest "pci, split, vhost" "--packed off --vsock 5,vhost" vsock:1:5000 vsock:5:1024 \
    hvc0=unix=c-0 hvc1=pty a-port=unix=c-port
serve unix:v_5000
talk 6.1 "mmio, packed, hybrid" "--transport mmio --vsock 5,path=v" unix:v_5000 hybrid:v:1024 \
    hvc0=pty hvc1=unix=c-1 a-port=pty=c-port

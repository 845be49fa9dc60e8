# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
#
# A stream of the guest over a tap, both ways, to netcat on the host; the VMM serves the queues.

prepare() { modprobe tun 2>/dev/null || true; }

# The VMM makes the interface: its address comes when it is there.
beside() {
    until ip addr add 10.9.0.1/24 dev tap0 2>/dev/null; do sleep 0.1; done
    ip link set tap0 up
    nc -l -p 5001 >/dev/null
    head -c 33554432 /dev/zero | nc -l -p 5002 >/dev/null
}

tvm="--net tap=tap0,vhost=off"
qemu="-netdev tap,id=n,ifname=tap0,script=no,downscript=no,vhost=off
    -device virtio-net-pci,netdev=n,romfile="

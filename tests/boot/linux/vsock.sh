# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# vsock between Linux guests and their host: the unix-socket hybrid with its port maps, the host's
# AF_VSOCK by vhost, and once a confidential guest. In each machine both sides are server and
# client at once: 64 connections with data that is compared, and all the ways to end one.
#
# kernels: bzImage-small bzImage-6.1 bzImage-6.12 bzImage-newest
# modules: virtio_mmio,vmw_vsock_virtio_transport
# guest: build/tests/guest/linux/vsock-peer=/bin/vsock-peer
# programs: build/tests/guest/linux/vsock-peer=vsock-peer

. ./sev-lib.sh

. ./vsock-lib.sh

# Both transports with both kinds of ring, small and stock kernels.
hybrid small --transport mmio --packed off
hybrid 6.1 --packed off
hybrid 6.12 --transport mmio --packed on
hybrid newest --packed on

# Several maps in both directions, beside the hybrid socket.
serve unix:v_5000 unix:out-a unix:out-b
start small 5000+6000+6001 --vsock \
    7,path=v,port=6000:out-a,port=6001:out-b,port=1024:in-a:listen,port=1025:in-b:listen
both_ends "port maps" unix:v_5000 "5000 6000 6001" hybrid:v:1024 unix:in-a unix:in-b

# A confidential guest: packets and rings in what it shares.
name="confidential, hybrid"
serve unix:v_5000
kernel=bzImage-small initrd=initrd-small cmdline="$params=vsock"
launch sev "$name" --memory 256M --vsock 5,path=v && {
    both_ends "$name" unix:v_5000 5000 hybrid:v:1024
}

if modprobe -a vhost_vsock vsock_loopback 2>/dev/null && [ -c /dev/vhost-vsock ]; then
    vhost small --transport mmio # vsock-kernel.sh has it on PCI
else
    result ok "vhost # SKIP no /dev/vhost-vsock on this host"
fi

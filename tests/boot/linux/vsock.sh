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

peer() { # WHAT ADDRESS ARGUMENT...: the line it prints is what it has to be
    ./vsock-peer "$@" >peer.out 2>&1
    [ "$(cat peer.out)" = "vsock-$1=ok" ] && return
    sed "s|^|# vsock-peer $*: |" peer.out
    return 1
}

# The server of the host, and the machine; $pid is the machine's, then.
serve() { # ADDRESS...
    rm -f v v_* out-* in-*
    : >out >err >log # of the machine before
    ./vsock-peer serve "$@" >serve.out 2>&1 &
    server=$!
}

both_ends() { # NAME QUIT-ADDRESS GUEST-PORTS ADDRESS...: of the guest, as the host calls it
    name=$1 quit=$2 ports=$3
    shift 3
    eventually 90 has ready
    for address; do
        check "$name: $address: 64 connections" peer load "$address" 64 32768
        check "$name: $address: closed, reset and half closed" peer ends "$address"
    done
    eventually 90 has clients=done
    for port in $ports; do
        check "$name: guest to port $port: 64 connections" has "$port vsock-load=ok"
        check "$name: guest to port $port: closed, reset and half closed" \
            has "$port vsock-ends=ok"
    done
    check "$name: guest to a port of nobody" has "9 vsock-none=ok"
    check "$name: the guest's server ends" peer quit "$1"
    finish
    check "$name: the guest's server was well" has vsock-serve=ok
    check "$name: exit status" [ $status = 0 ]
    check "$name: the host's server was well" peer quit "$quit"
    wait $server
}

start() { # KERNEL PORTS ARGUMENT...
    kernel=$1 ports=$2
    shift 2
    : >out
    timeout 300 ./tvm-run --kernel "bzImage-$kernel" --initrd "initrd-$kernel" --memory 256M \
        --cpus 2 --cmdline "console=ttyS0 quiet panic=-1 tvm.case=vsock tvm.ports=$ports" "$@" \
        >out 2>err </dev/null &
    pid=$!
}

hybrid() { # KERNEL ARGUMENT...
    kernel=$1
    shift
    serve unix:v_5000
    start "$kernel" 5000 --vsock 5,path=v "$@"
    both_ends "$kernel, hybrid, $*" unix:v_5000 5000 hybrid:v:1024
}

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
kernel=bzImage-small initrd=initrd-small cmdline="$params=vsock tvm.ports=5000"
launch sev "$name" --memory 256M --vsock 5,path=v && {
    both_ends "$name" unix:v_5000 5000 hybrid:v:1024
}

vhost() { # KERNEL ARGUMENT...
    kernel=$1
    shift
    serve vsock:4294967295:5000
    start "$kernel" 5000 --vsock 5,vhost "$@"
    both_ends "$kernel, vhost, $*" vsock:1:5000 5000 vsock:5:1024
}

if modprobe -a vhost_vsock vsock_loopback 2>/dev/null && [ -c /dev/vhost-vsock ]; then
    vhost small --transport mmio # vsock-kernel.sh has it on PCI
else
    result ok "vhost # SKIP no /dev/vhost-vsock on this host"
fi

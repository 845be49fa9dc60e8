# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# For groups of ../linux.sh about vsock, with vsock-peer beside the kernels and in their initrds:
# in each machine both sides are server and client at once.

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

# both_ways NAME QUIT-ADDRESS GUEST-PORTS ADDRESS...: of the guest, as the host calls it. Then the
# guest's case "vsock" ends; both_ended is for when it has.
both_ways() {
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
}

both_ended() {
    check "$name: the guest's server was well" has vsock-serve=ok
    check "$name: the host's server was well" peer quit "$quit"
    wait $server
}

both_ends() { # as both_ways
    both_ways "$@"
    finish
    check "$name: exit status" [ $status = 0 ]
    both_ended
}

start() { # KERNEL PORTS ARGUMENT...
    kernel=$1 ports=$2
    shift 2
    : >out
    timeout 300 ./tvm-run --kernel "$image-$kernel" --initrd "initrd-$kernel" --memory 256M \
        --cpus 2 --cmdline "console=ttyS0 quiet panic=-1 tvm.case=vsock tvm.vsock=$ports" "$@" \
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

vhost() { # KERNEL ARGUMENT...
    kernel=$1
    shift
    serve vsock:4294967295:5000
    start "$kernel" 5000 --vsock 5,vhost "$@"
    both_ends "$kernel, vhost, $*" vsock:1:5000 5000 vsock:5:1024
}

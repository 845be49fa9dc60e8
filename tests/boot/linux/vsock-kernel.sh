# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The kernel's own tests of AF_VSOCK (tools/testing/vsock) between a guest and its host, each of
# them in both roles: over vhost-vsock all of them, over the unix-socket hybrid those that apply.
#
# Over the hybrid the host's end is vsock_test with vsock_hybrid.c between it and the unix
# sockets. What does not apply there:
#   SOCK_SEQPACKET ...               the hybrid has stream sockets only
#   SOCK_STREAM poll() + SO_RCVLOWAT with the client on the host: poll() of its unix socket does
#                                    not look at SO_RCVLOWAT; with the client in the guest it does
#   vsock_diag_test                  lists AF_VSOCK sockets, of which the host has none
#
# kernels: bzImage-6.1

ended() { grep -q 'Control socket connected' host.log; }

# role SERVER|CLIENT PROGRAM GUEST-PROGRAM WHAT SKIP-PATTERN: the host's part; then the report.
role() {
    mode=$1 program=$2 guest=$3 name=$4 pattern=$5
    if [ "$mode" = server ]; then
        other=client title="host server, guest client"
        set -- --control-port=7001
    else
        other=server title="host client, guest server"
        set -- --control-host=10.9.0.2 --control-port=7002
    fi
    "./$program" --list 2>/dev/null | sed 1d >list
    while read -r id test; do
        [ -z "$pattern" ] || ! echo "$test" | grep -qE "$pattern" || set -- "$@" --skip="$id"
    done <list
    tries=0
    until timeout 150 "./$program" --mode="$mode" --peer-cid=5 "$@" >host.log 2>&1 ||
        [ "$mode" = server ] || ended || [ $tries = 300 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
    # What it says last has to arrive on the console.
    eventually 20 grep -qa "^tvm-guest: $guest $other: All tests" out
    tr -d '\r' <out | sed -n "s/^tvm-guest: $guest $other: //p" >guest.log
    while read -r id test; do
        label="$name, $title: $guest: $test"
        if grep -qxF "$id - $test...skipped" host.log; then
            result ok "$label # SKIP does not apply"
        elif grep -qxF "$id - $test...ok" host.log && grep -qxF "$id - $test...ok" guest.log; then
            result ok "$label"
        else
            result "not ok" "$label"
            sed 's/^/# host: /' host.log
            sed 's/^/# guest: /' guest.log
        fi
    done <list
    check "$name, $title: $guest: both came to the end" \
        [ "$(cat host.log guest.log | grep -c 'Waiting other peer...ok')" = 2 ]
}

machine() { # TESTS ARGUMENT...
    tests=$1
    shift
    : >out >err
    timeout 600 ./tvm-run --kernel bzImage-6.1 --initrd initrd-tests --memory 256M --cpus 2 \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.tests=$tests" --net tap=tvm0 "$@" \
        >out 2>err </dev/null &
    pid=$!
    eventually 10 ifconfig tvm0 10.9.0.1 netmask 255.255.255.0 up 2>/dev/null
}

end() { # NAME
    finish
    check "$1: exit status" [ $status = 0 ]
}

export VSOCK_PATH=v VSOCK_CID=5
if ! modprobe -a tun 2>/dev/null || [ ! -c /dev/net/tun ]; then
    result ok "the kernel's vsock tests # SKIP no tap interfaces on this host"
else
    machine vsock_test --vsock 5,path=v
    role server vsock_test_hybrid vsock_test hybrid SEQPACKET
    role client vsock_test_hybrid vsock_test hybrid 'SEQPACKET|SO_RCVLOWAT'
    end hybrid
    if modprobe -a vhost_vsock vsock_diag 2>/dev/null && [ -c /dev/vhost-vsock ]; then
        machine vsock_test+vsock_diag_test --vsock 5,vhost
        for program in vsock_test vsock_diag_test; do
            role server $program $program vhost ""
            role client $program $program vhost ""
        done
        end vhost
    else
        result ok "vhost # SKIP no /dev/vhost-vsock on this host"
    fi
fi

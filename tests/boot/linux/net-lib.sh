# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# For groups of ../linux.sh with networks: a tap served by tvm-run, taps served by the host's
# kernel (vhost-net), one of them with two queues, and passt. Over each of them ping, a checksummed
# file both ways and, unless $iperf is "no", iperf3 both ways.

# The interfaces are made in this machine: where it is not an emulated one, in a network of ours.
if [ ! -e /test/run ] && [ -z "${TVM_NET-}" ]; then
    if ! unshare -n true 2>/dev/null; then
        echo "1..0 # SKIP no network namespace of its own"
        exit 0
    fi
    exec env TVM_NET=1 unshare -n sh "$0"
fi
# shellcheck disable=SC2046
trap 'kill $(jobs -p) 2>/dev/null' EXIT
ip link set lo up
modprobe -a tun vhost_net veth 2>/dev/null
dd if=/dev/urandom of=blob bs=1M count=2 2>/dev/null
md5=$(md5sum <blob | cut -c 1-32)

tap() { # NAME ADDRESS: made by tvm-run, so the address comes when it is there
    eventually 60 ip addr add "$2/24" dev "$1" 2>/dev/null && ip link set "$1" up
}

iperf=${iperf-yes}
[ $iperf = no ] || for k in 1 2 3 4; do iperf3 -s -p 520$k >/dev/null 2>&1 & done

# passt wants an interface with a default route, whose gateway's address then is this machine.
ip link add wan type veth
ip link set veth0 up && ip link set wan up
ip addr add 10.4.0.2/24 dev wan && ip route add default via 10.4.0.1
# Pings are not for that address, and it sends them by sockets that not all may have.
ip addr add 10.4.0.9/32 dev lo
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range

# It leaves the root directory for an empty one, which cannot be done from an initramfs: there it
# gets another root. The user namespace that it makes is refused below a mere chroot.
in_root=
mkdir -p root/tmp
if [ -e /test/run ]; then
    mount -t tmpfs root root && mkdir root/tmp root/proc root/dev root/etc
    for dir in /bin /lib /lib64; do [ ! -d $dir ] || cp -a $dir root; done
    mount --bind /dev root/dev && mount -t proc proc root/proc
    in_root="unshare -m sh -c 'cd root && mount -o move . / && exec chroot . \"\$@\"' sh"
fi
chmod 1777 root/tmp
passt_start() {
    socket=root/tmp/passt.socket inside=$socket
    [ -z "$in_root" ] || inside=/tmp/passt.socket
    rm -f $socket
    eval "$in_root passt -f -4 --one-off -s $inside -l ${inside%.*}.log --runas 65534" >passt.out 2>&1 &
    eventually 20 [ -S $socket ] || sed 's/^/# passt: /' passt.out
}

nets="1:10.1.0.2:10.1.0.1,2:10.2.0.2:10.2.0.1,3:10.3.0.2:10.3.0.1,4:10.4.0.2:10.4.0.1"
more="tvm.net=$nets tvm.md5=$md5 tvm.ping4=10.4.0.9"
mac=52:54:00:00:00

networks() { # COMMAND...: with the options for all networks
    # shellcheck disable=SC2086
    [ -z "${servers-}" ] || kill $servers 2>/dev/null
    servers=
    for k in 1 2 3 4; do net_serve $k; done
    passt_start
    tap tap1 10.1.0.1 & tap tap2 10.2.0.1 & tap tap3 10.3.0.1 &
    "$@" --log-level info --net "tap=tap1,mac=$mac:01,vhost=off" \
        --net "tap=tap2,mac=$mac:02,vhost=on" --net "tap=tap3,mac=$mac:03,queues=2" \
        --net "stream=$socket,mac=$mac:04"
}

worked() { # NAME
    for k in 1 2 3 4; do
        grep -a "^tvm-guest: net$k" out | sed 's/\r//; s/^tvm-guest:/#/'
        check "$1: net $k: ping" has "net$k ping=ok"
        check "$1: net $k: from the host" has "net$k get=ok"
        check "$1: net $k: to the host" [ "$(md5sum <back$k | cut -c 1-32)" = "$md5" ]
        [ $iperf = no ] || check "$1: net $k: iperf3" [ "$(grep -ac "net$k iperf_.*=[0-9.]* Mbit" out)" = 2 ]
    done
    check "$1: done in this process" grep -q 'net0: served by this process' err
    check "$1: done by the kernel" grep -q 'net1: served by the host.s kernel' err
    check "$1: the kernel is taken where it is" grep -q 'net2: served by the host.s kernel' err
    check "$1: two queues for two processors" grep -qa 'net3 device=.* queues=2' out
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# /case of the guests of tests/bench/guest: runs what the kernel parameter tvm.do=NAME names, a
# function here, which prints "tvm-bench: FIGURE VALUE UNIT" lines.

figure() { echo "tvm-bench: $1 $2 $3"; }

do_blk() {
    for _ in $(seq 100); do [ -b /dev/vda ] && break; sleep 0.1; done
    # Once through all of it: the first access is the host's business.
    /io seqread /dev/vda 131072 1 2 >/dev/null
    figure blk.seqread_128k "$(/io seqread /dev/vda 131072 2 4)" blocks/s
    figure blk.seqwrite_128k "$(/io seqwrite /dev/vda 131072 2 4)" blocks/s
    figure blk.randread_4k_depth1 "$(/io randread /dev/vda 4096 1 4)" blocks/s
    figure blk.randread_4k_depth8 "$(/io randread /dev/vda 4096 8 4)" blocks/s
    figure blk.randwrite_4k_depth8 "$(/io randwrite /dev/vda 4096 8 4)" blocks/s
}

# rate AMOUNT COMMAND...: so much a second
rate() {
    amount=$1
    shift
    read -r from _ </proc/uptime
    "$@" >/dev/null 2>&1 </dev/null
    read -r to _ </proc/uptime
    awk -v n="$amount" -v from="$from" -v to="$to" 'BEGIN { printf "%.1f\n", n / (to - from + 0.005) }'
}

do_9p() {
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none host /mnt || return
    dd if=/mnt/large of=/dev/null bs=1M 2>/dev/null
    figure 9p.read_1m "$(rate 32 dd if=/mnt/large of=/dev/null bs=1M)" MiB/s
    figure 9p.write_1m "$(rate 32 dd if=/dev/zero of=/mnt/new bs=1M count=32)" MiB/s
    figure 9p.stat "$(rate 400 ls -l /mnt/many)" files/s
    figure 9p.open_read "$(rate 400 cat /mnt/many/*)" files/s
    figure 9p.create_remove "$(rate 200 sh -c 'mkdir /mnt/d && cd /mnt/d && touch $(seq 200) &&
        rm -r /mnt/d')" files/s
}

send() { head -c 33554432 /dev/zero | nc 10.9.0.1 5001; }
receive() { nc 10.9.0.1 5002 | head -c 33554432; }

do_tap() {
    ip addr add 10.9.0.2/24 dev eth0 && ip link set eth0 up
    for _ in $(seq 100); do ping -c 1 -W 1 10.9.0.1 >/dev/null && break; done
    figure tap.send "$(rate 32 send)" MiB/s
    sleep 0.5
    figure tap.receive "$(rate 32 receive)" MiB/s
}

mkdir -p /mnt
for word in $(cat /proc/cmdline); do
    case $word in tvm.do=*) "do_${word#*=}" ;; esac
done

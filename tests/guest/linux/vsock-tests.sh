#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# /case of a guest that is the other end of the kernel's own vsock tests: for each program of
# tvm.tests a client of the host's server, then a server for the host's client. Their control
# connections are TCP, from 10.9.0.2 to 10.9.0.1 and back.

export PATH=/bin:/sbin

param() {
    for word in $(cat /proc/cmdline); do
        case $word in tvm.$1=*) echo "${word#*=}" ;; esac
    done
}

say() { sed "s/^/tvm-guest: $1: /" /tmp/log; }

until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up
for test in $(param tests | tr + ' '); do
    # The host begins when it likes.
    tries=0
    until "$test" --mode=client --control-host=10.9.0.1 --control-port=7001 --peer-cid=2 \
        >/tmp/log 2>&1 || grep -q 'Control socket connected' /tmp/log || [ $tries = 300 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
    say "$test client"
    "$test" --mode=server --control-port=7002 --peer-cid=2 >/tmp/log 2>&1
    say "$test server"
done

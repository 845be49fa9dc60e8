#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# /init of the emulated host machine. The serial ports are its whole contact
# with x86_64.sh:
#   ttyS0  the kernel's messages
#   ttyS1  what the payload prints, and nothing else; nobody reads what comes in, which is there
#          for the interrupts it causes (x86_64.sh says why)
#   ttyS2  the course of things: "run", a "beat" every five seconds, then "exit STATUS"

export PATH=/bin:/sbin:/test HOME=/tmp TERM=dumb

mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/pts /dev/shm /tmp /run
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
mount -t tmpfs none /tmp
mount -t tmpfs none /run
ip link set lo up

# Bytes, not text: no carriage returns, no echo, no interrupt characters.
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw -echo

debug() { echo "<7>tvm-nested: $*" >/dev/kmsg; }

finish() {
    # The order matters: ttyS1 must have left the machine first.
    sync
    sleep 0.1
    echo "exit $1" >/dev/ttyS2
    poweroff -f
}

# A payload loads the modules it needs: modprobe tun vhost_net vhost_vsock ...
modprobe -a irqbypass kvm kvm_amd
[ -c /dev/kvm ] || debug "no /dev/kvm"

read -r uptime _ </proc/uptime
debug "payload starts after $uptime s, $(free -m | awk '/^Mem/ { print $4 }') MiB free"
echo run >/dev/ttyS2
# While this goes on the machine lives, whatever the payload does.
while sleep 5; do echo beat >/dev/ttyS2; done &

cd /test || finish 125
# setsid gives the payload a session of its own; its console is no terminal.
setsid sh /test/run </dev/null >/dev/ttyS1 2>&1
status=$?

# What the kernel saw helps only when something went wrong.
[ "$status" = 0 ] || dmesg >/dev/ttyS0
finish "$status"

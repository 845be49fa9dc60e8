#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# /init of the emulated host machine. Three lines are its whole contact with machine.sh:
# the console has the kernel's messages; kernel parameters name the others,
#   tvm.out     what the payload prints, and nothing else; nobody reads what comes in, which is
#               there for the interrupts it causes (machine.sh says why)
#   tvm.course  the course of things: "run", a "beat" every five seconds, then "exit STATUS"

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

for word in $(cat /proc/cmdline); do
    case $word in
    tvm.out=*) out=/dev/${word#*=} ;;
    tvm.course=*) course=/dev/${word#*=} ;;
    esac
done
# Bytes, not text: no carriage returns, no echo, no interrupt characters. That is forgotten when a
# line is not open any more.
exec 5<>"$out" 6<>"$course"
stty -F "$out" raw -echo
stty -F "$course" raw -echo

debug() { echo "<7>tvm-nested: $*" >/dev/kmsg; }

finish() {
    # The order matters: the output must have left the machine first.
    sync
    sleep 0.1
    echo "exit $1" >"$course"
    poweroff -f
}

# A payload loads the modules it needs: modprobe tun vhost_net vhost_vsock ...
modprobe -a irqbypass kvm kvm_amd 2>/dev/null # built in on Arm
[ -c /dev/kvm ] || debug "no /dev/kvm"

read -r uptime _ </proc/uptime
debug "payload starts after $uptime s, $(free -m | awk '/^Mem/ { print $4 }') MiB free"
echo run >"$course"
# While this goes on the machine lives, whatever the payload does.
while sleep 5; do echo beat >"$course"; done &

cd /test || finish 125
# setsid gives the payload a session of its own; its console is no terminal.
setsid sh /test/run </dev/null >"$out" 2>&1
status=$?

# What the kernel saw helps only when something went wrong.
[ "$status" = 0 ] || dmesg >/dev/console
finish "$status"

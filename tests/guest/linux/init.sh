#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# /init of a test guest. Loads the modules of mkinitrd.sh, then runs /case if
# the initrd has one, else the cases that the kernel parameter tvm.case=NAME,...
# names; then powers off. The lines that tests look at begin "tvm-guest: ".

export PATH=/bin:/sbin HOME=/root TERM=dumb

say() { echo "tvm-guest: $*"; }

# param NAME DEFAULT: the value of the kernel parameter tvm.NAME.
param() {
    for word in $(cat /proc/cmdline); do
        case $word in tvm.$1=*) echo "${word#*=}"; return ;; esac
    done
    echo "$2"
}

# appears PATH: waits up to five seconds for a device that is being probed.
appears() {
    for _ in $(seq 50); do
        [ -e "$1" ] && return
        sleep 0.1
    done
    return 1
}

forget_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }
digest() { md5sum | cut -c 1-32; }

case_info() {
    say "cpus=$(grep -c ^processor /proc/cpuinfo)"
    say "mem_kb=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)"
    for _ in 1 2 3; do say "epoch=$(date +%s) uptime=$(cut -d. -f1 /proc/uptime)"; sleep 0.2; done
    say "cmdline=$(cat /proc/cmdline)"
    say ready
}

# Which drivers have a virtio device.
case_bound() {
    for device in /sys/bus/virtio/drivers/*/virtio*; do
        say "bound=$(basename "$(dirname "$device")")"
    done
}

# The host at the other end of a tap interface answers.
case_ping() {
    appears /sys/class/net/eth0 || { say "ping=no eth0"; return; }
    ip addr add 10.9.0.2/24 dev eth0
    ip link set eth0 up
    ping -c 5 -s 1000 -w 60 10.9.0.1 >/tmp/ping && say "ping=ok"
    say "ping_received=$(sed -n 's/.* \([0-9]*\) packets received.*/\1/p' /tmp/ping)"
}

# Optional parts of a processor (aarch64).
case_cpu() {
    say "cpu=$(grep -m 1 ^Features /proc/cpuinfo | cut -d: -f 2)"
    say "pmu=$(cd /sys/bus/event_source/devices && echo armv8*)"
}

case_reboot() { say ready; reboot -f; }
case_panic() { say ready; echo c >/proc/sysrq-trigger; }
case_idle() { say ready; while :; do sleep 3600; done; }

# /dev/vda is writable: random data at its two ends must survive the page
# cache. /dev/vdb, if there is one, refuses writes.
case_disk() {
    appears /dev/vda || { say "disk=no /dev/vda"; return; }
    sectors=$(cat /sys/block/vda/size)
    say "disk_kb=$((sectors / 2))"
    dd if=/dev/urandom of=/tmp/pattern bs=1M count=2 2>/dev/null
    want=$(digest </tmp/pattern)
    for at in 0 $((sectors / 4096 - 1)); do
        dd if=/tmp/pattern of=/dev/vda bs=1M seek=$((at * 2)) conv=fsync 2>/dev/null ||
            { say "disk=write error at MiB $((at * 2))"; return; }
    done
    forget_caches
    for at in 0 $((sectors / 4096 - 1)); do
        got=$(dd if=/dev/vda bs=1M skip=$((at * 2)) count=2 2>/dev/null | digest)
        [ "$got" = "$want" ] || { say "disk=other data at MiB $((at * 2))"; return; }
    done
    if [ -e /dev/vdb ]; then
        dd if=/tmp/pattern of=/dev/vdb bs=512 count=1 conv=fsync 2>/dev/null &&
            { say "disk=/dev/vdb takes writes"; return; }
        say "readonly=ok"
    fi
    say "disk=ok"
}

# A line out, a line in, and the same line in capitals out again.
case_hvc() {
    appears /dev/hvc0 || { say "hvc=no /dev/hvc0"; return; }
    exec 3<>/dev/hvc0
    stty -echo <&3
    say "hvc ready" >&3
    say ready
    read -r -t 60 line <&3 || { say "hvc=nothing to read"; return; }
    answer=$(echo "$line" | tr a-z A-Z)
    say "hvc=$answer" >&3
    say "hvc=$answer"
    sleep 0.2
}

# The device of a console, or of the port that a name belongs to.
port_device() {
    case $1 in hvc* | ttyS*) echo "/dev/$1"; return ;; esac
    for file in /sys/class/virtio-ports/*/name; do
        [ -e "$file" ] && [ "$(cat "$file")" = "$1" ] || continue
        file=${file%/name}
        echo "/dev/${file##*/}"
    done
}

# Lines that come are sent back in capitals, until "bye".
answer() {
    exec 3<>"$2" || return
    case $1 in hvc* | ttyS*) stty -echo <&3; say "$1 size=$(stty size <&3)" ;; esac
    echo "$1 ready" >&3
    while :; do
        # Nobody there: a port says so at once.
        read -r line <&3 || { sleep 0.1; continue; }
        [ "$line" != bye ] || break
        echo "$1=$(echo "$line" | tr a-z A-Z)" >&3
    done
    say "$1 bye"
}

case_ports() {
    for name in $(param ports hvc0 | tr , ' '); do
        for _ in $(seq 50); do
            device=$(port_device "$name")
            [ -z "$device" ] || [ ! -e "$device" ] || break
            sleep 0.1
        done
        say "port=$name:${device##*/}"
        answer "$name" "$device" &
    done
    wait
    say "ports=done"
}

# A function of PCI is reset alone, without its driver; with it, it works as before.
case_flr() {
    dir=$(readlink -f /sys/bus/virtio/drivers/virtio_rng/virtio*/..)
    echo af_flr >"$dir/reset_method" || { say "flr=no such method"; return; }
    echo "${dir##*/}" >/sys/bus/pci/drivers/virtio-pci/unbind
    [ ! -e /sys/bus/virtio/drivers/virtio_rng/virtio* ] || { say "flr=not unbound"; return; }
    echo 1 >"$dir/reset" || { say "flr=cannot reset"; return; }
    echo "${dir##*/}" >/sys/bus/pci/drivers/virtio-pci/bind
    appears /dev/hwrng
    got=$(dd if=/dev/hwrng bs=64 count=1 iflag=fullblock 2>/dev/null | wc -c)
    say "flr=$got bytes"
}

# Who feeds /dev/random: the current generator, by a thread of the kernel, and credited.
case_random() {
    appears /dev/hwrng || { say "random=no /dev/hwrng"; return; }
    say "random_current=$(cat /sys/class/misc/hw_random/rng_current)"
    say "random_quality=$(cat /sys/class/misc/hw_random/rng_quality)"
    ps | grep -q '\[hwrng\]' && say "random_thread=yes"
    dmesg | grep -q 'random: crng init done' && say "random_init=done"
    say "random_bytes=$(dd if=/dev/random bs=64 count=64 iflag=fullblock 2>/dev/null | wc -c)"
}

# The host takes memory by the balloon and gives it back.
case_inflate() {
    say start
    while :; do
        say "free_mb=$(awk '/^MemFree/ { print int($2 / 1024) }' /proc/meminfo)"
        sleep 1
    done
}

# Memory is used and given back; what the host sees of it, it measures itself.
case_balloon() {
    mib=$(param mib 300)
    mkdir -p /fill
    mount -t tmpfs -o size=$((mib + 100))m fill /fill
    say start
    sleep 4
    dd if=/dev/urandom of=/fill/block bs=1M count=1 2>/dev/null
    for i in $(seq "$mib"); do cat /fill/block; done >/fill/data
    say filled
    sleep 4
    umount /fill
    say freed
    read -r line
    # What was given away is there again.
    mount -t tmpfs -o size=$((mib + 100))m fill /fill
    for i in $(seq 100); do cat /proc/version; done >/fill/text
    say "balloon=$(sort -u /fill/text | wc -l)"
}

# zone NAME free|present: kilobytes, 0 when there is no such zone.
zone() {
    awk -v zone="$1" -v field="$2" '
        /^Node/ { here = $4 == zone }
        here && $1 == "pages" { $1 = $2; $2 = $3 }
        here && $1 == field { kb += $2 * 4 }
        END { print kb + 0 }' /proc/zoneinfo
}

zones() {
    for z in DMA32 Normal; do
        say "zone=$z present_kb=$(zone $z present) free_kb=$(zone $z free) $1"
    done
}

# Memory past 4 GiB is the Normal zone, which the kernel takes first.
case_highmem() {
    mib=$(param mib 256)
    zones before
    before=$(zone Normal free)
    [ "$before" -gt 0 ] || { say "highmem=no Normal zone"; return; }
    mkdir /fill
    mount -t tmpfs -o size=$((mib + 8))m fill /fill
    dd if=/dev/urandom of=/tmp/block bs=1M count=1 2>/dev/null
    # Each piece differs, so that pages mixed up cannot look right.
    for i in $(seq "$mib"); do { echo "$i"; cat /tmp/block; } >"/fill/$i"; done
    used=$((before - $(zone Normal free)))
    zones after
    block=$(digest </tmp/block)
    for i in $(seq "$mib"); do
        { read -r number; got=$(digest); } <"/fill/$i"
        [ "$number $got" = "$i $block" ] || { say "highmem=other data in MiB $i"; return; }
    done
    [ $used -gt $((mib * 512)) ] || { say "highmem=Normal zone hardly used ($used kB)"; return; }
    say "highmem=ok normal_used_kb=$used"
}

# A shared directory: read what the host put there, leave something for it.
case_share() {
    mkdir -p /mnt
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 host /mnt ||
        { say "share=cannot mount"; return; }
    [ "$(cat /mnt/hello)" = "from the host" ] || { say "share=other contents"; return; }
    mkdir -p /mnt/made/deep && dd if=/dev/urandom of=/mnt/made/deep/data bs=64k count=32 2>/dev/null
    (cd /mnt/made/deep && md5sum data >sum && mv data moved && ln -s moved data && chmod 640 moved)
    umount /mnt
    say "share=ok"
}

# Networks, tvm.net=K:ADDRESS:PEER,...: the interface with MAC 52:54:00:00:00:0K. The peer answers
# pings (or tvm.pingK does), gives a file at port 500K (tvm.md5), takes it back at 510K and says
# "got", and runs iperf3 at 520K, unless tvm.iperf=no.
case_net() {
    ip link set lo up
    for net in $(param net | tr , ' '); do
        number=${net%%:*} peer=${net##*:} address=${net#*:}
        net_one "$number" "${address%:*}" "$peer"
    done
    say "net=done"
}

net_one() {
    device=$(grep -l "52:54:00:00:00:0$1" /sys/class/net/*/address | cut -d / -f 5)
    [ "$device" ] || { say "net$1=no interface"; return; }
    ip addr add "$2/24" dev "$device" && ip link set "$device" up
    queues=$(ls -d /sys/class/net/"$device"/queues/tx-* | wc -l)
    say "net$1 device=$device queues=$queues carrier=$(cat /sys/class/net/"$device"/carrier)"
    if ping -c 3 -i 0.2 -w 20 "$(param "ping$1" "$3")" >/tmp/ping; then say "net$1 ping=ok"; else say "net$1 ping=no"; fi
    # Programs on the socket itself: nc would copy 1 KiB at a time, a packet each.
    nc "$3" "500$1" -e sh -c 'exec cat >/tmp/blob'
    if [ "$(digest </tmp/blob)" = "$(param md5)" ]; then say "net$1 get=ok"
    else say "net$1 get=$(wc -c </tmp/blob) bytes"; fi
    nc "$3" "510$1" -e sh -c 'cat /tmp/blob && read -r answer && [ "$answer" = got ]' &&
        say "net$1 put=sent"
    [ "$(param iperf yes)" = yes ] || return
    for way in up down; do
        [ $way = up ] && reverse= || reverse=-R
        iperf3 -c "$3" -p "520$1" -t 1 -f m $reverse >/tmp/iperf 2>&1 ||
            { say "net$1 iperf_$way=failed: $(tail -n 1 /tmp/iperf)"; continue; }
        say "net$1 iperf_$way=$(awk '/receiver/ { print $(NF - 2) }' /tmp/iperf) Mbit/s"
    done
}

# A server at ports 1024 and 1025 until the host tells it to quit; meanwhile, clients of the host's
# servers at the ports that tvm.vsock names (none at port 9).
case_vsock() {
    any=4294967295
    vsock-peer serve vsock:$any:1024 vsock:$any:1025 >/tmp/serve &
    sleep 0.2
    say ready
    for port in $(param vsock 5000 | tr + ' '); do
        say "$port $(vsock-peer load "vsock:2:$port" 64 32768)"
        say "$port $(vsock-peer ends "vsock:2:$port")"
    done
    say "9 $(vsock-peer none vsock:2:9)"
    say "clients=done"
    wait
    say "$(cat /tmp/serve)"
}

case_button() {
    appears /dev/input/event0 || { say "button=no input device"; return; }
    say ready
    for event in /dev/input/event*; do
        { dd if="$event" of=/dev/null bs=24 count=1 2>/dev/null && : >/tmp/pressed; } &
    done
    until [ -e /tmp/pressed ]; do sleep 0.1; done
    say button
}

case_rng() {
    appears /dev/hwrng || { say "rng=no /dev/hwrng"; return; }
    say "rng_current=$(cat /sys/class/misc/hw_random/rng_current)"
    dd if=/dev/hwrng of=/tmp/a bs=64 count=1 iflag=fullblock 2>/dev/null
    dd if=/dev/hwrng of=/tmp/b bs=64 count=1 iflag=fullblock 2>/dev/null
    [ "$(wc -c </tmp/a)" = 64 ] || { say "rng=short read"; return; }
    if cmp -s /tmp/a /tmp/b; then say "rng=the same twice"; else say "rng=ok"; fi
}

# All processors hash random memory; each must find the same digest again.
case_stress() {
    rounds=$(param rounds 10)
    cpus=$(grep -c ^processor /proc/cpuinfo)
    dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null
    want=$(digest </tmp/data)
    for round in $(seq "$rounds"); do
        for cpu in $(seq "$cpus"); do
            { cp /tmp/data "/tmp/copy$cpu"
              [ "$(digest <"/tmp/copy$cpu")" = "$want" ] || : >/tmp/wrong; } &
        done
        wait
        say "stress=$round/$rounds"
    done
    if [ -e /tmp/wrong ]; then say "stress=wrong digest"; else say "stress=ok"; fi
}

# What a confidential guest says of itself. Later kernels put a word or two between.
case_sevinfo() {
    dmesg >/tmp/dmesg
    for line in "Memory Encryption Features active:.*AMD SEV *$" \
        "software IO TLB: Memory encryption is active"; do
        grep -o "$line" /tmp/dmesg | while read -r found; do say "dmesg=$found"; done
    done
    grep -E 'WARNING|BUG:|Oops|ACPI Error|Call Trace' /tmp/dmesg |
        while read -r found; do say "complaint=$found"; done
    say "sevinfo=done"
}

# What a realm says of itself, and its token for a challenge of 64 letters c.
case_realm() {
    dmesg >/tmp/dmesg
    grep -q 'RME: Using RSI version 1.0' /tmp/dmesg && say "rsi=1.0"
    grep -q 'software IO TLB: Memory encryption is active' /tmp/dmesg && say "bounce=yes"
    grep -E 'WARNING|BUG:|Oops|Call Trace' /tmp/dmesg |
        while read -r found; do say "complaint=$found"; done
    mount -t configfs none /sys/kernel/config
    report=/sys/kernel/config/tsm/report/r0
    mkdir $report || { say "token=no TSM"; return; }
    printf '%64s' '' | tr ' ' c >$report/inblob
    base64 <$report/outblob | tr -d '\n' >/tmp/token
    say "provider=$(cat $report/provider)"
    say "token=$(cat /tmp/token)"
    say "fdt=$(base64 </sys/firmware/fdt | tr -d '\n')"
}

# Interrupts of virtio devices.
case_irqs() {
    grep virtio /proc/interrupts | while read -r line; do say "irq=$line"; done
}

# Addresses that are no memory of the guest's: what becomes of a program that reads one of
# tvm.wrong=ADDRESS,... and what the kernel says to it.
case_wrong() {
    echo 1 >/proc/sys/debug/exception-trace
    for address in $(param wrong | tr , ' '); do
        devmem "$address" 8 >/tmp/devmem 2>&1
        say "wrong=$address status=$? $(head -n 1 /tmp/devmem)"
    done
    dmesg | grep -o 'devmem.*unhandled exception.*' | while read -r line; do say "dmesg=$line"; done
    say "wrong=done"
}

# Launch secrets, as efi_secret shows them; the first one, deleted, must be gone.
case_secret() {
    coco=/sys/kernel/security/secrets/coco
    mount -t securityfs none /sys/kernel/security 2>/dev/null
    appears $coco || { say "secrets=none"; return; }
    number=0 first=
    for file in "$coco"/*; do
        [ -f "$file" ] || continue
        number=$((number + 1))
        first=${first:-$file}
        say "secret=${file##*/}:$(tr -d '\0' <"$file")"
        say "secret_bytes=${file##*/}:$(wc -c <"$file")"
    done
    say "secrets=$number"
    [ "$first" ] || return
    rm "$first"
    if [ -e "$first" ] || cat "$first" >/dev/null 2>&1; then
        say "secret_wiped=no"
    else
        say "secret_wiped=yes"
    fi
}

# Memory for others to look for: one text kept in a file, another one sent to a
# disk. Neither is written here or on the command line as it stands in memory;
# lines of 64 bytes never lie across two pages.
case_marker() {
    kept=$(printf '%-63s' "marker=private=$(param tag none)=kept")
    sent=$(printf '%-63s' "marker=shared=$(param tag none)=sent")
    yes "$kept" | head -n 1000 >/tmp/marker
    if appears /dev/vda; then
        yes "$sent" | head -n 1000 | dd of=/dev/vda bs=4096 conv=sync,fsync 2>/dev/null
    fi
    say "marker=$(wc -l </tmp/marker)"
    say ready
    while :; do sleep 3600; done
}

# More cases, which a group of tests/boot/linux.sh adds.
for file in /cases/*; do
    # shellcheck source=/dev/null
    [ ! -f "$file" ] || . "$file"
done

mkdir -p /proc /sys /dev /tmp /run
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t tmpfs none /run

if [ -e /modules/order ]; then
    while read -r module; do insmod "/modules/$module"; done </modules/order
fi

if [ -x /case ]; then
    /case
    say "exit=$?"
else
    for name in $(param case info | tr , ' '); do
        if type "case_$name" >/dev/null 2>&1; then "case_$name"; else say "no case $name"; fi
    done
fi
# What is still on its way to the console would be lost: setting a terminal waits for it.
stty -F /dev/console onlcr 2>/dev/null
poweroff -f

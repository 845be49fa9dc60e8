# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The cases of linux.sh, for any POSIX shell (busybox in the nested test machine), run in a
# folder with tvm-run, kernels and initrds. Prints TAP.
#
# The clocks of guest and host are compared here, where both are at hand.

count=0
selected=$(cat selected)

result() { # RESULT NAME
    count=$((count + 1))
    echo "$1 $count - $2"
    [ "$1" = ok ] || { sed 's/^/# out: /' out | tail -n 15; sed 's/^/# err: /' err; }
}

# Behind the line with the guest's clock, the host's at the moment when it was printed.
stamp() { awk '{ print } /^tvm-guest: epoch=/ { print "host: epoch=" systime() }'; }

# vm STATUS NAME ARGUMENTS...: run a guest to its end and compare the exit status.
vm() {
    want=$1 name=$2
    shift 2
    { timeout 300 ./tvm-run "$@" 2>err </dev/null; echo $? >status; } | stamp >out
    got=$(cat status)
    [ $got = "$want" ] && return
    result "not ok" "$name (exit status $got, not $want)"
    return 1
}

has() { grep -qaF "tvm-guest: $1" out; }
value() { sed -n "s/^tvm-guest: $1=\([^\r]*\)\r*$/\1/p" out | head -n 1; }

check() { # NAME COMMAND...
    label=$1
    shift
    if "$@"; then result ok "$label"; else result "not ok" "$label"; fi
}

wanted() { [ -z "$selected" ] || case " $selected " in *" $1 "*) ;; *) return 1 ;; esac; }

# between LOW VALUE HIGH
between() { [ "${2:-0}" -ge "$1" ] && [ "$2" -le "$3" ]; }

clock_ok() {
    now=$(sed -n 's/^host: epoch=//p' out)
    between $((now - 1)) "$(value epoch)" $((now + 1))
}

boots() { # KERNEL INITRD CPUS MEMORY LOW_MB HIGH_MB
    name="$1, $3 vCPUs, $4"
    vm 0 "$name" --kernel "$1" --initrd "$2" --cpus "$3" --memory "$4" \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=info" || return
    check "$name: boots to init and powers off" has ready
    check "$name: CPU count" [ "$(value cpus)" = "$3" ]
    check "$name: memory size" between $(($5 * 1024)) "$(value mem_kb)" $(($6 * 1024))
    check "$name: clock" clock_ok
    check "$name: says how it ended" grep -q 'powered off' err
}

if wanted kernels; then
    for k in 6.1 6.12 newest; do
        for cpus in 1 2 4; do boots bzImage-$k initrd-$k $cpus 512M 400 512; done
    done
    for cpus in 1 2 4; do boots vmlinux-6.1 initrd-6.1 $cpus 512M 400 512; done
fi

small() { # STATUS NAME CASE ARGUMENTS...
    want=$1 name=$2 case=$3
    shift 3
    vm "$want" "$name" --kernel bzImage-small --initrd initrd-small --memory 256M \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=$case" "$@"
}

if wanted memory; then
    boots bzImage-small initrd-small 1 64M 30 64
    boots vmlinux-small initrd-small 2 512M 400 512
    boots bzImage-small initrd-small 16 512M 400 512
    boots bzImage-small initrd-small 2 5G 4700 5120
    name="5 GiB: memory above the hole is used"
    vm 0 "$name" --kernel bzImage-small --initrd initrd-small --memory 5G \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=highmem tvm.mib=64" &&
        check "$name" has highmem=ok
fi

if wanted pause; then
    name="a hundred pauses during boot"
    timeout 300 ./pause-linux bzImage-small initrd-small >out 2>err </dev/null
    status=$?
    check "$name" [ $status = 0 ]
    check "$name: the guest came up" has ready
fi

if wanted disk; then
    name="root file system on a virtio disk"
    vm 0 "$name" --kernel bzImage-small --memory 256M --disk path=root.img \
        --cmdline "console=ttyS0 quiet panic=-1 root=/dev/vda rw" &&
        check "$name: writes and verifies" has rootfs=ok
    for k in small 6.1 6.12 newest; do
        name="$k: data on a disk, refusal on a read-only one"
        dd if=/dev/zero of=a.img bs=1M count=0 seek=64 2>/dev/null
        dd if=/dev/zero of=b.img bs=1M count=4 2>/dev/null
        sum=$(md5sum <b.img)
        vm 0 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M --cpus 2 \
            --disk a.img --disk path=b.img,ro \
            --cmdline "console=ttyS0 quiet panic=-1 tvm.case=disk" || continue
        check "$name: data" has disk=ok
        check "$name: refusal" has readonly=ok
        check "$name: size" [ "$(value disk_kb)" = 65536 ]
        check "$name: host file untouched" [ "$(md5sum <b.img)" = "$sum" ]
    done
    name="virtio-mmio: data on a disk, refusal on a read-only one"
    small 0 "$name" disk --transport mmio --disk a.img --disk path=b.img,ro && {
        check "$name: data" has disk=ok
        check "$name: refusal" has readonly=ok
    }
    for k in small 6.1 6.12 newest; do
        name="$k: rng"
        vm 0 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M \
            --cmdline "console=ttyS0 quiet panic=-1 tvm.case=rng" &&
            check "$name" has rng=ok
    done
fi

if wanted share; then
    name="shared directory by 9p"
    rm -rf shared && mkdir shared && echo "from the host" >shared/hello
    small 0 "$name" share --share tag=host,path=shared && {
        check "$name: guest" has share=ok
        check "$name: host sees it" sh -c 'cd shared/made/deep && md5sum -c sum >/dev/null &&
            [ -L data ] && [ "$(stat -c %a moved)" = 640 ]'
    }
    name="virtio-mmio: shared directory by 9p"
    rm -rf shared/made
    small 0 "$name" share --transport mmio --share tag=host,path=shared &&
        check "$name" has share=ok
fi

if wanted console; then
    # Both ways through hvc0, which has the terminal here; ttyS0 goes to a file.
    name="hvc0 in both directions"
    rm -f serial in && mkfifo in
    ./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M --console stdio \
        --serial file=serial --cmdline "console=ttyS0 quiet panic=-1 tvm.case=hvc" \
        <in >out 2>err &
    pid=$!
    exec 3>in
    n=0
    until grep -q "hvc ready" out || [ $n = 60 ]; do sleep 1; n=$((n + 1)); done
    echo "hello hvc" >&3
    wait $pid
    status=$?
    exec 3>&-
    check "$name: out and in" grep -q "tvm-guest: hvc=HELLO HVC" out
    check "$name: the other console saw it" grep -q "hvc=HELLO HVC" serial
    check "$name: exit status" [ $status = 0 ]
fi

if wanted ends; then
    name="reboot -f with --no-reboot"
    small 3 "$name" reboot --no-reboot && check "$name" grep -q 'reset' err
    for k in 6.1 6.12 newest; do
        name="$k: reboot -f with --no-reboot"
        vm 3 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M --no-reboot \
            --cmdline "console=ttyS0 quiet panic=-1 tvm.case=reboot" &&
            check "$name" grep -q 'reset' err
    done
    name="panic"
    small 4 "$name" panic && check "$name" grep -q 'panic' err
    name="panic before a driver can tell, reboots"
    vm 3 "$name" --kernel bzImage-small --memory 256M --no-reboot --pvpanic=off \
        --cmdline "console=ttyS0 quiet panic=-1" && check "$name" grep -q 'reset' err

    name="reboot -f boots again"
    ./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M --cpus 2 \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=reboot" >out 2>err </dev/null &
    pid=$!
    n=0
    until [ "$(grep -c 'tvm-guest: ready' out)" -ge 3 ] || [ $n = 90 ]; do
        sleep 1
        n=$((n + 1))
    done
    kill -TERM $pid
    wait $pid
    status=$?
    check "$name: three times" [ "$(grep -c 'tvm-guest: ready' out)" -ge 3 ]
    check "$name: SIGTERM ends it" [ $status = 143 ]

    name="power button"
    ./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=button" >out 2>err </dev/null &
    pid=$!
    n=0
    until grep -q 'tvm-guest: ready' out || [ $n = 60 ]; do sleep 1; n=$((n + 1)); done
    sleep 1
    kill -USR1 $pid
    wait $pid
    status=$?
    check "$name: the guest sees it" has button
    check "$name: exit status" [ $status = 0 ]
fi

echo "1..$count"

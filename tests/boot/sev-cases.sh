# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The cases of sev.sh, for any POSIX shell (busybox in the nested test machine), run in a folder
# with tvm-run, tvm-attest, the firmware's image, kernels and initrds. Prints TAP.
#
# Folders: platform-KIND is the soft platform, owner the guest owner's side of one launch.

count=0
selected=$(cat selected)
guid=e6f5a162-d67f-4750-a67c-5d065f2a9910
luks=736869e5-84f0-4973-92ec-06879ce3da0b

result() { # RESULT NAME
    count=$((count + 1))
    echo "$1 $count - $2"
    [ "$1" = ok ] && return
    tail -n 15 out | sed 's/^/# out: /'
    tail -n 15 err | sed 's/^/# err: /'
    sed 's/^/# owner: /' log
}

check() { # NAME COMMAND...
    label=$1
    shift
    if "$@"; then result ok "$label"; else result "not ok" "$label"; fi
}

has() { grep -qaF "tvm-guest: $1" out; }
value() { sed -n "s/^tvm-guest: $1=\([^\r]*\)\r*$/\1/p" out | head -n 1; }
wanted() { [ -z "$selected" ] || case " $selected " in *" $1 "*) ;; *) return 1 ;; esac; }
between() { [ "${2:-0}" -ge "$1" ] && [ "$2" -le "$3" ]; }
no_complaints() { ! grep -a '^tvm-guest: complaint=' out; }

attest() { # COMMAND ARGUMENT...
    echo "tvm-attest $*" >>log
    ./tvm-attest "$@" >>log 2>&1
}

# The platform's keys are made by the first machine; without kernel hashes that one ends in the
# firmware.
platform() { # KIND
    [ -d "platform-$1" ] && return
    timeout 60 ./tvm-run --kernel tiny/hello --memory 32M --log-level info \
        --tee "$1,platform=soft,soft-dir=platform-$1,kernel-hashes=off" >out 2>err </dev/null
    status=$?
    check "$1: without kernel hashes the firmware refuses" [ $status = 6 ]
    check "$1: and says so" grep -q 'no kernel hashes were measured' err
    check "$1: the platform's certificates verify" \
        attest platform --soft "platform-$1" --allow-soft
    check "$1: but not without leave" not attest platform --soft "platform-$1"
}

not() { ! "$@"; }

# What the platform says about itself.
about() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "platform-$1/status.json"; }

expect() { # KIND COMMAND: measure or verify what the guest of this launch is made of
    set -- "$@" --firmware firmware.bin --kernel "$kernel" --cmdline "$cmdline"
    [ -z "$initrd" ] || set -- "$@" --initrd "$initrd"
    kind=$1 command=$2
    shift 2
    [ "$command" = measure ] || set -- "$@" --allow-soft --session owner \
        --measurement owner/measurement --api-major "$(about "$kind" api-major)" \
        --api-minor "$(about "$kind" api-minor)" --build "$(about "$kind" build-id)"
    attest "$command" --tee "$kind" "$@"
}

# The launch as its two sides do it. Needs kernel, initrd, cmdline; leaves pid and the guest
# running. in: the guest's console.
in=/dev/null
launch() { # KIND NAME ARGUMENT...
    kind=$1 name=$2
    shift 2
    : >log
    rm -rf owner
    platform "$kind"
    if ! attest session --soft "platform-$kind" --allow-soft --policy 1 --out owner; then
        result "not ok" "$name: session"
        return 1
    fi
    [ -z "$initrd" ] || set -- "$@" --initrd "$initrd"
    tee=$kind,platform=soft,soft-dir=platform-$kind,session=owner/session.b64
    tee=$tee,dh-cert=owner/godh.b64,measurement=owner/measurement
    timeout 300 ./tvm-run --kernel "$kernel" --cmdline "$cmdline" --metrics metrics "$@" --tee \
        "$tee,secret-header=owner/header.b64,secret=owner/secret.b64" >out 2>err <$in &
    pid=$!
    until [ -s owner/measurement ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
    check "$name: the measurement is as computed" expect "$kind" verify
    # A second entry whose bytes are no text.
    head -c 48 /dev/urandom >key
    if ! attest secret --session owner --measurement owner/measurement --out owner \
        --entry "$guid={\"key_id1\": \"$name\"}" --entry "$luks=@key"; then
        result "not ok" "$name: secret"
        kill $pid
        return 1
    fi
}

ends() { # STATUS NAME
    wait "$pid"
    status=$?
    check "$2: exit status $1" [ $status = "$1" ]
    return $((status != $1))
}

# What must be true of every confidential Linux guest that ran the cases sevinfo, disk, rng.
looks_confidential() { # NAME
    check "$1: memory encryption is active" \
        has "dmesg=Memory Encryption Features active: "
    check "$1: it is SEV" grep -qa '^tvm-guest: dmesg=Memory.*AMD SEV' out
    check "$1: devices bounce" has "dmesg=software IO TLB: Memory encryption is active"
    check "$1: no complaints in the kernel's log" no_complaints
    check "$1: disk" has disk=ok
    check "$1: rng" has rng=ok
}

params="console=ttyS0 quiet panic=-1 efi=noruntime tvm.case"

# The tests' own kernel, with its secret.
small() { # KIND KERNEL CPUS MEMORY
    name="$1, $2, $3 vCPUs, $4"
    kernel=$2 initrd=initrd-small cmdline="$params=info,sevinfo,disk,rng,secret"
    dd if=/dev/zero of=a.img bs=1M count=0 seek=16 2>/dev/null
    started=$(date +%s)
    launch "$1" "$name" --cpus "$3" --memory "$4" --disk a.img || return
    ends 0 "$name" || return
    echo "# $name: $(($(date +%s) - started)) s, $(sed 's/.*\("launch".*\)}/\1/' metrics)"
    check "$name: boots to init" has ready
    check "$name: CPU count" [ "$(value cpus)" = "$3" ]
    looks_confidential "$name"
    check "$name: two secrets" [ "$(value secrets)" = 2 ]
    check "$name: the secret's contents" has "secret=$guid:{\"key_id1\": \"$name\"}"
    check "$name: the other one's length" has "secret_bytes=$luks:48"
    check "$name: a secret can be wiped" has secret_wiped=yes
}

if wanted small; then
    for kind in sev csv; do
        for k in bzImage-small vmlinux-small; do
            for cpus in 1 2; do small "$kind" "$k" "$cpus" 256M; done
        done
    done
fi
if wanted more; then
    small csv bzImage-small 4 256M
    small sev vmlinux-small 4 256M
    small csv bzImage-small 2 5G
    name="csv, 5 GiB: memory above the hole is used"
    kernel=vmlinux-small initrd=initrd-small cmdline="$params=sevinfo,highmem tvm.mib=64"
    launch csv "$name" --memory 5G && ends 0 "$name" && check "$name" has highmem=ok
fi

# The owner uses libvirt's tool instead of tvm-attest.
validated() { # NAME TEXT-FILE
    timeout 300 ./tvm-run --kernel "$kernel" --initrd "$initrd" --cmdline "$cmdline" \
        --tee "$tee,secret-header=owner/header,secret=owner/payload" >out 2>err </dev/null &
    pid=$!
    until [ -s owner/measurement ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
    /usr/bin/python3 /usr/bin/virt-qemu-sev-validate --measurement "$(cat owner/measurement)" \
        --api-major "$(about sev api-major)" --api-minor "$(about sev api-minor)" \
        --build-id "$(about sev build-id)" --policy 1 --firmware firmware.bin \
        --kernel "$kernel" --initrd "$initrd" --cmdline "$cmdline" --tik owner/tik.bin \
        --tek owner/tek.bin --inject-secret "$guid:$2" --secret-header owner/header \
        --secret-payload owner/payload >log 2>&1
    check "$1: accepts the measurement" grep -q 'OK: Looks good to me' log
    check "$1: makes a secret" [ -s owner/payload ]
    ends 0 "$1" && check "$1: which reaches the guest" has "secret=$guid:$(cat "$2")"
}

if wanted validate; then
    # Lengths that the tool pads by 15 bytes, and by a whole block.
    for text in "by virt-qemu-sev-validate" "sixteen bytes and eight."; do
        name="virt-qemu-sev-validate, ${#text} bytes"
        kernel=bzImage-small initrd=initrd-small cmdline="$params=secret"
        printf %s "$text" >text
        platform sev
        rm -rf owner
        attest session --soft platform-sev --allow-soft --policy 1 --out owner
        tee=sev,platform=soft,soft-dir=platform-sev,session=owner/session.b64
        tee=$tee,dh-cert=owner/godh.b64,measurement=owner/measurement
        validated "$name" text
    done
fi

# Stock kernels, which have no efi_secret; and nobody sends one.
stock() { # KIND KERNEL VERSION CPUS
    name="$1, $2, $4 vCPUs"
    : >log
    platform "$1"
    dd if=/dev/zero of=a.img bs=1M count=0 seek=16 2>/dev/null
    started=$(date +%s)
    timeout 300 ./tvm-run --kernel "$2" --initrd "initrd-$3" --memory 512M --cpus "$4" \
        --cmdline "$params=info,sevinfo,disk,rng" --disk a.img \
        --tee "$1,platform=soft,soft-dir=platform-$1" >out 2>err </dev/null &
    pid=$!
    ends 0 "$name" || return
    echo "# $name: $(($(date +%s) - started)) s"
    check "$name: boots to init" has ready
    check "$name: CPU count" [ "$(value cpus)" = "$4" ]
    looks_confidential "$name"
}

if wanted stock; then
    stock csv bzImage-6.1 6.1 1
    stock csv vmlinux-6.1 6.1 2
    stock csv bzImage-6.12 6.12 2
    stock csv bzImage-newest newest 2
    stock sev bzImage-newest newest 1
fi

if wanted console; then
    name="csv: hvc0 in both directions"
    rm -f serial pipe && mkfifo pipe
    kernel=bzImage-small initrd=initrd-small cmdline="$params=hvc"
    in=pipe
    # Both ends, so that neither side waits for the other one to open it.
    exec 3<>pipe
    if launch csv "$name" --memory 256M --console stdio --serial file=serial; then
        n=0
        until grep -q "hvc ready" out || [ $n = 120 ]; do sleep 1; n=$((n + 1)); done
        echo "hello hvc" >&3
        ends 0 "$name"
        check "$name: out and in" grep -q "tvm-guest: hvc=HELLO HVC" out
        check "$name: the other console saw it" grep -q "hvc=HELLO HVC" serial
    fi
    exec 3>&-
    in=/dev/null
fi

if wanted ends; then
    # A launch cannot be repeated: reset ends the machine, whether asked for or not.
    name="csv: reboot"
    kernel=vmlinux-small initrd=initrd-small cmdline="$params=reboot"
    launch csv "$name" --memory 256M && ends 3 "$name" && check "$name" grep -q 'reset' err
    name="sev: panic"
    cmdline="$params=panic"
    launch sev "$name" --memory 256M && ends 4 "$name" && check "$name" grep -q 'panic' err
    name="sev: without efi=noruntime"
    cmdline="console=ttyS0 quiet panic=-1 tvm.case=secret"
    launch sev "$name" --memory 256M && ends 0 "$name" &&
        check "$name: the secret's contents" has "secret=$guid:{\"key_id1\": \"$name\"}"
    name="sev: no initrd, empty command line"
    kernel=bzImage-small initrd="" cmdline=""
    launch sev "$name" --memory 256M && {
        wait "$pid"
        check "$name: the kernel runs, and panics" grep -q 'panic' err
    }
fi

# The firmware without a TEE.
if wanted plain; then
    for k in bzImage-small vmlinux-small bzImage-6.1 bzImage-newest; do
        name="plain guest with the firmware, $k"
        v=${k#*-}
        timeout 300 ./tvm-run --kernel $k --initrd "initrd-$v" --memory 512M --cpus 2 \
            --firmware builtin --cmdline "$params=info,rng" >out 2>err </dev/null &
        pid=$!
        ends 0 "$name" || continue
        check "$name: boots to init" has ready
        check "$name: CPU count" [ "$(value cpus)" = 2 ]
        check "$name: rng" has rng=ok
    done
fi

# What devices may reach: the tiny guest's own report, then Linux's memory, searched.
if wanted isolation; then
    for k in privdma privdma.bz; do
        for kind in sev csv; do
            name="$kind: $k: rings and buffers in private memory"
            timeout 60 ./tvm-run --kernel tiny/$k --memory 32M \
                --tee $kind,platform=soft >out 2>err </dev/null
            check "$name: the device accepts no driver without ACCESS_PLATFORM" \
                grep -q '^privdma: without ACCESS_PLATFORM: refused' out
            check "$name: seven times DEVICE_NEEDS_RESET" \
                [ "$(grep -c 'status 4f, used 0, untouched' out)" = 7 ]
            check "$name: the device works where all is shared" \
                [ "$(grep -c '^privdma: all shared.*: status f, used 1, filled' out)" = 2 ]
            check "$name: the log says which address" \
                grep -q "0x113000+0x40 is not in the device's memory" err
        done
    done
    ./test_isolation vmlinux-small initrd-small >out 2>err
    grep '^#' out
    check "isolation: sev, 1 vCPU" grep -q '^ok 1 - test_isolation' out
    check "isolation: csv, 2 vCPUs" grep -q '^ok 2 - test_isolation' out
fi

echo "1..$count"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# The launch of a confidential guest on the soft platform, as its two sides do it: for groups of
# ../linux.sh that have tvm-attest and the firmware's image beside the kernels.
#
# Folders: platform-KIND is the soft platform, owner the guest owner's side of one launch.

guid=e6f5a162-d67f-4750-a67c-5d065f2a9910
luks=736869e5-84f0-4973-92ec-06879ce3da0b
params="console=ttyS0 quiet panic=-1 efi=noruntime tvm.case"

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
    : >out
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
    finish
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

# The tests' own kernel, with its secret.
small_secret() { # KIND KERNEL CPUS MEMORY
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

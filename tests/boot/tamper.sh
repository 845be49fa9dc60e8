#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tamper.sh                 (environment: B, the build directory)
#
# The tamper table as users meet it: what tvm-run and tvm-attest say, and their exit statuses,
# when anything of an exchange was changed; prints TAP. Both algorithm sets. What happens inside
# of the machine is test_tamper.c's; its part about the firmware runs here, in the nested test
# machine where this one's KVM cannot run firmware.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${B:-build/$(uname -m)}
case $build in /*) ;; *) build=$top/$build ;; esac
nested=$top/tests/nested
tvm=$build/tvm-run attest=$build/tvm-attest
firmware=$build/firmware/tvm-fw-x86_64.bin
tiny=$build/tests/guest/tiny
nr=0 failed=0

if ! (: <>/dev/kvm) 2>/dev/null; then
    echo "1..0 # SKIP no usable /dev/kvm"
    exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-tamper.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

result() { # NAME WHY, which is empty when all is well
    nr=$((nr + 1))
    if [ -z "$2" ]; then
        echo "ok $nr - $1"
        return
    fi
    failed=$((failed + 1))
    head -n 5 err | cut -c 1-300 | sed 's/^/# stderr: /'
    echo "# $2"
    echo "not ok $nr - $1"
}

# gives NAME STATUS EXPRESSION COMMAND...: that status, and a line of stderr with that.
gives() {
    ("${@:4}") >out 2>err </dev/null
    check "$1" "$2" $? "$3"
}

check() { # NAME WANTED STATUS EXPRESSION
    local why=

    [ "$3" = "$2" ] || why="status $3, not $2"
    [ -z "$4" ] || grep -qE "$4" err || why="stderr lacks '$4'"
    [ "$(grep -vc 'warning: tee: no session' err)" -le 1 ] || why="more than one line"
    result "$kind: $1" "$why"
}

# flip FILE OFFSET [COPY]: one bit of that byte, in a raw file or below base64.
flip() {
    local to=${3:-$1} byte raw=raw

    case $1 in
    *.b64) base64 -d "$1" >raw ;;
    *) cp "$1" raw ;;
    esac
    byte=$(od -An -tu1 -j "$2" -N 1 "$raw")
    # shellcheck disable=SC2059
    printf "\\x$(printf %x $((byte ^ 4)))" | dd of=raw bs=1 seek="$2" conv=notrunc 2>/dev/null
    case $to in
    *.b64) base64 -w 0 raw >"$to" ;;
    *) cp raw "$to" ;;
    esac
}

cmdline="end=poweroff some words"
kernel=$tiny/hello

# tvm-run with the exchange's keys; owner is a folder of `tvm-attest session`.
run() { # EXTRA-KEYS [ARGUMENT...], in a subshell
    exec "$tvm" --kernel "$kernel" --initrd initrd --cmdline "$cmdline" --memory 32M "${@:2}" \
        --tee "$kind,platform=soft,soft-dir=platform,session=owner/session.b64,\
dh-cert=owner/godh.b64$1"
}

session() { # FOLDER [PLATFORM] [POLICY]
    rm -rf "$1"
    "$attest" session --soft "${2:-platform}" --allow-soft --policy "${3:-1}" --out "$1" \
        >/dev/null || result "$kind: session $1" "tvm-attest session failed"
}

platform() { # FOLDER: its keys come with the first launch, which nobody waits for
    timeout 20 "$tvm" --kernel "$kernel" --memory 32M --tee "$kind,platform=soft,soft-dir=$1,\
secret-header=none,secret=none,secret-timeout=0" >out 2>err </dev/null
    check "a secret that does not come" 1 $? "no 'none' and 'none' within 0 s"
}

about() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" platform/status.json; }

# ---- tvm-run: the session ------------------------------------------------------------------

# Nothing of these gets as far as a guest.
refuses_sessions() {
    session owner
    flip owner/session.b64 64
    gives "session with a wrong MAC" 6 'LAUNCH_START.*BAD_MEASUREMENT' run ""
    session owner
    flip owner/session.b64 20
    gives "session with a changed key" 6 'LAUNCH_START.*BAD_MEASUREMENT' run ""
    session owner
    gives "another policy than the session's" 6 'LAUNCH_START.*BAD_MEASUREMENT' \
        run ,policy=3
    gives "a policy for other firmware" 6 'LAUNCH_START.*POLICY_FAILURE' run ,policy=0xff0001
    gives "a policy of another kind" 2 'ES bit' run ,policy=5
    session other
    cp other/godh.b64 owner
    gives "another owner's certificate" 6 'LAUNCH_START.*BAD_MEASUREMENT' run ""
    session owner
    flip owner/godh.b64 8
    gives "certificate of another usage" 6 'LAUNCH_START.*INVALID_CERTIFICATE' run ""
    session owner
    flip owner/godh.b64 20
    gives "certificate with another key" 6 'LAUNCH_START.*(INVALID_CERTIFICATE|BAD_MEASUREMENT)' \
        run ""
    session owner stranger
    gives "session for another platform" 6 'LAUNCH_START.*BAD_MEASUREMENT' run ""
    session owner
    head -c 100 owner/session.b64 >owner/short.b64
    mv owner/short.b64 owner/session.b64
    gives "session cut short" 1 'LAUNCH_START.*INVALID_LEN' run ""
    gives "session without a certificate" 2 'given together' "$tvm" --kernel "$kernel" \
        --tee "$kind,platform=soft,session=owner/session.b64"
}

# ---- tvm-run: the secret -------------------------------------------------------------------

guid=e6f5a162-d67f-4750-a67c-5d065f2a9910

# Up to the measurement; then the owner's packet, for the caller to spoil.
launch() { # EXTRA-KEYS
    session owner
    run ",measurement=owner/m.b64,secret-header=owner/final-h.b64,secret=owner/final-s.b64$1" \
        >out 2>err </dev/null &
    pid=$!
    while [ ! -s owner/m.b64 ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
    "$attest" secret --session owner --measurement owner/m.b64 --entry "$guid=a secret" \
        --header owner/h.b64 --secret owner/s.b64 >tool
}

# The packet as it is in owner/h.b64, owner/s.b64 by now.
send() { # NAME STATUS EXPRESSION
    mv owner/h.b64 owner/final-h.b64
    mv owner/s.b64 owner/final-s.b64
    wait $pid
    check "$1" "$2" $? "$3"
}

refuses_secrets() {
    local byte

    for byte in 4 19 20 51; do
        launch ""
        flip owner/h.b64 $byte
        send "header of the secret, byte $byte" 6 'LAUNCH_SECRET.*BAD_MEASUREMENT'
    done
    launch ""
    flip owner/s.b64 7
    send "one bit of the secret" 6 'LAUNCH_SECRET.*BAD_MEASUREMENT'

    cp owner/final-h.b64 old-h.b64
    flip owner/final-s.b64 7 old-s.b64
    launch ""
    cp old-h.b64 owner/h.b64
    cp old-s.b64 owner/s.b64
    send "the last launch's packet" 6 'LAUNCH_SECRET.*BAD_MEASUREMENT'

    launch ""
    flip owner/tik.bin 0
    "$attest" secret --session owner --measurement owner/m.b64 --entry "$guid=a secret" \
        --header owner/h.b64 --secret owner/s.b64 >tool
    send "a secret made with another TIK" 6 'LAUNCH_SECRET.*BAD_MEASUREMENT'

    launch ""
    base64 -d owner/s.b64 | cat - <(head -c 8192 /dev/zero) | base64 -w 0 >long
    cp long owner/s.b64
    send "longer than the secret's place" 2 'room for 3072'
    launch ,secret-gpa=0x8000
    mv long owner/s.b64
    send "longer than a page" 2 'inside one page'
    launch ""
    head -c 16400 /dev/urandom | base64 -w 0 >owner/s.b64
    send "longer than any packet" 1 'more than 16384 bytes'
    launch ""
    base64 -d owner/s.b64 | head -c 40 | base64 -w 0 >short
    mv short owner/s.b64
    send "no multiple of 16" 2 'multiples of 16'
    launch ""
    head -c 51 /dev/urandom | base64 -w 0 >owner/h.b64
    send "a short header" 2 'header has 51 bytes'
    launch ,secret-gpa=0x8008
    send "an address that is not on 16 bytes" 2 '16-byte aligned'
    launch ,secret-gpa=0x2000000
    send "an address behind RAM" 2 'guest memory'
    launch ,secret-gpa=0xfffffff0
    send "an address in the firmware" 2 'guest memory'
    launch ""
    kill -TERM $pid
    wait $pid
    check "SIGTERM instead of a secret" 143 $? 'SIGTERM'
}

# ---- tvm-attest: the measurement -----------------------------------------------------------

verify() { # ARGUMENT...: later ones replace those of the launch
    local args=(--firmware "$firmware" --kernel "$kernel" --initrd initrd --cmdline "$cmdline"
        --api-major "$major" --api-minor "$minor" --build "$id" --measurement owner/m.b64
        --session owner --allow-soft) known=() i

    for ((i = 0; i < ${#args[@]}; i++)); do
        case " $* " in
        *" ${args[i]} "*) [[ ${args[i]} = --* ]] && { i=$((i + 1)); continue; } ;;
        esac
        known+=("${args[i]}")
    done
    "$attest" verify "${known[@]}" "$@"
}

refuses_measurements() {
    major=$(about api-major) minor=$(about api-minor) id=$(about build-id)
    launch ""
    cp -r owner before
    kill $pid
    wait $pid
    rm -rf owner
    cp -r before owner
    gives "the measurement, as it is" 0 '' verify
    gives "another kernel" 6 'refused' verify --kernel "$tiny/hello.bz"
    gives "another initrd" 6 'refused' verify --initrd "$kernel"
    gives "another command line" 6 'refused' verify --cmdline "$cmdline "
    flip "$firmware" 5000 fw
    gives "a firmware byte" 6 'refused' verify --firmware fw
    gives "another build" 6 'refused' verify --build $((id + 1))
    gives "another version" 6 'refused' verify --api-minor $((minor + 1))
    gives "another policy than the session's" 2 'session was made for' verify --policy 3
    flip owner/m.b64 0 m.b64
    gives "a bit of the measurement" 6 'refused' verify --measurement m.b64
    flip owner/m.b64 40 m.b64
    gives "another nonce" 6 'refused' verify --measurement m.b64
    flip owner/tik.bin 3
    gives "another TIK" 6 'refused' verify
    flip owner/tik.bin 3
    gives "soft platform, without leave" 6 'allow-soft' "$attest" verify --session owner \
        --measurement owner/m.b64 --firmware "$firmware" --kernel "$kernel" --initrd initrd \
        --cmdline "$cmdline" --api-major "$major" --api-minor "$minor" --build "$id"
    launch ,kernel-hashes=off
    kill $pid
    wait $pid
    gives "no hash table" 6 'refused' verify
    rm -rf before
}

# ---- tvm-attest: certificates --------------------------------------------------------------

# Certificates of SEV and CSV carry no dates: none can expire.
refuses_certificates() {
    local p=spoilt

    gives "the platform, as it is" 0 '' "$attest" platform --soft platform --allow-soft
    gives "soft platform, without leave" 6 'allow-soft' "$attest" platform --soft platform
    with() { # NAME EXPRESSION
        gives "$1" 6 "$2" "$attest" session --platform $p --allow-soft --policy 1 --out never
        [ ! -e never ] || result "$kind: $1: no session is made" "there is one"
        copy
    }
    copy() {
        rm -rf $p never
        mkdir $p
        cp platform/*.cert $p
    }
    copy
    cp stranger/pdh.cert $p
    with "another platform's PDH" 'PDH'
    head -c 2084 stranger/cert_chain.cert | dd of=$p/cert_chain.cert conv=notrunc 2>/dev/null
    with "another platform's PEK" 'PDH|PEK'
    tail -c 2084 stranger/cert_chain.cert |
        dd of=$p/cert_chain.cert bs=2084 seek=2 conv=notrunc 2>/dev/null
    with "another platform's CEK" 'PEK|CEK'
    { tail -c +2085 platform/cert_chain.cert | head -c 2084
      head -c 2084 platform/cert_chain.cert
      tail -c 2084 platform/cert_chain.cert; } >$p/cert_chain.cert
    with "PEK and OCA swapped" 'PEK|OCA'
    cp stranger/ask_ark.cert $p
    with "another root" 'CEK|ASK|HSK'
    flip $p/pdh.cert 0x20
    with "a bit of the PDH's key" 'PDH'
    flip $p/pdh.cert $((0x41c + 3))
    with "a bit of the PDH's signature" 'PDH'
    flip $p/cert_chain.cert $((2 * 2084 + 0x41c + 3))
    with "a bit of the CEK's signature" 'CEK'
    flip $p/ask_ark.cert 700
    with "a bit of the vendor's signature" '[AH]SK|[AH]RK'
    head -c 2000 platform/pdh.cert >$p/pdh.cert
    gives "a certificate cut short" 1 'pdh.cert' "$attest" session --platform $p --allow-soft \
        --policy 1 --out never
}

# ---- Keys, digests, hardware ---------------------------------------------------------------

keys_stay_private() {
    local why=

    session owner
    [ "$(stat -c %a owner/tik.bin owner/tek.bin platform/platform.keys | sort -u)" = 600 ] ||
        why="modes: $(stat -c '%n %a' owner/* platform/*)"
    result "$kind: key files are their owner's alone" "$why"
    why=
    : >err
    launch ""
    verify --json >>tool 2>&1
    send "a launch that nobody spoils" "$ran" "$ran_text"
    # As bytes, hexadecimal, base64.
    for key in tik tek; do
        for text in "$(od -An -tx1 owner/$key.bin | tr -d ' \n')" "$(base64 owner/$key.bin)"; do
            ! grep -rqi "$text" out err tool || why="$key.bin is printed"
        done
    done
    result "$kind: keys are never printed" "$why"
}

# What measure-only says, tvm-attest computes and the processor measures is one thing.
digests_agree() {
    local said computed why=

    said=$("$tvm" --kernel "$kernel" --initrd initrd --cmdline "$cmdline" --tee \
        "$kind,platform=soft,measure-only" 2>err | grep -oE '[0-9a-f]{64}')
    computed=$("$attest" measure --tee "$kind" --firmware "$firmware" --kernel "$kernel" \
        --initrd initrd --cmdline "$cmdline" | sed -n 's/^launch-digest: //p')
    [ -n "$computed" ] && grep -qx "$computed" <<<"$said" || why="'$computed' is not in: $said"
    result "$kind: measure-only and tvm-attest measure agree" "$why"
}

no_hardware() {
    grep -qwE 'sev' /proc/cpuinfo && return
    gives "platform=hw on this machine" 1 'platform=soft' "$tvm" --kernel "$kernel" \
        --memory 32M --tee "$kind"
}

# ---- The firmware --------------------------------------------------------------------------

firmware_refuses() {
    local t=$work/t script=$work/script name

    if [ "$("$nested/probe.sh" 2>/dev/null)" = nested ]; then
        mkdir "$t"
        cp -r "$tiny" "$t/tiny"
        rm -f "$t"/tiny/*.[od]
        echo 'cd /t && TVM_GUESTS=/t/tiny ./test_tamper firmware' >"$script"
        "$nested/x86_64.sh" --tries 3 --add "$t=/t" --add "$build/tests/boot/test_tamper=/t/test_tamper" \
            "$script" >out 2>err
    else
        "$build/tests/boot/test_tamper" firmware >out 2>err
    fi
    kind=firmware
    grep '^#' out
    for name in "sev, 1 nothing" "sev, 2 firmware" "sev, 3 no hashes" "csv, 4 nothing" \
        "csv, 5 firmware" "csv, 6 no hashes"; do
        nr_wanted=${name#*, } nr_wanted=${nr_wanted%% *}
        grep -q "^ok $nr_wanted - [a-z_]*$" out
        result "${name%,*}: $(sed -n "s/^.*ok $nr_wanted - //p" out)" "${?#0}"
    done
}

head -c 100000 /dev/urandom >initrd

# How an untouched launch ends: firmware does not run on every KVM.
ran=0 ran_text='powered off'
if [ "$("$nested/probe.sh" 2>/dev/null)" != direct ]; then
    ran=5 ran_text='instruction emulation'
fi

for kind in sev csv; do
    rm -rf platform stranger
    platform platform
    platform stranger
    refuses_sessions
    refuses_secrets
    refuses_measurements
    refuses_certificates
    keys_stay_private
    digests_agree
    no_hardware
done
firmware_refuses
echo "1..$nr"
exit $((failed > 0))

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# What Linux never asks of its realm manager: a tiny guest makes calls that are refused, extends
# its measurements and shows them in a token, touches memory through the wrong half, and gives
# virtio private rings. With more memory, the same in wider address spaces. And a host that takes
# a page away, which tvm itself never does.
#
# arch: aarch64
# programs: build/tests/guest/tiny-arm64/realm=realm build/tests/guest/tiny-arm64/taken=taken
# programs: build/tests/boot/realm-taken-static=realm-taken
# host: --mem 2048 --smp 2
# A data abort from the same level, external. KVM does not tell reads from writes in it.
abort="syndrome 96000010"

tiny() { # STATUS NAME MEMORY [TEE-KEYS]
    vm "$1" "$2" --kernel realm --memory "$3" --transport mmio --metrics metrics \
        --tee "cca,platform=soft,soft-dir=plat${4-}"
}

says() { # TEXT: a line of the guest's
    tr -d '\r' <out | grep -qxF "realm: $1"
}

counted() { grep -q "\"$1\":$2[,}]" metrics; }

expect() { # LINE...
    for line; do check "$name: $line" says "$line"; done
}

name="calls"
tiny 0 "$name" 16M && {
    expect "memory up to 81000000" "config: width 21 hash 0" "version 1.0: 0, 10000 to 10000" \
        "version 2.0: 1, 10000 to 10000" "features: 0, 0" "by hvc: ffffffffffffffff" \
        "no such call: ffffffffffffffff" "config, unaligned: 1" "config, shared half: 1" \
        "set, unaligned: 1" "set, nothing: 1" "set, state 2: 1" "set, shared half: 1" \
        "set, no memory: 0, done 0, answer 1" "set, half of it: 0, done 1000, answer 0" \
        "get, device: 0, 1000, state 0"
    # A kernel that another one started (kexec) begins like this.
    expect "shared page: state 0, 1000 bytes" "all is RAM again: yes, kept 6b657074, page 0" \
        "all of it: yes, state 1"

    expect "rem 1 before: 0 0 0 0" "extend 1: 0" "extend 0: 1" "extend 5: 1" \
        "extend, 65 bytes: 1" "read 5: 1" "continue without init: 2" "init: 0" \
        "continue, past the page: 1" "continue: 0"
    rem=$({ head -c 32 /dev/zero; printf 0123456789abcdef; } | sha256sum | cut -d ' ' -f 1)
    check "$name: the extended measurement is as computed" says "rem 1: $rem"
    tr -d '\r' <out | sed -n 's/^realm: token of at most [0-9a-f]*: //p' | xxd -r -p >token
    ./tvm-attest token --token token --soft plat --allow-soft --rem "1=$rem" >answer 2>&1
    check "$name: the token has it" [ $? = 0 ]
    ./tvm-attest token --token token --soft plat --allow-soft --rem "2=$rem" >answer 2>&1
    check "$name: and not in another place" [ $? = 6 ]

    for way in read write; do
        for what in "device, own half" "shared page, own half" "own page, shared half"; do
            expect "$what, $way: $abort"
        done
    done
    expect "no memory, read: $abort" "device, shared half, read: syndrome 0" \
        "shared page, shared half, write: syndrome 0" "own page, own half, write: syndrome 0"
    check "$name: violations are counted" counted violations '{"mmio":3,"memory":4}'
    check "$name: and logged, with the place" grep -q \
        'realm: vCPU 0 at 0x8000[0-9a-f]*: access to 0x1000004, which is no memory .*; external abort' err
    check "$name: also those to memory" grep -q \
        'realm: vCPU 0 at 0x8000[0-9a-f]*: access to memory through the wrong half; external abort' err

    expect "without ACCESS_PLATFORM: refused"
    for what in "all private" "private descriptors" "private avail ring" "private used ring" \
        "private buffer" "buffer taken back"; do
        expect "$what: status 4f, used 0, untouched"
    done
    expect "all shared, addresses with the bit: status f, used 1, filled" \
        "all shared, addresses without: status f, used 1, filled" "done"
    check "$name: each call is counted" counted rsi '{"version":2,"features":1,"measurement_read":3'
    check "$name: also the unknown ones" counted unknown 2
}

name="violation=stop"
tiny 8 "$name" 16M ,violation=stop && {
    check "$name: not before" says "device, shared half, read: syndrome 0"
    check "$name: the guest does not go on" not grep -q 'own half, read' out
    check "$name: one line says why" grep -q \
        '^tvm-run: realm: vCPU 0 at 0x8000[0-9a-f]*: access to 0x1000004, .*violation=stop' err
    check "$name: counted" counted violations '{"mmio":1,"memory":0}'
}

# 258 and 514 GiB have to fit one half.
wide() { # WIDTH MEMORY TOP, numbers in hexadecimal
    name="$((0x$1)) bits"
    tiny 0 "$name" "$2" &&
        expect "memory up to $3" "config: width $1 hash 0" \
            "set, no memory: 0, done 0, answer 1" "get, device: 0, 1000, state 0" \
            "device, own half, write: $abort" \
            "own page, shared half, write: $abort" \
            "all shared, addresses with the bit: status f, used 1, filled" "done"
}
wide 28 256G 4080000000
wide 29 512G 8080000000

name="page taken away"
timeout 120 ./realm-taken taken >out 2>err
check "$name: the host's side" grep -q '^ok 1 - test_taken' out
# State 2 is DESTROYED. No access ends, and no call of the realm manager succeeds, but the one
# that allows for the loss; "private" is gone then.
expect "before: syndrome 0" "taken: state 2" "taken, read: $abort" "taken, write: $abort" \
    "config into it: 1" "back, without the flag: 0, done 0, answer 1" "still taken: $abort" \
    "back, with the flag: 0, done 1000, answer 0" "back: syndrome 0" "contents 0" \
    "back, write: syndrome 0" "contents 1" "done"

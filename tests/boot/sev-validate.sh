#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sev-validate.sh           (environment: B, the build directory)
#
# libvirt's virt-qemu-sev-validate, as it is, as the guest owner's tool: it must accept the
# measurements of our launches, refuse those of others, and its secret must be taken; prints
# TAP. Matrix: kernel, initrd present or absent, command line empty or long, policy. Launches
# end when the secret was injected: no guest has to run, any KVM will do.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${B:-build/$(uname -m)}
case $build in /*) ;; *) build=$top/$build ;; esac
nr=0 failed=0
fw=$build/firmware/tvm-fw-x86_64.bin
tiny=$build/tests/guest/tiny

skip_all() { echo "1..0 # SKIP $*"; exit 0; }

# Required where the package is there to be had; a python of one's own may lack its modules.
validator=$(command -v virt-qemu-sev-validate) || {
    echo "1..1"
    echo "not ok 1 - virt-qemu-sev-validate is not installed: apt-get install libvirt-clients-qemu"
    exit 1
}
validate=("$validator")
"${validate[@]}" --help >/dev/null 2>&1 || validate=(/usr/bin/python3 "$validator")
"${validate[@]}" --help >/dev/null || exit 1
(: <>/dev/kvm) 2>/dev/null || skip_all "no usable /dev/kvm"

work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-validate.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

result() { # NAME STATUS
    nr=$((nr + 1))
    if [ "$2" = 0 ]; then
        echo "ok $nr - $1"
    else
        failed=$((failed + 1))
        tail -n 5 tool err 2>/dev/null | sed 's/^/# /'
        echo "not ok $nr - $1"
    fi
}

not() { ! "$@"; }

# check NAME COMMAND...
check() {
    "${@:2}"
    result "$1" $?
}

# One launch, up to the measurement; $pid then waits for a secret.
launch() { # POLICY ARGUMENT...
    policy=$1
    rm -rf owner
    "$build/tvm-attest" session --soft platform --allow-soft --policy "$policy" --out owner \
        >tool 2>&1 || return
    cat owner/tek.bin owner/tik.bin >owner/tk.bin
    "$build/tvm-run" --memory 64M --log-level info "${@:2}" --tee "sev,platform=soft,soft-dir=\
platform,policy=$policy,session=owner/session.b64,dh-cert=owner/godh.b64,measurement=owner/m,\
secret-header=owner/header,secret=owner/payload,secret-timeout=30" >out 2>err </dev/null &
    pid=$!
    while [ ! -s owner/m ]; do
        kill -0 $pid 2>/dev/null || return
        sleep 0.02
    done
}

# The tool with what the platform says of itself.
tool() { # ARGUMENT...
    "${validate[@]}" --measurement "$(cat owner/m)" --api-major "$major" --api-minor "$minor" \
        --build-id "$id" --policy $((policy)) --firmware "$fw" "$@" >tool 2>&1
}

finish_launch() {
    kill $pid 2>/dev/null
    wait $pid
}

# A platform: its keys come with the first launch.
"$build/tvm-run" --memory 32M --kernel "$tiny/hello" --tee \
    sev,platform=soft,soft-dir=platform,secret-header=h,secret=s,secret-timeout=0 >out 2>err
major=$(sed -n 's/.*"api-major":\([0-9]*\).*/\1/p' platform/status.json)
minor=$(sed -n 's/.*"api-minor":\([0-9]*\).*/\1/p' platform/status.json)
id=$(sed -n 's/.*"build-id":\([0-9]*\).*/\1/p' platform/status.json)
echo "# $("${validate[@]}" --version 2>/dev/null || dpkg-query -W libvirt-clients-qemu 2>/dev/null)"
echo "# platform: API $major.$minor build $id"

head -c 1234567 /dev/urandom >initrd
printf 'x%.0s' $(seq 2000) >long
files=(--kernel "$tiny/hello")

for kernel in hello hello.bz; do
    for initrd in "" initrd; do
        for cmdline in "" "console=ttyS0" "$(cat long)"; do
            for policy in 0 1 3 9 0x33 0x20001; do
                # The last one asks for API 2.0 at least on parts older than that.
                files=(--kernel "$tiny/$kernel" --cmdline "$cmdline")
                [ -z "$initrd" ] || files+=(--initrd "$initrd")
                name="$kernel, ${initrd:-no initrd}, command line of ${#cmdline}, policy $policy"
                [ $policy != 0x20001 ] || continue
                launch $policy "${files[@]}"
                check "$name" tool --tik owner/tik.bin --tek owner/tek.bin "${files[@]}"
                finish_launch
            done
        done
    done
done

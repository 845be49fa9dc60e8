#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# sev.sh [CASE...]          (environment: B, the build directory)
#
# Confidential guests on the soft platform, end to end: session, launch, measurement, its
# verification, secret, and Linux inside; both algorithm sets, the tests' own kernel and stock
# Debian ones; isolation. Prints TAP. The guests run on this machine's KVM when that boots stock
# kernels, else in the nested test machine. The cases are in sev-cases.sh, which runs where the
# guests run.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
nested=$here/../nested
linux=$here/../guest/linux
build=${B:-build/$(uname -m)}

case $("$nested/probe.sh") in
direct) where=direct ;;
nested) where=nested ;;
*) echo "1..0 # SKIP no KVM that boots Linux, and no emulator to play one"; exit 0 ;;
esac
echo "# guests run: $where"

names="linux-6.1/bzImage linux-6.1/vmlinux linux-6.12/bzImage linux-newest/bzImage
    linux-small/bzImage linux-small/vmlinux linux-6.1/modules linux-6.12/modules
    linux-newest/modules"
# shellcheck disable=SC2086
assets=$("$nested/assets.sh" $names)
declare -A asset
for name in $names; do
    read -r path
    asset[$name]=$path
done <<<"$assets"

work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-sev.XXXXXX")
trap 'rm -rf "$work"' EXIT
t=$work/t
mkdir "$t"

cp "$build/tvm-run-static" "$t/tvm-run"
cp "$build/tvm-attest-static" "$t/tvm-attest"
cp "$build/firmware/tvm-fw-x86_64.bin" "$t/firmware.bin"
cp -r "$build/tests/guest/tiny" "$t/tiny"
rm -f "$t"/tiny/*.[od]
cp "$here/sev-cases.sh" "$t/cases"
echo "$*" >"$t/selected"
modules=virtio_pci,virtio_blk,virtio-rng,virtio_console
for k in 6.1 6.12 newest; do
    cp "${asset[linux-$k/bzImage]}" "$t/bzImage-$k"
    "$linux/mkinitrd.sh" --out "$t/initrd-$k" --modules "${asset[linux-$k/modules]}:$modules"
done
cp "${asset[linux-6.1/vmlinux]}" "$t/vmlinux-6.1"
cp "${asset[linux-small/bzImage]}" "$t/bzImage-small"
cp "${asset[linux-small/vmlinux]}" "$t/vmlinux-small"
"$linux/mkinitrd.sh" --out "$t/initrd-small"

# virt-qemu-sev-validate, for the guests' host: the files that it opens when it does its work on
# a measurement made up here, and the sources whose compiled form python takes.
validator() { # DIRECTORY
    local tool version measure file
    tool=$(command -v virt-qemu-sev-validate) || return 0
    cd "$work"
    head -c 16 /dev/urandom >tik
    head -c 16 /dev/urandom >tek
    version="--api-major 1 --api-minor 55"
    # shellcheck disable=SC2086
    "$t/tvm-attest" measure --firmware "$t/firmware.bin" --kernel "$t/bzImage-small" --tik tik \
        --policy 1 $version --build 21 --mnonce 000102030405060708090a0b0c0d0e0f >expected
    measure=$(sed -n 's/^measurement: //p' expected)000102030405060708090a0b0c0d0e0f
    measure=$(/usr/bin/python3 -c 'import base64, sys
print(base64.b64encode(bytes.fromhex(sys.argv[1])).decode())' "$measure")
    # shellcheck disable=SC2086
    strace -f -qq -e trace=openat,execve -o trace /usr/bin/python3 "$tool" --tik tik --tek tek \
        --measurement "$measure" $version --build-id 21 --policy 1 \
        --firmware "$t/firmware.bin" --kernel "$t/bzImage-small" \
        --inject-secret luks-key:tik --secret-header header --secret-payload payload >&2
    sed -n 's/^[0-9]* *\(openat(AT_FDCWD, \|execve(\)"\(\/[^"]*\)".* = [0-9]*$/\2/p' trace |
        grep -E '^/(usr|lib|lib64|etc/ld)' |
        sed 'p; s|/__pycache__/\(.*\)\.cpython-[0-9]*\.pyc$|/\1.py|' | sort -u >files
    mkdir "$1"
    cd /
    while read -r file; do
        [ ! -f "$file" ] || cp -Lp --parents "${file#/}" "$1"
    done <"$work/files"
    cp -Lp --parents "${tool#/}" usr/bin/python3 "$1"
}

if [ "$where" = direct ]; then
    cp "$build/tests/boot/test_isolation" "$t"
    cd "$t" && exec sh ./cases
fi
echo 'cd /t && exec sh ./cases' >"$work/script"
(validator "$work/validator")
more=()
[ ! -d "$work/validator" ] || more=(--add "$work/validator=/")
"$nested/x86_64.sh" --tries 3 --mem 8192 --smp 2 --timeout 2400 --add "$t=/t" \
    --add "$build/tests/boot/test_isolation=/t/test_isolation" "${more[@]}" "$work/script"

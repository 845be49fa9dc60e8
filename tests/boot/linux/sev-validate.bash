# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
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

if [[ $where = nested ]]; then
    (validator "$work/validator")
    # python3 once more, as a program: with its loader, which nothing opens by name.
    [[ ! -d $work/validator ]] ||
        adds+=(--add "$work/validator=/" --add /usr/bin/python3=/usr/bin/python3)
fi

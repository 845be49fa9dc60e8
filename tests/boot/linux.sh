#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# linux.sh GROUP            (environment: B, the build directory)
# linux.sh --groups         names them all
#
# Linux guests under tvm-run; prints TAP. A group of cases is one file, linux/GROUP.sh, for any
# POSIX shell. It runs on this machine when its KVM boots stock kernels, else in one nested test
# machine of its own, in a folder with what the comment at its top asks for:
#
#   # arch: aarch64                          of another architecture: the groups arm-*. They use
#                                              build/aarch64, whatever B is
#   # kernels: bzImage-6.1 vmlinux-small ...   these, and initrd-6.1, initrd-small ...
#   # modules: virtio_net,9p ...               for stock kernels' initrds, besides the usual
#   # guest: HOSTPATH=/PATH ...                more files in each initrd
#   # programs: HOSTPATH=NAME ...              more files in the folder; =/PATH elsewhere in the
#                                              nested machine (a dynamic program brings libraries)
#   # host: --mem MIB --smp N ...              options of the nested machine
#
# HOSTPATH is absolute, or begins with build/ (the build directory) or tests/. There are always
# tvm-run, tvm-attest, firmware.bin, tiny/ (the tiny guests), and every file of linux/. lib.sh has
# been read before. What a comment cannot say, linux/GROUP.bash does, read here before the
# machine starts: it leaves files in $t (the folder) and may extend the array adds (for
# the machine's --add).
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/tests/boot
nested=$top/tests/nested

groups() {
    local file
    for file in "$here"/linux/*.sh; do
        [[ $file = *lib.sh ]] || basename "$file" .sh
    done
}

if [[ ${1-} = --groups ]]; then groups; exit; fi
group=${1-}
if [[ $# != 1 || ! -f $here/linux/$group.sh || $group = *lib ]]; then
    echo "usage: linux.sh GROUP, one of:" $(groups) >&2
    exit 2
fi

wants() { sed -n "s/^# $1: *//p" "$here/linux/$group.sh" | tr '\n' ' '; }

machine=$(uname -m)
arch=$(wants arch | tr -d ' ')
arch=${arch:-x86_64}
build=build/$arch busybox=busybox debian=
[[ $arch != "$machine" ]] || build=${B:-$build}
[[ $build = /* ]] || build=$top/$build
[[ $arch != aarch64 ]] || busybox=busybox-arm64 debian=arm64-

case $("$nested/probe.sh" "$arch") in
direct) where=direct ;;
nested) where=nested ;;
*) echo "1..0 # SKIP no KVM that boots Linux, and no emulator to play one"; exit 0 ;;
esac
echo "# guests run: $where"

path() {
    case $1 in
    build/*) echo "$build/${1#build/}" ;;
    /*) echo "$1" ;;
    *) echo "$top/$1" ;;
    esac
}

work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-linux.XXXXXX")
trap 'rm -rf "$work"' EXIT
t=$work/t adds=()
mkdir "$t"

strip=strip
[[ $arch = "$machine" ]] || strip=$arch-linux-gnu-strip
for program in tvm-run tvm-attest; do
    $strip -o "$t/$program" "$build/$program-static"
done
if [[ $arch = x86_64 ]]; then
    cp "$build/firmware/tvm-fw-x86_64.bin" "$t/firmware.bin"
    cp -r "$build/tests/guest/tiny" "$t/tiny"
    rm -f "$t"/tiny/*.[od]
fi
cp "$here"/linux/*.sh "$t"

# Kernels, and for each version an initrd.
usual=virtio_pci,virtio_blk,virtio-rng,virtio_console
more=$(wants modules)
extra=()
for add in $(wants guest); do extra+=(--add "$(path "${add%%=*}")=${add#*=}"); done
for kernel in $(wants kernels); do
    form=${kernel%%-*} version=${kernel#*-} modules=()
    file=$("$nested/assets.sh" "linux-$debian$version/$form")
    ln "$file" "$t/$kernel" 2>/dev/null || cp "$file" "$t/$kernel"
    [[ ! -e $t/initrd-$version ]] || continue
    [[ $version = small ]] || modules=(--modules \
        "$("$nested/assets.sh" "linux-$debian$version/modules"):$usual${more:+,${more// /}}")
    "$top/tests/guest/linux/mkinitrd.sh" --out "$t/initrd-$version" --busybox "$busybox" \
        "${modules[@]}" "${extra[@]}"
done
for program in $(wants programs); do
    from=$(path "${program%%=*}") to=${program#*=}
    [[ -e $from ]] || { echo "linux.sh: $group needs $from" >&2; exit 2; }
    if [[ $to = /* ]]; then adds+=(--add "$from=$to")
    elif [[ $where = direct ]]; then cp "$from" "$t/$to"
    else adds+=(--add "$from=/t/$to"); fi
done
# shellcheck source=/dev/null
[[ ! -f $here/linux/$group.bash ]] || . "$here/linux/$group.bash"

printf '. ./lib.sh\n. ./%s.sh\necho "1..$count"\n' "$group" >"$t/cases"
if [[ $where = direct ]]; then
    cd "$t" && sh ./cases
    exit
fi
: >"$t/emulated"
echo 'cd /t && exec sh ./cases' >"$work/script"
# shellcheck disable=SC2046
"$nested/$arch.sh" --tries 3 --timeout 900 $(wants host) --add "$t=/t" "${adds[@]}" "$work/script"

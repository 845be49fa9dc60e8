#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# assets.sh [--refresh] NAME...
#
# Makes sure that each asset exists and prints its absolute path, one a line.
#
#   busybox                                   static, from Debian 12
#   linux-6.1/{bzImage,vmlinux,modules}       Debian 12's cloud kernel
#   linux-6.12/{bzImage,vmlinux,modules}      Debian 12's backported kernel
#   linux-newest/{bzImage,vmlinux,modules}    unstable's cloud kernel
#   linux-small/{bzImage,vmlinux,config}      built here: ../guest/linux/small.config
#   linux-small/System.map
#   busybox-arm64, linux-arm64-6.1/{Image,modules}, linux-arm64-6.12/..., linux-arm64-newest/...
#                                             the same of Debian's arm64 (6.1: not the
#                                             cloud's but the one for every machine)
#   linux-arm64-full/{Image,modules}          unstable's arm64 kernel for every machine
#   guest-tools/root                          git, make and a C compiler from Debian 12
#   tools-arm64/{bin,lib}                     passt, dmsetup, tools for file systems; Debian 12
#   vsock-tests/vsock_test{,_hybrid}          tools/testing/vsock of linux-6.1's source, static
#   vsock-tests/vsock_diag_test               (_hybrid: with vsock_hybrid.c)
#
# `modules` is what lib/modules/VERSION would be: unpacked .ko files with
# modules.dep, without the drivers of hardware that no virtual machine has.
#
# Assets live in ${XDG_CACHE_HOME:-~/.cache}/tvm/FAMILY-KEY, where KEY is the
# package version (and the hash of the fragment); they appear there complete or
# not at all. $cache/pins remembers which version a name stands for, so that
# repeats need neither apt nor a network; --refresh forgets it.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tvm
fragment=$here/../guest/linux/small.config

say() { echo "assets: $*" >&2; }
die() { say "$*"; exit 1; }

. "$here/debian.sh"
. "$here/kernels.sh"
PATH=$PATH:/usr/sbin:/sbin

need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || die "$family needs the command $tool"
    done
}

suite_of() {
    case $1 in
    linux-6.12 | linux-arm64-6.12) echo bookworm-backports ;;
    linux-newest | linux-arm64-newest | linux-arm64-full) echo unstable ;;
    busybox | busybox-arm64 | linux-6.1 | linux-arm64-6.1 | linux-small | guest-tools) echo bookworm ;;
    vsock-tests | tools-arm64) echo bookworm ;;
    *) die "no such asset: $1" ;;
    esac
}

arch_of() {
    case $1 in
    *-arm64*) echo arm64 ;;
    *) echo amd64 ;;
    esac
}

# The packages a family is made of. The kernel is found through its
# metapackage; newer ones split kernel and modules off the image package.
packages_of() {
    local suite=$2 meta image part
    case $1 in
    busybox*) debian_pin "$suite" busybox-static; return ;;
    linux-small | vsock-tests) debian_pin "$suite" linux-source-6.1; return ;;
    guest-tools)
        for part in git tcc make libc6 libc6-dev linux-libc-dev libpcre2-8-0 zlib1g; do
            debian_pin "$suite" $part
        done
        return ;;
    tools-arm64)
        for part in passt dmsetup util-linux e2fsprogs libc6 libblkid1 libcom-err2 \
            libdevmapper1.02.1 libext2fs2 libmount1 libpcre2-8-0 libselinux1 libudev1 libuuid1; do
            debian_pin "$suite" $part
        done
        return ;;
    # 9p is in the kernels for every machine, not in those for the cloud.
    linux-6.12 | linux-arm64-6.1 | linux-arm64-full) meta=linux-image-$debian_arch ;;
    *) meta=linux-image-cloud-$debian_arch ;;
    esac
    image=$(debian_depends "$suite" $meta 'linux-image-.*')
    [[ $image ]] || die "Debian $suite: $meta depends on no kernel"
    debian_pin "$suite" "$image"
    for part in $(debian_depends "$suite" "$image" 'linux-(base|binary|modules)-.*'); do
        debian_pin "$suite" "$part"
    done
}

make_busybox() {
    debian_unpack "$suite" "$1" "$2"
    mkdir "$1/out"
    mv "$(find "$1" -path '*bin/busybox' -type f)" "$1/out/$family"
}

# A root with what git, make and tcc need. git's own programs are links to one file.
make_guest_tools() {
    local root=$1/out/root
    say "unpacking ${*:2}"
    mkdir -p "$root"
    debian_unpack "$suite" "$root" "${@:2}"
    cd "$root"
    rm -rf usr/share usr/lib/x86_64-linux-gnu/{gconv,audit} \
        usr/{bin,lib/git-core}/{scalar,git-shell} usr/lib/git-core/git-sh-i18n--envsubst
    find usr/lib -name 'lib*.a' ! -name libc_nonshared.a ! -name libtcc1.a -delete
    mkdir -p bin lib64 proc dev sys tmp work
}

# Programs that tests use in a machine of another architecture, and their libraries.
make_tools() {
    local root=$1/root
    say "unpacking ${*:2}"
    mkdir -p "$root" "$1/out/bin" "$1/out/lib"
    debian_unpack "$suite" "$root" "${@:2}"
    cp "$root"/usr/bin/{passt,fallocate} "$root"/sbin/{dmsetup,mke2fs,fstrim,blkdiscard} "$1/out/bin"
    find "$root"/lib "$root"/usr/lib -name '*.so*' ! -path '*/gconv/*' ! -path '*/audit/*' \
        -exec cp -L {} "$1/out/lib" ';'
    rm -r "$root"
}

# pin FAMILY: its PACKAGE=VERSION lines, resolved once, with lists of today:
# a mirror drops a version soon after the next one came.
pin() {
    local file=$cache/pins/$1
    if [[ ! -e $file ]]; then
        debian_lists_of_today "$suite"
        packages_of "$1" "$suite" >"$file.new"
        mv "$file.new" "$file"
    fi
    cat "$file"
}

# directory FAMILY: prints where the family is, after making it if need be.
directory() {
    local family=$1 suite debian_arch packages key dir
    trap 'rm -rf "${work-}" "$cache/pins/$family"; say "cannot make $family"' EXIT
    suite=$(suite_of "$family") debian_arch=$(arch_of "$family")
    packages=$(pin "$family")
    key=${packages%%$'\n'*}
    key=${key#*=}
    if [[ $family = linux-small ]]; then
        key+=-$(grep -E '^(# )?CONFIG_' "$fragment" | sha256sum | head -c 12)
    fi
    if [[ $family = vsock-tests ]]; then
        key+=-$(sha256sum <"$here/vsock_hybrid.c" | head -c 12)
    fi
    dir=$cache/$family-${key//[:~]/-}
    if [[ ! -d $dir ]]; then
        work=$(mktemp -d "$cache/work.XXXXXX")
        # Word splitting intended: one argument for each package.
        # shellcheck disable=SC2086
        case $family in
        busybox*) (make_busybox "$work" $packages) ;;
        linux-small) (make_linux_small "$work" $packages) ;;
        tools-arm64) (make_tools "$work" $packages) ;;
        guest-tools) (make_guest_tools "$work" $packages) ;;
        vsock-tests) (make_vsock_tests "$work" $packages) ;;
        *) (make_linux "$work" $packages) ;;
        esac
        chmod -R a+rX "$work/out"
        mv "$work/out" "$dir"
        rm -rf "$work"
    fi
    trap - EXIT
    echo "$dir"
}

refresh=
if [[ ${1-} = --refresh ]]; then refresh=1; shift; fi
[[ $# -gt 0 ]] || die "usage: assets.sh [--refresh] NAME..."
mkdir -p "$cache/pins" "$cache/apt"

for name; do
    family=${name%%/*}
    suite_of "$family" >/dev/null
    # Two callers build a family once: the second waits and finds it.
    exec 9>"$cache/$family.lock"
    flock 9
    if [[ $refresh ]]; then
        rm -rf "$cache/pins/$family" \
            "$(debian_arch=$(arch_of "$family") debian_lists "$(suite_of "$family")")"
    fi
    dir=$(directory "$family")
    exec 9>&-
    path=$dir/${name##"$family"/}
    [[ -e $path ]] || die "no such asset: $name"
    echo "$path"
done

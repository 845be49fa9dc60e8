# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2164
#
# From Debian packages to kernels: sourced by assets.sh, which defines $cache,
# $fragment, say(), die() and need(), and sets $family and $suite. A recipe gets
# a work directory and the family's PACKAGE=VERSION, and leaves in WORK/out what
# the asset consists of. Recipes run in a subshell of their own, under set -e.
: "${cache:?}" "${fragment:?}"

# The boot protocol's header names the place of the compressed kernel
# (Documentation/x86/boot.rst: setup_sects, payload_offset, payload_length).
# All formats but gzip are followed by four bytes of length that their own
# tools do not know.
extract_vmlinux() {
    local image=$1 sects offset length unpack tail=4
    sects=$(od -An -tu1 -j $((0x1f1)) -N 1 "$image")
    read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$image")
    offset=$((offset + (sects + 1) * 512))
    case $(od -An -tx1 -j $offset -N 4 "$image") in
    ' 02 21 4c 18') unpack=lz4 ;;
    ' 28 b5 2f fd') unpack=zstd ;;
    ' fd 37 7a 58') unpack=xz ;;
    ' 1f 8b '*) unpack=gzip tail=0 ;;
    *) die "$family: unknown compression of the kernel" ;;
    esac
    need $unpack
    { tail -c +$((offset + 1)) "$image" || true; } | head -c $((length - tail)) | $unpack -dc
}

# A stock kernel: $1 is the work directory, the rest its packages.
make_linux() {
    local work=$1 release keep kernel
    need depmod xz
    say "unpacking ${*:2}"
    debian_unpack "$suite" "$work" "${@:2}"
    # Debian 13 and later: everything is in /usr/lib/modules, the kernel too.
    if [[ -d $work/usr/lib/modules ]]; then mv "$work/usr/lib" "$work/lib"; fi
    mkdir "$work/out"
    kernel=$(find "$work/boot" "$work/lib" -name 'vmlinuz*' 2>/dev/null || true)
    case $debian_arch in
    arm64) mv "$kernel" "$work/out/Image" ;;
    *)
        mv "$kernel" "$work/out/bzImage"
        extract_vmlinux "$work/out/bzImage" >"$work/out/vmlinux"
        ;;
    esac

    release=$(ls "$work/lib/modules")
    cd "$work/lib/modules/$release"
    keep='^\./kernel/((arch|block|crypto|fs|lib|mm|net|virt)/|drivers/((acpi|block|char|firmware'
    keep+='|input|md|misc|ptp|vhost|virt|virtio)/|crypto/(ccp|virtio)/|net/[^/]*$))'
    find . -name '*.ko*' | grep -Ev "$keep" | xargs -r rm
    find . -name '*.ko.xz' -print0 | xargs -0 -r -n 32 -P "$(nproc)" xz -d
    find . -type d -empty -delete
    depmod -b "$work" "$release"
    mv "$PWD" "$work/out/modules"
}

# The small kernel. The same source, fragment and compiler give the same bytes:
# no build date, user, machine or folder name goes in.
make_linux_small() {
    local work=$1 out=$1/out src lost
    need make gcc bc bison flex xz
    debian_unpack "$suite" "$work" "$2"
    tar -C "$work" -xf "$work"/usr/src/linux-source-*.tar.xz
    src=$(echo "$work"/linux-source-*)
    cd "$src"
    make -s tinyconfig >/dev/null
    scripts/kconfig/merge_config.sh -m .config "$fragment" >/dev/null
    make -s olddefconfig 2>/dev/null
    lost=$(lost_options "$fragment" .config | tr '\n' ' ')
    [[ -z $lost ]] || die "the kernel did not take from small.config: $lost"

    say "building the small kernel from $2 (5 minutes on two processors)"
    make -s -j "$(nproc)" bzImage KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=tvm \
        KBUILD_BUILD_HOST=tvm >"$cache/linux-small.log" 2>&1 ||
        die "the small kernel does not build, see $cache/linux-small.log"
    mkdir "$out"
    cp arch/x86/boot/bzImage .config System.map "$out"
    mv "$out/.config" "$out/config"
    strip -o "$out/vmlinux" vmlinux
}

# The kernel's own tests of AF_VSOCK; for the hybrid with unix sockets on the host's side.
make_vsock_tests() {
    local work=$1 wrap=-Wl,--wrap=socket,--wrap=bind,--wrap=connect,--wrap=accept
    need make gcc xz
    debian_unpack "$suite" "$work" "$2"
    tar -C "$work" --strip-components=1 --wildcards -xf "$work"/usr/src/linux-source-*.tar.xz \
        '*/tools/testing/vsock' '*/tools/include' '*/tools/build'
    cd "$work/tools/testing/vsock"
    make -s LDFLAGS='-static -Wl,--no-warnings' >&2
    gcc -O2 -c -o hybrid.o "$here/vsock_hybrid.c"
    gcc -static -Wl,--no-warnings $wrap -o vsock_test_hybrid \
        vsock_test.o timeout.o control.o util.o hybrid.o
    mkdir "$work/out"
    cp vsock_test vsock_diag_test vsock_test_hybrid "$work/out"
}

# lost_options FRAGMENT CONFIG: what the fragment asks and the config lacks.
lost_options() {
    local line
    while read -r line; do
        case $line in
        CONFIG_*=*) grep -qxF "$line" "$2" || echo "${line%%=*}" ;;
        '# CONFIG_'*' is not set') line=${line#\# } line=${line%% *}
            ! grep -q "^$line=" "$2" || echo "!$line" ;;
        esac
    done <"$1"
}

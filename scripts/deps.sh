#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh [-n] [build|run|test]...
#
# Installs the Debian packages that are missing, through apt-get; each group includes the one
# before it, and test is the default. -n only names them. Quick when nothing is missing.
set -eu
export LC_ALL=C

build='gcc make libc6-dev libjson-c-dev liburing-dev libelf-dev zlib1g-dev libzstd-dev libssl-dev pkg-config'
run="$build qemu-system-x86 busybox-static cpio zstd xz-utils lz4 e2fsprogs"
test="$run clang libclang-rt-dev clang-format bc bison flex rsync kmod python3 python3-cbor2 mandoc acpica-tools libvirt-clients-qemu python3-lxml python3-libvirt python3-cryptography openssl
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm qemu-user-static libfdt-dev
	util-linux fio dmsetup strace passt iperf3 iproute2 git"

die()
{
	echo "deps.sh: $1" >&2
	exit 1
}

dry=
wanted=
for arg; do
	case $arg in
	-n) dry=1 ;;
	build) wanted="$wanted $build" ;;
	run) wanted="$wanted $run" ;;
	test) wanted="$wanted $test" ;;
	*) die "usage: deps.sh [-n] [build|run|test]..." ;;
	esac
done
wanted=${wanted:-$test}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
	die "this is not Debian; install by hand: $(echo $wanted)"

# dpkg-query fails for unknown packages and lists the rest; pkg-config may be provided by
# pkgconf, which then is installed under that name, too.
have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
	sed -n 's/^installed //p') || :
missing=
for p in $wanted; do
	case " $(echo $have) $missing " in
	*" $p "*) ;;
	*) missing="$missing $p" ;;
	esac
done
missing=$(echo $missing)
[ -n "$missing" ] || exit 0

echo "deps.sh: installing $missing"
[ -z "$dry" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || die "needs root, or sudo: apt-get install $missing"
	sudo=sudo
fi
# The lists of a fresh machine are empty or old: fetch them when the first attempt fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		$missing </dev/null >"$log" 2>&1
}
install || { $sudo apt-get update -qq >"$log" 2>&1 && install; } || {
	die "apt-get could not install: $missing ($(grep '^E:' "$log" | head -n 1))"
}

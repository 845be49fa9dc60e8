#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# probe.sh [tiny | ARCH]
#
# Prints where guests can run on this machine, the reason on stderr:
#
#   direct   on its own /dev/kvm
#   nested   inside the emulated host of x86_64.sh or aarch64.sh
#   none     nowhere
#
# Stock kernels need hardware virtualisation. A /dev/kvm may come without: a
# KVM in software, inside a virtual machine, that is too slow for them and
# fails at instructions they use. `probe.sh tiny` asks for the tests' own few
# instructions long guests, which any /dev/kvm runs.
#
# ARCH is the guests' architecture, this machine's own unless named.
#
# TVM_TEST_HOST=direct|nested|none overrides.
set -eu

answer() {
    echo "probe: $2" >&2
    echo "$1"
    exit 0
}

machine=$(uname -m)
arch=$machine
case ${1-} in
'' | tiny) ;;
*) arch=$1 ;;
esac

elsewhere() {
    if command -v "qemu-system-$arch" >/dev/null; then
        answer nested "$1; qemu-system-$arch emulates a host"
    fi
    answer none "$1, and there is no qemu-system-$arch"
}

case ${TVM_TEST_HOST-} in
'') ;;
direct | nested | none) answer "$TVM_TEST_HOST" "TVM_TEST_HOST says so" ;;
*) echo "probe: TVM_TEST_HOST=$TVM_TEST_HOST: not direct, nested or none" >&2; exit 2 ;;
esac

[ "$arch" = "$machine" ] || elsewhere "this machine is not $arch"
[ -c /dev/kvm ] || elsewhere "no /dev/kvm"
# Opening is the test: permission bits do not tell all (device cgroups).
(: <>/dev/kvm) 2>/dev/null || elsewhere "/dev/kvm does not open"
[ "${1-}" != tiny ] || answer direct "/dev/kvm opens"

if [ "$machine" = x86_64 ] && ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
    elsewhere "/dev/kvm without vmx or svm is a KVM in software"
fi
answer direct "/dev/kvm on hardware"

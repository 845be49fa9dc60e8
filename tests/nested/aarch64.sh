#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# aarch64.sh [OPTION VALUE]... SCRIPT: machine.sh, which see, with an emulated Arm host: EL2 and
# GICv3, Debian 12's backported cloud kernel, in which KVM is built in. That kernel can hand
# SMC calls of guests to their VMM (6.4 and later).
#
# The emulator has one serial port for us; results come through virtio consoles.
set -euo pipefail
shopt -s inherit_errexit

emulator=qemu-system-aarch64 kernel_asset=linux-arm64-6.12/Image busybox_asset=busybox-arm64
host_modules=""
# Pointer authentication with the architected algorithm takes most of the time there is. Nested
# SVE is left out for the same reason.
machine=(-M "virt,virtualization=on,gic-version=3" -accel "tcg,thread=multi,tb-size=1024"
    -cpu "${TVM_TEST_CPU:-max,pauth-impdef=on,sve=off,sme=off}")
append="console=ttyAMA0 tvm.out=hvc0 tvm.course=hvc1"
channels() {
    channels=(-serial "file:$1" -device virtio-serial-pci
        -chardev "stdio,id=out,signal=off" -device "virtconsole,chardev=out"
        -chardev "file,id=course,path=$2" -device "virtconsole,chardev=course")
}

. "$(dirname "$0")/machine.sh"

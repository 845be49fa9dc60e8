#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# x86_64.sh [OPTION VALUE]... SCRIPT: machine.sh, which see, with an emulated AMD host: Debian
# 12's cloud kernel with kvm-amd.
#
# Measured on an idle core: 3.1 s for a SCRIPT that does nothing, which starts 2.5 s after the
# kernel; 3.5 s more for a small Linux guest up to its power-off.
set -euo pipefail
shopt -s inherit_errexit

emulator=qemu-system-x86_64 kernel_asset=linux-6.1/bzImage busybox_asset=busybox
host_modules="kvm-amd"
# The long -cpu form: with XSAVE or AVX in sight, guests of this host die in
# their FPU set-up, because the emulator's SVM does not carry XSETBV through.
# Without ERMS, kernels clear and copy pages by words: to the emulator each byte
# of a string is an instruction, and stock kernels took a fifth longer.
cpu=max,+svm,-xsave,-xsaveopt,-xsavec,-xgetbv1,-avx,-avx2,-f16c,-fma,-vaes
cpu+=,-vpclmulqdq,-pku,-mpx,-erms,-fsrm
machine=(-M q35 -accel "tcg,thread=multi" -cpu "$cpu")
# tsc=reliable: the guests' clock comes from the TSC, and how fast that is gets measured under
# whatever load there is; a host whose own clock is another one would see them drift.
append="console=ttyS0 tvm.out=ttyS1 tvm.course=ttyS2 tsc=reliable"
channels() { channels=(-serial "file:$1" -serial stdio -serial "file:$2"); }

. "$(dirname "$0")/machine.sh"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# emulated.sh PROGRAM ARGUMENT...: runs an aarch64 program of a cross build, on this machine if it
# is one, else under an emulator that knows the system calls, with the libraries of the build.
set -euo pipefail
shopt -s inherit_errexit

[[ $(uname -m) != aarch64 ]] || exec "$@"
command -v qemu-aarch64-static >/dev/null || { echo "no qemu-aarch64-static"; exit 77; }
lib=$("$(dirname "$0")/../scripts/sysroot.sh" aarch64)/usr/lib/aarch64-linux-gnu
exec qemu-aarch64-static -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$lib" "$@"

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# guests.sh         (environment: B, the build directory)
#
# What the tiny guests see of the machine: memory map, interrupts, processors, PCI, virtio
# queues, reset; prints TAP. Each is entered in all three ways.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
build=${B:-build/$(uname -m)}
work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-guests.XXXXXX")
trap 'rm -rf "$work"' EXIT
tvm=$build/tvm-run
nr=0 failed=0

# shellcheck source=tests/boot/cli-lib.sh
. "$top/tests/boot/cli-lib.sh"

if ! kvm; then
	echo "1..0 # SKIP no usable /dev/kvm"
	exit 0
fi

# GUEST LINES ARGUMENT...: all lines are in the output, and the guest powers off.
sees()
{
	local guest=$1 lines=$2 kind line

	shift 2
	for kind in "" -pvh .bz; do
		run --kernel "$build/tests/guest/tiny/$guest$kind" "$@"
		while read -r line; do
			grep -qx "$line" "$work/out" || why="no '$line' in: $(cat "$work/out")"
		done <<<"$lines"
		tail -n 1 "$work/err" | grep -q 'powered off' || why="it did not power off"
		result "$guest$kind ${*//$work\//}" "${why:-ok}"
	done
}

sees hello "hello entry=.* ram=16000K initrd=0@0 cmdline=\[\]" --memory 16M
sees hello "hello entry=.* cmdline=\[a b  c\]" --memory 16M --cmdline "a b  c"
head -c 70001 /dev/urandom >"$work/initrd"
sees hello "hello .* initrd=70001@fee000 .*" --memory 16M --initrd "$work/initrd"
sees timer "timer: 20 ticks
uart: 1 interrupt, cause 2" --memory 16M
sees smp "smp: 1 processors" --memory 16M
sees smp "smp: processor 1 runs, id 1
smp: processor 3 runs, id 3
smp: 4 processors" --memory 16M --cpus 4 --cmdline cpus=4
sees smp "smp: processor 15 runs, id 15
smp: 16 processors" --memory 16M --cpus 16 --cmdline cpus=16
sees mem "mem: 8 places, 0 wrong, highest fffff8" --memory 16M
sees mem "mem: 8 places, 0 wrong, highest bffffff8" --memory 3G
sees mem "mem: 100000000-100100000 type 1
mem: 12 places, 0 wrong, highest 1000ffff8" --memory 3073M
sees mem "mem: 100000000-280000000 type 1
mem: 12 places, 0 wrong, highest 27ffffff8" --memory 9G
sees pci "pci: 0 1b36:8 class 60000
pci: 1 functions, 0 registers differ" --memory 16M --rng off
truncate -s 1M "$work/disk"
sees pci "pci: 0 1b36:8 .*
pci: [1-3] 1af4:1042 class 18000 bar0=c0[0-9a-f]*+4000 bar1=.* caps 9 9 9 9 9 13 11
pci: [1-3] 1af4:1043 .*
pci: [1-3] 1af4:1044 class ff00 bar0=c0[0-9a-f]*+4000 bar1=.* caps 9 9 9 9 13 11
pci: 4 functions, 0 registers differ" --memory 16M --disk "$work/disk" --console null
sees badqueue "badqueue: descriptors outside RAM: status 4f, used 0, length 0
badqueue: avail ring outside RAM: status 4f, used 0, length 0
badqueue: used ring at the end of the world: status 4f, used 0, length 0
badqueue: buffer outside RAM: status 4f, used 0, length 0
badqueue: loop: status 4f, used 0, length 0
badqueue: next beyond the table: status 4f, used 0, length 0
badqueue: buffer that wraps: status 4f, used 0, length 0
badqueue: index far ahead: status 4f, used 0, length 0
badqueue: good: status f, used 1, length 64
badqueue: alive" --memory 16M
finish

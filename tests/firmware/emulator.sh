#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The boot firmware without our VMM: a software emulator places boot information, files and
# hashes in memory. Its processors have no memory encryption, so this is the plain guest.
# Prints TAP. Without the emulator or the test kernel the test is skipped.
#
#   B         build directory, as in the Makefile
#   TIMEOUT   seconds a boot may take
set -u
cd "$(dirname "$0")/../.."
B=${B:-build/x86_64}
TIMEOUT=${TIMEOUT:-90}
fw=$B/firmware/tvm-fw-x86_64.bin
memory=256

skip() { echo "1..0 # SKIP $*"; exit 0; }
command -v qemu-system-x86_64 >/dev/null || skip "needs qemu-system-x86_64"
[[ -f $fw && -x $B/tests/firmware/mkinfo ]] || skip "the firmware is not built"
bzimage=$(tests/nested/assets.sh linux-small/bzImage 2>/dev/null) || skip "no test kernel"
vmlinux=$(tests/nested/assets.sh linux-small/vmlinux 2>/dev/null) || skip "no test kernel"

tmp=$(mktemp -d) || exit 1
emulator=
trap '[[ -z $emulator ]] || kill "$emulator" 2>/dev/null; rm -rf "$tmp"' EXIT
tests/guest/linux/mkinitrd.sh --out "$tmp/initrd" || skip "no initrd"

# The emulator wants a multiple of 64 KiB.
cp "$fw" "$tmp/tail"
{ head -c $((65536 - $(stat -c %s "$fw"))) /dev/zero; cat "$tmp/tail"; } >"$tmp/rom"

# stage KERNEL INITRD CMDLINE: fills $tmp and the array of options
stage()
{
	local name gpa
	options=()
	while read -r name gpa; do
		case $name in
		kernel) set -- "$1" "$2" "$3" "$1" ;;
		initrd) set -- "$1" "$2" "$3" "$2" ;;
		cmdline) set -- "$1" "$2" "$3" "$tmp/cmdline" ;;
		esac
		[[ -z $4 ]] || options+=(-device "loader,file=$4,addr=$gpa,force-raw=on")
	done < <("$B/tests/firmware/mkinfo" "$tmp" "$memory" "$1" "$2" "$3")
	options+=(-device "loader,file=$tmp/info,addr=0x100000,force-raw=on")
}

with_hashes() { options+=(-device "loader,file=$tmp/hashes,addr=0xf0c00,force-raw=on"); }

# boot: until the guest is ready, the firmware stops, or time is up. The emulator has no device
# that takes the firmware's reports; but after the last one the processor halts with it in EAX.
# Sets $stopped to stage and reason, in hexadecimal.
boot()
{
	local n
	rm -f "$tmp"/{serial,emulator,monitor}
	mkfifo "$tmp/monitor"
	exec 3<>"$tmp/monitor"
	timeout -k 5 "$TIMEOUT" qemu-system-x86_64 -accel tcg -cpu max -m $memory \
		-M microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off \
		-nodefaults -display none -no-reboot -bios "$tmp/rom" "${options[@]}" \
		-chardev "file,id=s,path=$tmp/serial" -serial chardev:s -monitor stdio \
		>"$tmp/emulator" 2>&1 <&3 &
	emulator=$!
	stopped=
	for ((n = 0; n < TIMEOUT * 2; n++)); do
		sleep 0.5
		kill -0 $emulator 2>/dev/null || break
		grep -qa 'tvm-guest: ready' "$tmp/serial" 2>/dev/null && break
		echo 'info registers' >&3
		sleep 0.1
		stopped=$(tr -d '\r' <"$tmp/emulator" | awk '
			/^[ER]AX=/ { sub(/^[ER]AX=0*/, ""); eax = $1 }
			/HLT=1/ && eax ~ /^5456....$/ { r = substr(eax, 5, 2) " " substr(eax, 7) }
			END { print r }')
		[[ -z $stopped ]] || break
	done
	echo quit >&3
	wait $emulator 2>/dev/null
	emulator=
	exec 3>&-
}

count=0 failed=0
verdict()	# NAME, after a condition
{
	local status=$?
	((++count))
	if ((status)); then
		((++failed))
		echo "# stopped at '$stopped'"
		grep -a '[ER][AI][XP]=' "$tmp/emulator" | tail -n 2 | sed 's/^/# /'
		tail -n 20 "$tmp/serial" 2>/dev/null | tr -d '\r' | sed 's/^/# /'
		echo "not ok $count - $1"
	else
		echo "ok $count - $1"
	fi
}

# noapic: no table tells the kernel how this machine's timer reaches the I/O APIC. It would try
# what may be, and find nothing when the emulator has to wait for a processor.
console="console=ttyS0 noapic reboot=t panic=-1 tvm.case=info"
ready() { grep -qa 'tvm-guest: ready' "$tmp/serial" && grep -qaF "cmdline=$console" "$tmp/serial"; }

stage "$bzimage" "$tmp/initrd" "$console"
boot
ready
verdict "bzImage, no hashes"

stage "$vmlinux" "$tmp/initrd" "$console"
with_hashes
boot
ready
verdict "vmlinux, with hashes"

# refused NAME STAGE REASON: stopped there, and the kernel did not run
refused()
{
	boot
	[[ ! -s $tmp/serial && $stopped == "$(printf '%02x %02x' "$2" "$3")" ]]
	verdict "$1"
}

cp "$bzimage" "$tmp/kernel"
stage "$tmp/kernel" "$tmp/initrd" "$console"
with_hashes
printf x | dd of="$tmp/kernel" bs=1 seek=100000 conv=notrunc status=none
refused "a changed kernel" 3 12

cp "$tmp/initrd" "$tmp/changed"
stage "$bzimage" "$tmp/changed" "$console"
with_hashes
printf x | dd of="$tmp/changed" bs=1 seek=65535 conv=notrunc status=none
refused "a changed initrd" 4 13

stage "$bzimage" "$tmp/initrd" "$console"
with_hashes
printf X | dd of="$tmp/cmdline" bs=1 seek=3 conv=notrunc status=none
refused "a changed command line" 5 14

stage "$bzimage" "$tmp/initrd" "$console"
printf X | dd of="$tmp/hashes" bs=1 seek=3 conv=notrunc status=none
with_hashes
refused "a damaged hash table" 2 11

stage "$bzimage" "$tmp/initrd" "$console"
printf '\0\0\0\0\1' | dd of="$tmp/info" bs=1 seek=16 conv=notrunc status=none
refused "impossible RAM size" 2 7

echo "1..$count"
((failed == 0))

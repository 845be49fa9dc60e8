#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# dtb.sh            (environment: B, the build directory, whose tvm-attest is used)
#
# tvm-run --dump-dtb of the aarch64 build, without KVM: what changes the device tree and what does
# not, that a realm can be measured with it, and files that cannot be written; prints TAP.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
attest=$(realpath "${B:-build/$(uname -m)}/tvm-attest")
tvm=$top/build/aarch64/tvm-run
work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-dtb.XXXXXX")
trap 'umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
nr=0 failed=0

result() # NAME, by the status before
{
	local status=$?

	nr=$((nr + 1))
	if [ $status = 0 ]; then
		echo "ok $nr - $1"
	else
		failed=1
		sed 's/^/# stderr: /' err | head -n 5
		echo "not ok $nr - $1"
	fi
}

run() { "$top/tests/emulated.sh" "$tvm" "$@" >out 2>err </dev/null; }

# An arm64 kernel, as far as its header goes, of 1 MiB in memory.
{
	printf 'MZ\0\0\0\0\0\0''\0\0\0\0\0\0\0\0''\0\0\x10\0\0\0\0\0''\x0a\0\0\0\0\0\0\0'
	head -c 24 /dev/zero
	printf 'ARM\x64'
	head -c 20000 /dev/zero
} >kernel
head -c 5000 /dev/zero | tr '\0' i >initrd
truncate -s 1M disk
truncate -s 20M big
usual=(--kernel kernel --initrd initrd --cmdline "console=ttyS0 secret=none" --memory 1G)

run --version
[ $? != 77 ] || { echo "1..0 # SKIP no emulator of aarch64 programs"; exit 0; }

dump() # FILE OPTION...: nothing is said
{
	local file=$1

	shift
	run "${usual[@]}" "$@" --dump-dtb "$file" && [ ! -s out ] && [ ! -s err ]
}
seen=
# differs NAME OPTION...: from all trees before
differs()
{
	local name=$1 sum=

	shift
	dump tree "$@" && sum=$(sha256sum <tree) && [[ $seen != *"$sum"* ]]
	result "differs: $name"
	seen+=" $sum"
}

differs "a plain machine"
[ "$(od -An -tx1 -N4 tree | tr -d ' \n')" = d00dfeed ]
result "is a device tree"
grep -qa 'console=ttyS0 secret=none' tree
result "has the command line"
plain=$(sha256sum <tree)
dump again && [ "$(sha256sum <again)" = "$plain" ]
result "the same again"
dump again --disk disk --net tap=none && [ "$(sha256sum <again)" = "$plain" ]
result "PCI devices are not in it; nothing is opened but kernel and initrd"
differs "another command line" --cpus 1 --name x --initrd initrd
differs "two vCPUs" --cpus 2
differs "a PMU" --cpu pmu=on
differs "no pvpanic" --pvpanic=off
differs "virtio on MMIO" --transport mmio
differs "another device there" --transport mmio --disk disk
differs "two more" --transport mmio --balloon on --console null --console null
differs "a realm" --tee cca,platform=soft
cp tree realm
dump again --tee cca && cmp -s again realm
result "the same for hardware and soft platform"
dump again --tee virtcca && cmp -s again realm
result "and for virtCCA"

# A realm's owner goes on with it.
for tee in cca virtcca; do
	"$attest" measure --tee $tee --memory 1G --kernel kernel --initrd initrd --dtb realm >out 2>err &&
		grep -q '^rim: [0-9a-f]*$' out && grep -q '^x0: 0000000080200000$' out &&
		grep -q '^initrd-address: 0000000080210000$' out
	result "$tee: measured with it"
done
# The initrd's place and end are in it, as 64-bit numbers.
od -An -v -tx1 realm | tr -d ' \n' | grep -q 00000000802113880*
result "the initrd ends where its size says"

# bad STATUS TEXT NAME OPTION...: one line, nothing written, nothing left.
bad()
{
	local status=$1 text=$2 name=$3 before after

	shift 3
	before=$(ls -R)
	run "$@"
	[ $? = "$status" ] && [ "$(wc -l <err)" = 1 ] && grep -q "^tvm-run: .*$text" err &&
		[ ! -s out ] && after=$(ls -R) && [ "$before" = "$after" ]
	result "$name"
}
mkdir dir
echo "was here" >kept
bad 1 "dump-dtb: cannot write 'none/tree': No such file" "no such folder" "${usual[@]}" \
	--dump-dtb none/tree
bad 1 "dump-dtb: cannot write 'dir': Is a directory" "a folder" "${usual[@]}" --dump-dtb dir
bad 1 "dump-dtb: cannot write 'kernel/x': Not a directory" "below a file" "${usual[@]}" \
	--dump-dtb kernel/x
bad 1 "cannot write '/dev/full': No space" "a full device" "${usual[@]}" --dump-dtb /dev/full
bad 1 "cannot write '/proc/x': No such" "a folder for no files" "${usual[@]}" --dump-dtb /proc/x
bad 1 "too long" "a long name" "${usual[@]}" --dump-dtb "$(printf 'x%.0s' {1..300})"
bad 2 "cannot write\|needs a value" "no name" "${usual[@]}" --dump-dtb
bad 2 "kernel: a kernel is required" "no kernel" --dump-dtb tree
bad 1 "No such file" "no such kernel" --kernel none --dump-dtb kept
bad 1 "do not fit behind the kernel.*more --memory" "an initrd without room" --kernel kernel \
	--initrd big --memory 16M --dump-dtb kept
bad 2 "cmdline" "a long command line" --kernel kernel --cmdline "$(printf 'x%.0s' {1..3000})" \
	--dump-dtb kept
bad 2 "tee: rpv" "a contradiction" "${usual[@]}" --tee virtcca,rpv=00 --dump-dtb kept
many=()
for i in {1..24}; do many+=(--disk "d$i"); done
for i in {1..16}; do many+=(--share "t$i,path=dir"); done
bad 1 "more than 32 devices on MMIO" "too many devices" "${usual[@]}" --transport mmio \
	"${many[@]}" --dump-dtb kept
[ "$(cat kept)" = "was here" ]
result "what failed has left the file as it was"
if mkdir full && mount -t tmpfs -o size=4k none full 2>/dev/null; then
	echo "was here" >full/tree
	bad 1 "No space" "a full file system" "${usual[@]}" --dump-dtb full/tree
	[ "$(cat full/tree)" = "was here" ]
	result "and what was there stays"
fi
dump kept && [ "$(sha256sum <kept)" = "$plain" ]
result "a file is replaced"
run "${usual[@]}" --dump-dtb /dev/stdout && [ "$(sha256sum <out)" = "$plain" ]
result "to the standard output"
echo "1..$nr"
exit $failed

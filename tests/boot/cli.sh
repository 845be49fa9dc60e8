#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cli.sh            (environment: B, the build directory)
#
# tvm-run as people use it, right and wrong; prints TAP. For every run: the exit status that the
# manual states, exactly one line on stderr, that line saying what is wrong, nothing on stdout,
# no file left behind, no process left behind.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
build=${B:-build/$(uname -m)}
work=$(mktemp -d "${TMPDIR:-/tmp}/tvm-cli.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/t"
cp "$build/tvm-run" "$work/tvm-run" || exit 2
tvm=$work/tvm-run
cp "$build/tests/guest/tiny/"{hello,hello-pvh,hello.bz,echo} "$work" || exit 2
hello=$work/hello
# The sanitizer's own report, should there be one, is more than a line: the test fails.
small=--memory=16M
nr=0 failed=0

# shellcheck source=tests/boot/cli-lib.sh
. "$top/tests/boot/cli-lib.sh"

# ---- The command line ----------------------------------------------------------------------

bad 2 "kernel" "no kernel"
bad 2 "unknown option '--kernal'; did you mean '--kernel'" "unknown option" --kernal "$hello"
bad 2 "unknown option '--kern'" "abbreviated option" --kern "$hello"
bad 2 "unexpected argument" "argument without a dash" "$hello"
bad 2 "unexpected argument" "one dash" -m 512
bad 2 "unexpected argument" "--" -- --kernel "$hello"
bad 2 "needs a value" "no value" --kernel
bad 2 "given twice" "kernel twice" --kernel "$hello" --kernel "$hello"
bad 2 "kernel" "empty kernel name" --kernel ""
bad 2 "takes no value" "value for --version" --version=1
for value in 0 1 15M -1 1T 513G abc 12Q 1.5G 16777217 "" 99999999999999999999 "16 M" 16MM \
	18446744073709551615 17592186044416M; do
	bad 2 memory "memory $value" --kernel "$hello" --memory "$value"
done
for value in 0 65 1000 -1 two 1.5 "" 4294967297 "1 "; do
	bad 2 cpus "cpus $value" --kernel "$hello" --cpus "$value"
done
bad 2 pages "unknown pages" --kernel "$hello" --pages huge
bad 2 "multiple of 1G" "memory no multiple of the pages" --kernel "$hello" --memory 1500M \
	--pages huge1g
bad 2 tee "unknown TEE" --kernel "$hello" --tee magic
bad_with_kvm 2 cpu-mask "unknown CPU feature" --kernel "$hello" --cpu-mask warp
bad 2 rng "rng maybe" --kernel "$hello" --rng=maybe
bad 2 name "name with a space" --kernel "$hello" --name "a b"
bad 2 name "long name" --kernel "$hello" --name "$(printf 'n%.0s' {1..65})"
bad 2 serial "unknown serial" --kernel "$hello" --serial modem
bad 2 serial "serial file without a path" --kernel "$hello" --serial file
bad 2 serial "serial port with a name" --kernel "$hello" --serial null,name=x
# shellcheck disable=SC2046
bad 2 console "sixteen consoles" --kernel "$hello" $(printf -- '--console null %.0s' {1..16})
bad 2 console "two consoles at one socket" --kernel "$hello" --console "unix=$work/s" \
	--console "unix=$work/s,name=port"
bad 2 "balloon: not for a confidential machine" "balloon and tee" --kernel "$hello" --balloon on \
	--tee csv,platform=soft
for tee in platform=soft rpv=00 measurement=m soft-dir=d secret=s policy=1 rmi-cap=5; do
	bad 2 "tee: " "virtcca,$tee" --kernel "$hello" --memory 1G --tee "virtcca,$tee"
done
bad 2 "memory: virtCCA takes 1G" "virtcca with 512M" --kernel "$hello" --tee virtcca
bad 2 "balloon: not" "virtcca with a balloon" --kernel "$hello" --tee virtcca --memory 1G --balloon on
bad 2 "machines of x86_64 have none" "device tree" --kernel "$hello" --dump-dtb "$work/dtb"
bad 2 "needs a value" "device tree to nowhere" --kernel "$hello" --dump-dtb
bad 2 "violation=stop goes with cca,platform=soft" "violations on hardware" --kernel "$hello" \
	--tee cca,violation=stop
bad 2 violation "unknown answer to violations" --kernel "$hello" --tee cca,violation=ignore
bad 2 log-level "unknown log level" --kernel "$hello" --log-level loud
bad 2 "cmdline" "command line beyond all limits" --kernel "$hello" --cmdline "$(filler 65536)"
bad_with_kvm 2 "cmdline" "command line longer than the kernel takes" --kernel "$hello" \
	--cmdline "$(filler 2048)"
bad_with_kvm 2 "cmdline" "the same for a bzImage" \
	--kernel "$work/hello.bz" --cmdline "$(filler 2048)"
bad 2 "disk" "disk with an empty path" --kernel "$hello" --disk path=,ro
bad 2 "disk" "disk without a path" --kernel "$hello" --disk serial=x
bad 2 "disk" "disk with an unknown key" --kernel "$hello" --disk "$hello,rw"
bad 2 "disk" "disk with an empty item" --kernel "$hello" --disk "$hello,,ro,"
bad 2 "disk" "disk twice" --kernel "$hello" --disk "$hello" --disk "$hello"
many=()
for i in {1..25}; do many+=(--disk "$work/d$i"); done
bad 2 disk "too many disks" --kernel "$hello" "${many[@]}"

# ---- Files ---------------------------------------------------------------------------------

bad 1 "No such file" "kernel missing" --kernel "$work/none"
bad 1 "No such file\|too long" "long kernel name" --kernel "$work/$(filler 200)/$(filler 200)"
bad 1 "name too long" "kernel name beyond the limit" --kernel "/$(filler 5000)"
bad 1 "line?break" "kernel name with a line break" --kernel "$work/line"$'\n'break
bad 1 "directory" "kernel is a directory" --kernel "$work"
bad 2 "regular" "kernel is a device" --kernel /dev/zero
mkfifo "$work/fifo"
bad 2 "regular" "kernel is a fifo" --kernel "$work/fifo"
: >"$work/empty"
bad 1 "empty" "kernel is empty" --kernel "$work/empty"
filler 5000 >"$work/text"
bad 1 "not a kernel" "kernel is text" --kernel "$work/text"
head -c 4096 /dev/zero >"$work/zeroes"
bad 1 "not a kernel" "kernel is zeroes" --kernel "$work/zeroes"
for ((size = 0; size < $(stat -c %s "$work/hello.bz"); size += 512)); do
	head -c $size "$work/hello.bz" >"$work/cut"
	bad 1 "kernel" "bzImage cut after $size bytes" --kernel "$work/cut"
done
for size in 4 16 63 64 100 120 4000 4096; do
	head -c $size "$hello" >"$work/cut"
	bad 1 "kernel" "ELF cut after $size bytes" --kernel "$work/cut"
done

load=1 note=4
max=0xffffffffffffffff
elf 183 0x100000 "$load 4096 0 0x100000 16 16"
bad 1 "another machine" "ELF for another machine" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 16 0x2000" "$load 4096 0 0x101000 16 16"
bad 1 "overlap" "segments overlap" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 16 16" "$load 4096 0 0xfffffffffffffff0 16 32"
bad 1 "physical address" "segment wraps" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 16 $max"
bad 1 "physical address" "segment of all memory" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 $max $max"
bad 1 "truncated" "segment of all the file" --kernel "$work/elf"
elf 62 0x100000 "$load $max 0 0x100000 16 16"
bad 1 "truncated" "segment beyond the file" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 32 16"
bad 1 "in memory" "more file than memory" --kernel "$work/elf"
elf 62 0x1000000 "$load 4096 0 0x1000000 16 16"
bad_with_kvm 1 "more --memory" "segment beyond RAM" --kernel "$work/elf" "$small"
elf 62 0x100000 "$load 4096 0 0x100000 16 0x1000000"
bad_with_kvm 1 "more --memory" "segment ends beyond RAM" --kernel "$work/elf" "$small"
elf 62 0x7000 "$load 4096 0 0x7000 16 16"
bad_with_kvm 1 "1 MiB" "segment over the boot data" --kernel "$work/elf"
elf 62 0xc0000000 "$load 4096 0 0xc0000000 16 16"
bad_with_kvm 1 "kernel" "segment in the hole" --kernel "$work/elf" --memory 5G
elf 62 0x200000 "$load 4096 0 0x100000 16 16"
bad 1 "entry" "entry outside" --kernel "$work/elf"
elf 62 0x100000 "$note 4096 0 0 16 16"
bad 1 "loadable" "nothing to load" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 16 16" "$note $max 0 0 64 64"
bad 1 "truncated" "notes beyond the file" --kernel "$work/elf"
elf 62 0x100000 "$load 4096 0 0x100000 16 16" "$note 4096 0 0 0x10000000 64"
bad 1 "notes" "notes of 256 MiB" --kernel "$work/elf"

bad 1 "initrd" "initrd missing" --kernel "$hello" --initrd "$work/none"
bad 1 "initrd" "initrd is a directory" --kernel "$hello" --initrd "$work"
bad 2 "initrd" "initrd is a device" --kernel "$hello" --initrd /dev/zero
bad 1 "initrd" "initrd is empty" --kernel "$hello" --initrd "$work/empty"
truncate -s 16M "$work/big"
bad_with_kvm 1 "more --memory" "initrd larger than RAM" \
	--kernel "$hello" --initrd "$work/big" "$small"
truncate -s 8T "$work/big" 2>/dev/null || truncate -s 1T "$work/big"
bad_with_kvm 1 "more --memory" "initrd larger than everything" \
	--kernel "$hello" --initrd "$work/big"
rm "$work/big"

# A machine is half built by now: this is also about taking it down again.
bad_with_kvm 1 "disk 0" "disk missing" --kernel "$hello" --disk "$work/none"
bad_with_kvm 1 "disk 0" "disk is a directory" --kernel "$hello" --disk "$work"
bad_with_kvm 2 "disk 0" "disk is a character device" --kernel "$hello" --disk /dev/zero
bad_with_kvm 2 "disk 0" "disk is empty" --kernel "$hello" --disk "$work/empty"
bad_with_kvm 2 "vsock: vhost=on" "vsock by vhost, with a path" --kernel "$hello" --vsock "5,vhost,path=$work/v"
bad_with_kvm 2 "path or port" "vsock to nowhere" --kernel "$hello" --vsock 5
bad_with_kvm 1 "serial" "serial to a directory" --kernel "$hello" --serial "file=$work"
bad_with_kvm 1 "cannot make the socket" "console at a file that is there" --kernel "$hello" \
	--console "unix=$work/hello"
bad_with_kvm 1 "cannot make the link" "link over a file" --kernel "$hello" \
	--console "pty=$work/hello"
bad_with_kvm 1 "console 0" "console to nowhere" --kernel "$hello" --console "file=$work/no/file"

# ---- JSON ----------------------------------------------------------------------------------

bad 2 "No such file" "configuration missing" --config "$work/none"
bad 2 "directory" "configuration is a directory" --config "$work"
json 2 "end of the text" "empty" ''
json 2 "line 1" "cut short" '{ "kernel": "x"'
json 2 "line 2, column" "no value" $'{ "kernel":\n }'
json 2 "line 1" "two objects" '{} {}'
json 2 "object" "an array" '[ "kernel" ]'
json 2 "unknown\|kernal" "unknown key" '{ "kernal": "x" }'
json 2 "twice" "the same key twice" '{ "cpus": 1, "cpus": 2 }'
json 2 "cpus: expected a number" "cpus as text" '{ "cpus": "2" }'
json 2 "expected a boolean" "rng as a number" '{ "rng": 1 }'
json 2 "expected a string" "kernel as a number" '{ "kernel": 1 }'
json 2 "expected a string" "kernel null" '{ "kernel": null }'
json 2 "expected an array" "disk as text" '{ "disk": "x" }'
json 2 "disk" "disk without a path" '{ "disk": [ { "ro": true } ] }'
json 2 "disk" "disk with an unknown key" '{ "disk": [ { "path": "x", "rw": true } ] }'
json 2 "memory" "memory too large" '{ "memory": 1e30 }'
json 2 "memory" "memory below zero" '{ "memory": -5 }'
json 2 "deep" "too deep" '{ "disk": [[[[[[[[[[[[[[[[[[[[ 1 ]]]]]]]]]]]]]]]]]]]] }'
json 2 "line 1" "a comment" '/* */ {}'
json 2 "NUL" "a NUL in a string" '{ "kernel": "a\u0000b" }'
head -c 2000000 /dev/zero | tr '\0' ' ' >"$work/json"
bad 2 "too many" "configuration of 2 MB" --config "$work/json"

# ---- The host ------------------------------------------------------------------------------

if unshare -rm true 2>/dev/null; then
	mkdir "$work/dev"
	: >"$work/dev/null"
	# shellcheck disable=SC2016 # for the inner shell
	hide='mount --bind /dev/null "$0/null" && mount --rbind "$0" /dev && exec "$@"'
	wrap=(unshare -rm sh -c "$hide" "$work/dev")
	bad 1 "/dev/kvm" "no /dev/kvm" --kernel "$hello"
	wrap=(unshare -rm sh -c 'mount --bind /dev/null /dev/kvm && exec "$@"' sh)
	[ ! -c /dev/kvm ] || bad 1 "kvm" "/dev/kvm is something else" --kernel "$hello"
	wrap=()
else
	skip "no /dev/kvm" "no user namespaces"
fi
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
# shellcheck disable=SC2016
if ! "${nobody[@]}" true 2>/dev/null; then
	skip "/dev/kvm without permission" "not root"
elif ! kvm || "${nobody[@]}" sh -c ': <>/dev/kvm' 2>/dev/null; then
	skip "/dev/kvm without permission" "everybody may use it, or there is none"
else
	wrap=("${nobody[@]}")
	bad 1 "/dev/kvm.*ermission" "/dev/kvm without permission" --kernel "$hello"
	wrap=()
fi

# ---- Without a machine ---------------------------------------------------------------------

run --version
result "--version" "$([ $status = 0 ] && [ ! -s "$work/err" ] &&
	grep -qx 'tvm-run [0-9.]*' "$work/out" && echo ok)"
run --help
result "--help" "$([ $status = 0 ] && [ ! -s "$work/err" ] && grep -q -- '--kernel' "$work/out" &&
	echo ok)"
out=/dev/full run --kernel x --print-config
result "--print-config to a full disk" "$([ $status = 1 ] && one_line "No space" && echo ok)"
out=/dev/full run --help
result "--help to a full disk" "$([ $status = 1 ] && one_line "No space" && echo ok)"
args=(--kernel "a,b" --initrd 'x y' --initrd $'t\tz' --cmdline 'a "quoted" \ é' --memory 3G
	--cpus 3 --disk "path=c,,d.img,ro,serial=S=1" --disk "e.img,direct" --serial "file=/a,,b"
	--console stdio --cpu-mask "avx2,rdrand" --no-reboot --rng off --name n.1)
run "${args[@]}" --print-config
cp "$work/out" "$work/json"
run --config "$work/json" --print-config
result "--print-config round trip" "$([ $status = 0 ] && grep -q '"c,d.img"' "$work/out" &&
	grep -q 'a \\"quoted\\"' "$work/out" && cmp "$work/json" "$work/out" && echo ok)"
run --kernel x --tee cca,platform=soft,violation=stop --print-config
cp "$work/out" "$work/json"
run --config "$work/json" --print-config
result "a policy for violations, round trip" "$([ $status = 0 ] && cmp "$work/json" "$work/out" &&
	grep -q '"violation": "stop"' "$work/out" && echo ok)"
echo '{ "kernel": "a", "memory": "1G", "initrd": [ "b" ] }' >"$work/json"
run --memory 2G --config "$work/json" --initrd c --print-config
result "options come after the file" "$(tr -d ' \n' <"$work/out" |
	grep -q '"kernel":"a","initrd":\["b","c"\].*"memory":"2G"' && echo ok)"

if ! kvm; then
	skip "guests" "no usable /dev/kvm"
	finish
fi

# ---- Machines ------------------------------------------------------------------------------

good 0 "powered off" "power off" "hello entry=elf" --kernel "$hello" "$small"
good 0 "powered off" "PVH" "hello entry=pvh" --kernel "$work/hello-pvh" "$small"
good 0 "powered off" "bzImage" "hello entry=bzimage" --kernel "$work/hello.bz" "$small"
good 3 "reset" "reset" hello --kernel "$hello" "$small" --no-reboot --cmdline end=reset
good 3 "reset" "reset by ACPI" hello --kernel "$hello" "$small" --no-reboot --cmdline end=acpi-reset
good 4 "panic" "panic" hello --kernel "$hello" "$small" --cmdline end=panic
good 5 "crash" "triple fault" hello --kernel "$hello" "$small" --cmdline end=triple
good 0 "powered off" "longest command line" "xxx]" --kernel "$hello" "$small" \
	--cmdline "$(filler 2047)"
good 0 "powered off" "memory beyond 4 GiB" "ram=6291072K" --kernel "$hello" --memory 6G
head -c 100000 /dev/zero >"$work/initrd"
good 0 "powered off" "initrd" "initrd=$((2 * $(stat -c %s "$work/initrd")))" --kernel "$hello" \
	$small --initrd "$work/initrd" --initrd "$work/initrd"
echo "{ \"kernel\": \"$hello\", \"memory\": \"16M\" }" >"$work/json"
good 0 "powered off" "JSON" hello --config "$work/json"
truncate -s 1000 "$work/disk"
good 0 "powered off" "disk of 1000 bytes" hello --kernel "$hello" "$small" --disk "$work/disk"
good 0 "powered off" "stdin is a file" hello --kernel "$hello" "$small"

run --kernel "$hello" "$small" --serial "file=$work/t/serial" --cmdline one
run --kernel "$hello" "$small" --serial "file=$work/t/serial" --cmdline two
result "serial to a file, appended" "$([ $status = 0 ] && [ ! -s "$work/out" ] &&
	one_line "powered off" && grep -q '\[one\]' "$work/t/serial" &&
	grep -q '\[two\]' "$work/t/serial" && echo ok)"
rm -f "$work/t/serial"
good 0 "powered off" "consoles at sockets" hello --kernel "$hello" "$small" \
	--console "unix=$work/t/c0" --console "unix=$work/t/port,name=port"
for backend in unix pty; do
	timeout 20 "$tvm" --kernel "$work/echo" "$small" --serial "$backend=$work/t/tty" \
		>"$work/out" 2>"$work/err" </dev/null &
	timeout 20 "$build/tests/boot/talk-static" "$work/t/tty" "hallo, q" >"$work/talk"
	wait $!
	status=$?
	result "serial port at a $backend" "$([ $status = 0 ] && grep -q 'HALLO, Q' "$work/talk" &&
		[ ! -e "$work/t/tty" ] && [ ! -L "$work/t/tty" ] && echo ok)"
done
result "the pseudo-terminal is named" "$(grep -q '^tvm-run: serial: /dev/pts/' "$work/err" &&
	echo ok)"
rm "$work/talk"
run --kernel "$hello" "$small" --metrics "$work/t/metrics"
result "metrics" "$([ $status = 0 ] && one_line "powered off" && grep -q '^{.*}$' \
	"$work/t/metrics" && echo ok)"
rm -f "$work/t/metrics"
in=$work/keys
printf 'hallo, q' >"$work/keys"
run --kernel "$work/echo" "$small"
result "input from a file" "$([ $status = 0 ] && grep -q 'HALLO, Q' "$work/out" && echo ok)"
in=/dev/null
{ sleep 0.3; printf q; } |
	timeout 20 "$tvm" --kernel "$work/echo" "$small" >"$work/out" 2>"$work/err"
result "input from a pipe, later" "$([ "${PIPESTATUS[1]}" = 0 ] && grep -q 'Q' "$work/out" &&
	echo ok)"
printf 'x\001xy' | timeout 20 "$tvm" --kernel "$work/echo" "$small" >"$work/out" 2>"$work/err"
status=${PIPESTATUS[1]}
result "Ctrl-A x from a pipe" "$([ "$status" = 7 ] && one_line "console session" && echo ok)"

# End of input is not the end of the machine.
run_signal TERM 143 "stdin at its end, SIGTERM" end=halt
run_signal INT 130 "SIGINT" end=spin
run_signal HUP 129 "SIGHUP" end=halt
run_signal QUIT 131 "SIGQUIT" end=spin
run_signal TERM 143 "SIGTERM in a reboot loop" end=reset

# Standard descriptors that are not there, or that nobody reads.
plain=(timeout -k 5 30 "$tvm" --kernel "$hello" "$small")
"${plain[@]}" </dev/null >&- 2>"$work/err"
ended $? "stdout closed" powered_off
"${plain[@]}" <&- >"$work/out" 2>"$work/err"
ended $? "stdin closed" powered_off said_hello
: >"$work/err"
"${plain[@]}" <&- >&- 2>&-
ended $? "all closed"
"${plain[@]}" </dev/null >"$work/out" 2>/dev/full
ended $? "stderr on a full disk" said_hello
"${plain[@]}" </dev/null >/dev/full 2>"$work/err"
ended $? "stdout on a full disk" powered_off
"${plain[@]}" </dev/null 2>"$work/err" | :
ended "${PIPESTATUS[0]}" "stdout without a reader" powered_off
finish

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# validate.sh [--help | OPTION...]
#
# With options: libvirt's virt-qemu-sev-validate with them, unmodified. Without: whether it
# and tvm-attest agree, over a matrix of what is launched; TAP. Measurements come from our
# own mathematics here; tests/boot has those of a launch.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build/$(uname -m)}
attest=$B/tvm-attest psp=$B/tests/attest/psp
tool=$(command -v virt-qemu-sev-validate)

skip() { echo "1..0 # SKIP $1"; exit 0; }
[[ $tool ]] || skip "needs virt-qemu-sev-validate (libvirt-clients-qemu)"
# Its python3 is the first one of PATH; Debian's modules belong to Debian's.
for python in /usr/bin/python3 python3; do
	"$python" -c 'import lxml.etree, libvirt, cryptography' 2>/dev/null && break
	python=
done
[[ $python ]] || skip "needs python3-lxml, python3-libvirt and python3-cryptography"
if [[ $# -gt 0 ]]; then
	exec "$python" "$tool" "$@"
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
count=0 failed=0
result()	# STATUS NAME: the last commands' output is in $work/log
{
	count=$((count + 1))
	if (($1 == 0)); then
		echo "ok $count - $2"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $count - $2"
		failed=1
	fi
}
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
bytes() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
# le SIZE NUMBER: little-endian bytes as printf takes them
le() { for ((i = 0; i < $1; i++)); do printf '\\x%02x' $(($2 >> 8 * i & 255)); done; }

# An image with nothing but a reset address, a hash table area and the footer in its table.
table="$(le 4 0x80b004)$(le 2 22)\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e"
table+="$(le 4 0x810c00)$(le 4 0x400)$(le 2 26)"
table+='\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54'
table+="$(le 2 66)\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d"
{ head -c 65432 /dev/urandom; printf "$table"; head -c 32 /dev/zero; } >"$work/ovmf.bin"
head -c 4096 /dev/urandom >"$work/any.bin"
head -c 123457 /dev/urandom >"$work/kernel"
head -c 54321 /dev/urandom >"$work/initrd"
printf 'a disk key\0' >"$work/luks"
head -c 1000 /dev/urandom >"$work/other"
long=$(head -c 1500 /dev/urandom | base64 -w0)

"$psp" make "$work/platform" sev || exit 2

# agree NAME POLICY FIRMWARE TVM-OPTIONS -- VALIDATE-OPTIONS: the rest is what both take
agree()
{
	local name=$1 policy=$2 firmware=$3 own=() theirs=() out="$work/owner.$count" m bad status=0
	shift 3
	while [[ $1 != -- ]]; do own+=("$1"); shift; done
	shift
	while [[ $# -gt 0 && $1 != -- ]]; do theirs+=("$1"); shift; done
	[[ $# -eq 0 ]] || shift
	"$attest" session --soft "$work/platform" --allow-soft --policy "$policy" --out "$out" \
		>"$work/log" 2>&1 || { result 1 "$name: session"; return; }
	nonce=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
	m=$("$attest" measure --session "$out" --firmware "$firmware" --mnonce "$nonce" \
		--api-major 1 --api-minor 55 --build 21 "${own[@]}" "$@" 2>>"$work/log" |
		sed -n 's/^measurement: //p')
	bytes "$m$nonce" >"$out/m.bin"
	[[ $(stat -c %s "$out/m.bin") == 48 ]] || { result 1 "$name: measure"; return; }

	local common=(--api-major 1 --api-minor 55 --build-id 21 --policy "$((policy))"
		--firmware "$firmware" --tik "$out/tik.bin" --tek "$out/tek.bin" "${theirs[@]}" "$@")
	"$python" "$tool" --measurement "$(base64 -w0 "$out/m.bin")" "${common[@]}" \
		--inject-secret "luks-key:$work/luks" \
		--inject-secret "e6f5a162-d67f-4750-a67c-5d065f2a9910:$work/other" \
		--secret-header "$out/h.b64" --secret-payload "$out/s.b64" >"$work/log" 2>&1 || status=1
	grep -q 'OK: Looks good to me' "$work/log" || status=1
	result $status "$name: accepted"

	bad=$(bytes "$(printf %02x $((0x${m:0:2} ^ 1)))${m:2}$nonce" | base64 -w0)
	status=0
	"$python" "$tool" --measurement "$bad" "${common[@]}" >"$work/log" 2>&1 || status=$?
	[[ $status == 1 ]] && grep -q 'does not match' "$work/log"
	result $? "$name: a flipped bit is refused"

	"$psp" unwrap sev "$(hex "$out/tek.bin")" "$(hex "$out/tik.bin")" "$m" "$out/h.b64" \
		"$out/s.b64" >"$work/table" 2>"$work/log" &&
		grep -qaF 'a disk key' "$work/table" &&
		[[ $(hex "$work/table") == *"$(hex "$work/other")"* ]]
	result $? "$name: its secret packet unwraps"
}

for policy in 0 1 0xff370003; do
	agree "policy $policy, firmware alone" $policy "$work/any.bin" --
	agree "policy $policy, kernel" $policy "$work/any.bin" -- -- --kernel "$work/kernel"
	agree "policy $policy, kernel, initrd, no command line" $policy "$work/ovmf.bin" -- -- \
		--kernel "$work/kernel" --initrd "$work/initrd"
	agree "policy $policy, empty command line" $policy "$work/ovmf.bin" -- -- \
		--kernel "$work/kernel" --cmdline ''
	agree "policy $policy, initrd, long command line" $policy "$work/ovmf.bin" -- -- \
		--kernel "$work/kernel" --initrd "$work/initrd" --cmdline "console=ttyS0 x=$long"
done
for n in 1 3; do
	agree "encrypted state, $n vCPUs" 5 "$work/ovmf.bin" --vmsa legacy --vcpus $n \
		--cpu EPYC-Milan -- --num-cpus $n --cpu-family 25 --cpu-model 1 --cpu-stepping 1 -- \
		--kernel "$work/kernel" --cmdline quiet
done
echo "1..$count"
exit $failed

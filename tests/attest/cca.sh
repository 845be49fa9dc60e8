#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tvm-attest and realms from outside: what changes a measurement and what must not, tokens that
# pass and tokens that do not, and each mistake's one line. Then the same against cca.py.
set -u
cd "$(dirname "$0")/../.." || exit 2
tree=$PWD
B=$(realpath "${B:-build/$(uname -m)}")
attest=$B/tvm-attest realm=$B/tests/attest/realm
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
. "$tree/tests/attest/lib.sh"

# image FILE BYTE: an arm64 kernel, as far as its header goes, filled with that byte
image()
{
	head -c 20000 /dev/zero | tr '\0' "$2" >"$1"
	printf 'MZ\0\0\0\0\0\0''\0\0\0\0\0\0\0\0''\0\0\x10\0\0\0\0\0''\x0a\0\0\0\0\0\0\0' |
		dd of="$1" conv=notrunc status=none
	printf 'ARM\x64' | dd of="$1" bs=1 seek=56 conv=notrunc status=none
}

image kernel k
image kernel2 l
head -c 5000 /dev/urandom >initrd
head -c 3000 /dev/urandom >dtb
{ cat dtb; echo; } >dtb2
: >empty
head -c 70000 /dev/zero >huge.dtb
measure=(measure --tee cca --memory 512M)
usual=(--kernel kernel --dtb dtb --initrd initrd)

# rim OPTION...
rim() { "$attest" "${measure[@]}" "$@" | sed -n 's/^rim: //p'; }

# ---- What is measured
seen=
# differs NAME OPTION...: a RIM that none of those before it had
differs()
{
	local name=$1 got
	shift
	[[ $1 == --tee* ]] || set -- --tee cca "$@"
	got=$("$attest" measure "$@" 2>err | sed -n 's/^rim: //p')
	[[ $got =~ ^[0-9a-f]{64,128}$ && $seen != *" ${got:0:64}"* ]]
	result $? "RIM: $name"
	seen+=" $got"
}
differs "as usual" "${usual[@]}" --memory 512M
differs "another kernel" --kernel kernel2 --dtb dtb --initrd initrd --memory 512M
differs "another initrd" --kernel kernel --dtb dtb --initrd kernel2 --memory 512M
differs "no initrd" --kernel kernel --dtb dtb --memory 512M
differs "two of them" "${usual[@]}" --initrd initrd --memory 512M
differs "another device tree" --kernel kernel --dtb dtb2 --initrd initrd --memory 512M
differs "more memory" "${usual[@]}" --memory 514M
differs "sha384" "${usual[@]}" --memory 512M --hash sha384
differs "sha512" "${usual[@]}" --memory 512M --hash sha-512
differs "another manager" "${usual[@]}" --memory 512M --rmm 2.0
differs "address width" "${usual[@]}" --memory 512M --ipa-bits 40
differs "breakpoints" "${usual[@]}" --memory 512M --breakpoints 6
differs "watchpoints" "${usual[@]}" --memory 512M --watchpoints 4
differs "PMU" "${usual[@]}" --memory 512M --pmu-counters 0
differs "SVE" "${usual[@]}" --memory 512M --sve-vl 128
differs "LPA2" "${usual[@]}" --memory 512M --lpa2
differs "more data" "${usual[@]}" --memory 512M --data 0x90000000=initrd
differs "another entry" "${usual[@]}" --memory 512M --entry 0x80000004
differs "another x0" "${usual[@]}" --memory 512M --x0 0
differs "other places" --data 0x80000000=kernel --data 0x80400000=initrd --data 0x80200000=dtb \
	--entry 0x80000000 --x0 0x80200000 --memory 512M
base=$(rim "${usual[@]}")
[[ $(rim "${usual[@]}" --rpv abcd) == "$base" && $(rim "${usual[@]}" --vcpus 4) == "$base" ]]
result $? "the personalization value and the number of vCPUs do not change it"
[[ $(rim --data 0x80210000=initrd --data 0x80000000=kernel --data 0x80200000=dtb \
	--entry 0x80000000 --x0 0x80200000) == "$base" ]]
result $? "nor how its parts are named, nor their order"
differs "virtCCA" --tee=virtcca "${usual[@]}" --memory 512M
differs "virtCCA, two vCPUs" --tee=virtcca "${usual[@]}" --memory 512M --vcpus 2
differs "virtCCA, no SVE" --tee=virtcca "${usual[@]}" --memory 512M --sve-vl 0
differs "virtCCA, by QEMU" --tee=virtcca --layout qemu "${usual[@]}" --memory 512M
expect 2 "--layout kvmtool" measure --tee virtcca "${usual[@]}" --memory 512M --layout kvmtool
expect 2 "--layout is for virtCCA" "${measure[@]}" "${usual[@]}" --layout tvm
expect 0 "layout: tvm" measure --tee virtcca "${usual[@]}" --memory 512M
expect 2 "are not for virtCCA" measure --tee virtcca "${usual[@]}" --memory 512M --rmm 1.0
expect 2 "not for virtCCA" measure --tee virtcca "${usual[@]}" --memory 512M --hash sha384
expect 0 '"measured-pages": 8' "${measure[@]}" "${usual[@]}" --json
expect 0 "rpv: abcd00" "${measure[@]}" "${usual[@]}" --rpv abcd
expect 0 "ipa-bits: 34" measure --tee=cca "${usual[@]}" --memory 3G
expect 0 "Usage: tvm-attest measure --tee cca" measure --tee cca --help
expect 2 "--memory is required" measure --tee cca "${usual[@]}"
expect 2 "what is measured?" "${measure[@]}"
expect 2 "--dtb is required" "${measure[@]}" --kernel kernel
expect 2 "need --kernel" "${measure[@]}" --dtb dtb
expect 2 "--entry is required" "${measure[@]}" --data 0x80000000=kernel
expect 2 "--data takes ADDRESS=FILE" "${measure[@]}" --data kernel --entry 0
expect 2 "--data takes ADDRESS=FILE" "${measure[@]}" --data 0x80000000= --entry 0
expect 2 "--data takes ADDRESS=FILE" "${measure[@]}" --data -1=kernel --entry 0
expect 1 "cannot open 'none'" "${measure[@]}" --kernel none --dtb dtb
expect 1 "not an arm64 Image" "${measure[@]}" --kernel initrd --dtb dtb
expect 1 "cannot open 'none'" "${measure[@]}" --kernel kernel --dtb none
expect 1 "is empty" "${measure[@]}" --kernel kernel --dtb empty
expect 1 "is empty" "${measure[@]}" --kernel kernel --dtb dtb --initrd empty
expect 1 "more than 65536 bytes" "${measure[@]}" --kernel kernel --dtb huge.dtb
expect 1 "overlap" "${measure[@]}" "${usual[@]}" --data 0x80001000=initrd
expect 1 "do not lie in RAM" "${measure[@]}" "${usual[@]}" --data 0x1000=initrd
expect 1 "lower half of 33" measure --tee cca "${usual[@]}" --memory 3G --ipa-bits 33
expect 2 "--hash md5" "${measure[@]}" "${usual[@]}" --hash md5
expect 2 "--rmm 3.0" "${measure[@]}" "${usual[@]}" --rmm 3.0
expect 2 "--rpv takes" "${measure[@]}" "${usual[@]}" --rpv abc
expect 2 "--rpv takes" "${measure[@]}" "${usual[@]}" --rpv "$(printf %0130d 0)"
expect 2 "--ipa-bits 53" "${measure[@]}" "${usual[@]}" --ipa-bits 53
expect 2 "2 to 64 breakpoints" "${measure[@]}" "${usual[@]}" --breakpoints 1
expect 2 "multiple of 128" "${measure[@]}" "${usual[@]}" --sve-vl 100
expect 2 "unknown option '--policy'" "${measure[@]}" "${usual[@]}" --policy 1
for bad in '' x -1 1X 1KK 99999999999999999999 16777216T; do
	expect 2 "--memory is a number" measure --tee cca --memory "$bad"
done

# ---- Tokens
rpv=$(printf %0126d 7)aa challenge=$(printf %0126d 3)bb rem=$(printf %064d 9)
expect 0 "cpak: plat/cpak.pem" platform --create cca --soft plat
expect 2 "--create cca takes --soft" platform --create cca
expect 0 '"platform": "tvm soft platform: not confidential"' platform --create cca --soft plat --json
expect 0 "cpak" platform --create cca --soft other
at=(0x80000000=kernel 0x80200000=dtb 0x80210000=initrd)
got=$("$realm" plat current sha256 "$rpv" "$challenge" "$rem" token 0x20000000 0x80000000 \
	0x80200000 "${at[@]}" 2>err)
[[ $got == "$base" ]]
result $? "a launched realm has the expected RIM" "$got"
"$realm" plat legacy sha512 "$rpv" "$challenge" - token-legacy 0x20000000 0x80000000 0x80200000 \
	"${at[@]}" >rim-legacy || exit 2
base64 -w 60 token >token.b64
soft=(token --soft plat --allow-soft)
expect 2 "--token is required" token
expect 2 "which platform?" token --token token
expect 2 "which platform?" token --token token --soft plat --cpak plat/cpak.pem
expect 1 "cannot open 'none'" "${soft[@]}" --token none
expect 1 "is empty" "${soft[@]}" --token empty
expect 1 "neither a token nor base64" "${soft[@]}" --token kernel
printf '\xd2\x84' >tagged
expect 1 "this is no CCA token" "${soft[@]}" --token tagged
expect 1 "cannot open 'nowhere/cpak.pem'" token --token token --soft nowhere
expect 1 "is no public key" token --token token --cpak dtb
expect 6 "refused: tvm soft platform: not confidential" token --token token --soft plat
expect 6 "refused: tvm soft platform" token --token token --cpak plat/cpak.pem --allow-unsecured
expect 6 "not by this platform's key" token --token token --soft other --allow-soft
expect 0 "platform: tvm soft platform: not confidential" "${soft[@]}" --token token
expect 0 "verified: true" token --token token --cpak plat/cpak.pem --allow-soft
openssl pkey -pubin -in plat/cpak.pem -outform DER -out cpak.der 2>/dev/null &&
	expect 0 "verified: true" token --token token --cpak cpak.der --allow-soft
expect 0 "rim: $base" "${soft[@]}" --token token.b64 --challenge "$challenge" --rim "$base" --rpv "$rpv"
expect 0 '"form": "legacy"' "${soft[@]}" --token token-legacy --json --rim "$(cat rim-legacy)"
expect 0 '"lifecycle": "unknown"' "${soft[@]}" --token token --json
expect 0 "component-1-type: tvm soft RMM" "${soft[@]}" --token token
expect 6 "the token's challenge is another one" "${soft[@]}" --token token --challenge "$rpv"
expect 6 "the token's rim is another one" "${soft[@]}" --token token --rim "${base/[0-7]/8}"
expect 6 "the token's rim is another one" "${soft[@]}" --token token --rim "$base$base"
expect 6 "the token's rpv is another one" "${soft[@]}" --token token --rpv "${rpv%aa}ab"
expect 6 "the token's rem is another one" "${soft[@]}" --token token --rem "1=$rem"
expect 0 "rem-2: $(printf %064d 0)" "${soft[@]}" --token token --rem 2=00
expect 2 "--rem takes N=HEX" "${soft[@]}" --token token --rem 5=00
expect 2 "--rem takes N=HEX" "${soft[@]}" --token token --rem 0
expect 2 "--challenge takes" "${soft[@]}" --token token --challenge xyz
expect 0 "verified: false" token --token token --no-verify
expect 2 "only shows" token --token token --no-verify --rim "$base"
cp token bad
printf '\x01' | dd of=bad bs=1 seek=400 conv=notrunc status=none
expect 6 "refused: " "${soft[@]}" --token bad
grep -q rim: out
result $((!$?)) "nothing of a refused token is shown"
head -c 600 token >cut
expect 1 "token: " "${soft[@]}" --token cut
{ cat token; echo; } >longer
expect 1 "envelope is damaged" "${soft[@]}" --token longer

# Public samples, which are of no platform that anybody should trust.
vectors=$tree/tests/fuzz/corpus/cca_token
expect 0 "verification-service: whatever.com" token --token "$vectors/tfm" --no-verify
expect 6 "not by this platform's key" token --token "$vectors/tfm" --cpak plat/cpak.pem
expect 6 "another kind of key" token --token "$vectors/veraison" --cpak plat/cpak.pem

if command -v python3 >/dev/null && command -v openssl >/dev/null; then
	mkdir -p py
	before=$count
	while read -r line; do
		case $line in
		ok*|'not ok'*)
			[[ $line == ok* ]]
			result $? "${line#* - }" ;;
		\#*) echo "$line" ;;
		esac
	done < <(python3 "$tree/tests/attest/cca.py" "$attest" "$realm" "$work/py" ${SEED:+"$SEED"} 2>&1)
	((count == before + 7))
	result $? "all of cca.py ran"
else
	count=$((count + 1))
	echo "ok $count - against a second implementation # SKIP needs python3 and openssl"
fi
echo "1..$count"
exit $failed

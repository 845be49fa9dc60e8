#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tvm-attest from outside: each mistake has one clear line and its status.
set -u
cd "$(dirname "$0")/../.." || exit 2
tree=$PWD
B=$(realpath "${B:-build/$(uname -m)}")
attest=$B/tvm-attest psp=$B/tests/attest/psp
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
. "$tree/tests/attest/lib.sh"

"$psp" make soft sev || exit 2
"$psp" make csv csv || exit 2
"$psp" make other sev || exit 2
"$psp" make vendor sev "a vendor's root!" || exit 2
head -c 5000 /dev/urandom >fw
head -c 5000 /dev/urandom >kernel
: >empty
version=(--api-major 1 --api-minor 55 --build 21)

# ---- Command line
expect 2 "no command"
expect 2 "unknown command 'frob'" frob
expect 2 "unknown command" $'frob\nline'
expect 0 "platform" --help
expect 0 "tvm-attest " --version
for c in platform session measure verify secret report token; do
	expect 0 "Usage: tvm-attest $c" $c --help
	expect 2 "unknown option '--frob'" $c --frob
	expect 2 "'frob' is no option" $c frob
done
expect 2 "--soft needs a value" platform --soft
expect 2 "--json takes no value" platform --json=yes
expect 2 "--soft is given twice" platform --soft a --soft=b
expect 2 "--policy is given twice" session --soft soft --policy 1 --policy 1
for bad in '' -1 +1 ' 1' 1x 0x 4294967296 0x100000000 99999999999999999999; do
	expect 2 "--policy is a number up to 4294967295" session --soft soft --policy "$bad"
done
expect 2 "--build is a number up to 255" measure --build 256

# ---- Platform
expect 1 "cannot open '/nonexistent'" platform --device /nonexistent
expect 1 "this is no SEV device" platform --device /dev/null
expect 1 "cannot open 'nowhere/pdh.cert'" platform --soft nowhere
expect 2 "exclude each other" platform --soft soft --platform soft
expect 6 "refused: tvm soft platform: not confidential" platform --soft soft
expect 6 "refused: tvm soft platform: not confidential" platform --platform soft
expect 6 "not confidential" platform --soft soft --root soft/ask_ark.cert
expect 0 "root: tvm soft platform: not confidential" platform --soft soft --allow-soft
expect 0 '"verified": true' platform --soft csv --allow-soft --json
expect 0 "verified: false" platform --soft soft --no-verify
expect 6 "nobody vouches" platform --platform vendor
expect 6 "nobody vouches" platform --platform vendor --allow-soft
expect 0 "platform: hardware" platform --platform vendor --root vendor/ask_ark.cert
expect 6 "not the one of --root" platform --platform vendor --root other/ask_ark.cert
expect 1 "CA certificate" platform --platform vendor --root vendor/pdh.cert
expect 6 "another chip's" platform --platform vendor --root vendor/ask_ark.cert --cek other/pdh.cert
expect 0 "verified: true" platform --soft soft --allow-soft --export copy
cmp -s soft/pdh.cert copy/pdh.cert && cmp -s soft/cert_chain.cert copy/cert_chain.cert &&
	cmp -s soft/ask_ark.cert copy/ask_ark.cert
result $? "exported certificates are the platform's"
rm copy/ask_ark.cert
expect 6 "no vendor certificates" platform --platform copy --allow-soft
expect 0 "verified: true" platform --platform copy --ca soft/ask_ark.cert --allow-soft
cp other/ask_ark.cert copy/
expect 6 "not by this ASK" platform --platform copy --allow-soft
cp soft/ask_ark.cert copy/
cp other/pdh.cert copy/
expect 6 "PDH certificate: the signature is not by this PEK" platform --platform copy --allow-soft
cp vendor/* copy/
printf '\x01' | dd of=copy/cert_chain.cert bs=1 seek=100 conv=notrunc status=none
expect 6 "PEK certificate: the key is not a point" platform --platform copy
truncate -s 6251 copy/cert_chain.cert
expect 1 "has fewer than 6252 bytes" platform --platform copy
head -c 6253 /dev/zero >copy/cert_chain.cert
expect 1 "has more than 6252 bytes" platform --platform copy

head -c 832 csv/ask_ark.cert >hsk_cek
tail -c 2084 csv/cert_chain.cert >>hsk_cek
mkdir served
cp csv/pdh.cert csv/cert_chain.cert served/
expect 6 "its certifying id is another key's" platform --platform served --ca hsk_cek
expect 6 "not confidential" platform --platform served --ca hsk_cek --root csv/ask_ark.cert
expect 0 "verified: true" platform --platform served --ca hsk_cek --root csv/ask_ark.cert \
	--allow-soft
"$psp" make vendor-csv csv "a vendor's root!" || exit 2
head -c 832 vendor-csv/ask_ark.cert >hsk_cek
tail -c 2084 vendor-csv/cert_chain.cert >>hsk_cek
rm vendor-csv/status.json
expect 0 "root: as given by --root" platform --platform vendor-csv --ca hsk_cek \
	--root vendor-csv/ask_ark.cert

# ---- Session
expect 2 "--policy is required" session --soft soft --allow-soft
expect 2 "which platform?" session --policy 1
expect 6 "not confidential" session --soft soft --policy 1 --out refused
[[ ! -e refused ]]
result $? "a refused platform leaves nothing behind"
expect 6 "no vendor certificates" session --pdh soft/pdh.cert --chain soft/cert_chain.cert --policy 1
expect 0 "policy: 0x1" session --soft soft --allow-soft --policy 1 --out owner
expect 1 "is there already" session --soft soft --allow-soft --policy 1 --out owner
expect 0 "policy" session --pdh csv/pdh.cert --chain csv/cert_chain.cert --ca csv/ask_ark.cert \
	--allow-soft --policy 5 --out owner-csv
expect 2 "--digest is for CSV" session --soft soft --allow-soft --policy 1 --digest 00 --out x
expect 1 "cannot make" session --soft soft --allow-soft --policy 1 --out fw/x
[[ $(stat -c %a owner owner/tik.bin owner/tek.bin owner/session.json | tr '\n' ' ') == \
	"700 600 600 600 " ]]
result $? "the owner's files are the owner's" "$(ls -la owner)"
[[ $("$psp" open soft owner/session.b64 owner/godh.b64 1) == \
	"$(cat owner/tek.bin owner/tik.bin | od -An -v -tx1 | tr -d ' \n' | sed 's/./& /32')" ]]
result $? "the platform opens the session"
! "$psp" open other owner/session.b64 owner/godh.b64 1 >"$work/out" 2>"$work/err" &&
	grep -q "a MAC is wrong" "$work/err"
result $? "another platform does not"
! "$psp" open soft owner/session.b64 owner/godh.b64 3 >"$work/out" 2>"$work/err"
result $? "nor with another policy"

# ---- Measure and verify
expect 2 "--firmware is required" measure
expect 1 "firmware: cannot open 'none'" measure --firmware none
expect 1 "firmware: 'empty' is empty" measure --firmware empty
expect 2 "need --kernel" measure --firmware fw --initrd fw
expect 1 "kernel: cannot open" measure --firmware fw --kernel none
expect 1 "kernel" measure --firmware fw --kernel .
expect 2 "--tee tdx" measure --firmware fw --tee tdx
expect 2 "processor model" measure --firmware fw --tee sev-es
expect 2 "known are EPYC " measure --firmware fw --tee sev-es --cpu 8086
expect 2 "exclude each other" measure --firmware fw --tee csv2 --cpu EPYC --cpu-sig 1
expect 1 "no start address" measure --firmware fw --tee sev-es --cpu EPYC --vcpus 2
expect 2 "asks for encrypted state" measure --firmware fw --tee sev --policy 5
expect 2 "does not ask for encrypted state" measure --firmware fw --tee csv2 --policy 1
expect 2 "--mnonce" measure --firmware fw --session owner
expect 2 "--mnonce takes 32" measure --firmware fw --session owner --mnonce 00 "${version[@]}"
expect 2 "--api-major" measure --firmware fw --session owner --mnonce "$(printf %032d 0)"
expect 0 "launch-digest-legacy: " measure --firmware fw --tee csv2 --cpu Dhyana
m=$("$attest" measure --firmware fw --kernel kernel --cmdline quiet --session owner --mnonce \
	"$(printf %032d 7)" "${version[@]}" | sed -n 's/^measurement: //p')
printf "$(printf %s%032d "$m" 7 | sed 's/../\\x&/g')" >m.bin
base64 -w0 m.bin >m.b64
launch=(--firmware fw --kernel kernel --cmdline quiet "${version[@]}")
expect 2 "--measurement is required" verify --session owner "${launch[@]}"
expect 2 "which key?" verify --measurement m.bin "${launch[@]}"
expect 6 "refused: the session is for a tvm soft platform" verify --session owner \
	--measurement m.bin "${launch[@]}"
verify=(verify --allow-soft --session owner --measurement m.bin)
expect 0 "platform: tvm soft platform: not confidential" "${verify[@]}" "${launch[@]}"
expect 0 '"verified": true' verify --json --allow-soft --session owner --measurement "$(cat m.b64)" \
	"${launch[@]}"
expect 0 "platform: unknown" verify --tik owner/tik.bin --measurement m.b64 "${launch[@]}"
expect 6 "is not that of these files" "${verify[@]}" --firmware fw --kernel kernel "${version[@]}"
expect 6 "is not that of" "${verify[@]}" --firmware kernel --kernel fw --cmdline quiet "${version[@]}"
expect 6 "is not that of" "${verify[@]}" --firmware fw --kernel kernel --cmdline quiet --initrd fw \
	"${version[@]}"
expect 6 "is not that of" "${verify[@]}" --firmware fw --kernel kernel --cmdline quiet \
	--api-major 1 --api-minor 55 --build 22
expect 6 "is not that of" verify --tik owner/tek.bin --measurement m.bin "${launch[@]}"
expect 6 "is not that of" verify --tik owner/tik.bin --policy 3 --measurement m.bin "${launch[@]}"
expect 2 "the session was made for 0x1" "${verify[@]}" --policy 3 "${launch[@]}"
expect 2 "the session was made for sev" "${verify[@]}" --tee csv "${launch[@]}"
expect 2 "are required" "${verify[@]}" --firmware fw
expect 1 "neither a file nor base64" verify --tik owner/tik.bin --measurement \
	AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "${launch[@]}"
expect 1 "is neither 48 bytes nor base64" verify --tik owner/tik.bin --measurement owner/tik.bin \
	"${launch[@]}"
digest=$("$attest" measure --firmware fw --kernel kernel --cmdline quiet |
	sed -n 's/^launch-digest: //p')
expect 0 "verified: true" "${verify[@]}" --digest "$digest" "${version[@]}"
expect 2 "stands for --firmware" "${verify[@]}" --digest "$digest" "${launch[@]}"
expect 2 "64 hexadecimal digits" "${verify[@]}" --digest 00 "${version[@]}"

# ---- Secret
guid=e6f5a162-d67f-4750-a67c-5d065f2a9910
secret=(secret --session owner --measurement m.b64 --out owner)
printf 'from a file' >value
expect 2 "give --entry" "${secret[@]}"
expect 2 "give --entry" "${secret[@]}" --entry $guid=a --table value
expect 2 "--measurement is required" secret --session owner --entry $guid=a
expect 2 "which keys?" secret --tik owner/tik.bin --measurement m.b64 --entry $guid=a
expect 2 "no --tik or --tek" secret --session owner --tik owner/tik.bin --measurement m.b64 \
	--entry $guid=a
expect 2 "GUID=value" "${secret[@]}" --entry topsecret
expect 2 "this is no GUID" "${secret[@]}" --entry name=topsecret
expect 2 "zeros" "${secret[@]}" --entry 00000000-0000-0000-0000-000000000000=topsecret
expect 2 "given twice" "${secret[@]}" --entry $guid=topsecret --entry $guid=b
expect 1 "cannot open 'none'" "${secret[@]}" --entry $guid=@none
expect 2 "more than 16384 bytes" "${secret[@]}" --entry "luks-key=@$psp"
expect 1 "more than 16384 bytes" "${secret[@]}" --table "$psp"
expect 1 "is empty" "${secret[@]}" --table empty
expect 1 "compressed" "${secret[@]}" --flags 1 --entry $guid=a
grep -q topsecret err out
result $((!$?)) "values get into no message"
expect 0 "platform: tvm soft platform: not confidential" "${secret[@]}" \
	--entry luks-key=passphrase --entry $guid=@value
key() { od -An -v -tx1 "owner/$1.bin" | tr -d ' \n'; }
"$psp" unwrap sev "$(key tek)" "$(key tik)" "$m" owner/header.b64 owner/secret.b64 >table 2>err &&
	grep -qa passphrase table && grep -qa 'from a file' table
result $? "the platform unwraps the packet"
expect 0 "bytes: 16" "${secret[@]}" --table value --header h --secret s
"$psp" unwrap sev "$(key tek)" "$(key tik)" "$m" h s 2>err | head -c 11 | cmp -s - value
result $? "a raw table goes in as it is"
"$psp" unwrap sev "$(key tek)" "$(key tek)" "$m" h s >out 2>err || grep -q "MAC is wrong" err
result $? "a wrong key is refused"
expect 2 "the session was made for csv" secret --session owner-csv --tee sev --measurement m.b64 \
	--entry $guid=a

# ---- Report
n=$(printf %032d 9)
"$psp" report soft "$digest" 1 "$n" report || exit 2
"$psp" csv-report csv "$digest" 1 "$n" csv-report || exit 2
expect 2 "--report is required" report --soft soft
expect 2 "which platform?" report --report report
expect 6 "not confidential" report --report report --soft soft
expect 6 "the signature is not by this PEK" report --report report --soft other --allow-soft
expect 0 "launch-digest: $digest" report --report report --soft soft --allow-soft --mnonce "$n"
expect 6 "mnonce is another" report --report report --soft soft --allow-soft --mnonce "${n/9/8}"
expect 6 "digest is another" report --report report --soft soft --allow-soft --digest "$n$n"
expect 6 "policy is 0x1" report --report report --soft soft --allow-soft --policy 3
expect 2 "this kind of report has none" report --report report --soft soft --allow-soft --user-data 00
expect 1 "has 11 bytes" report --report value --soft soft --allow-soft
expect 0 "serial: SERIAL0001" report --report csv-report --soft csv --allow-soft
"$psp" make csv2 csv || exit 2
expect 6 "another platform" report --report csv-report --soft csv2 --allow-soft
printf '\xff' | dd of=csv-report bs=1 seek=150 conv=notrunc status=none
expect 6 "refused: report: " report --report csv-report --soft csv --allow-soft

"$attest" platform --soft soft --allow-soft >/dev/full 2>err
(($? == 1)) && grep -q "standard output" err
result $? "a full disk is an error"
echo "1..$count"
exit $failed

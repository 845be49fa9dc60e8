#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A confidential launch with both parties, in a folder with everything. The host's commands
# are marked host, the guest owner's owner.
set -eu

cmdline="console=ttyS0 quiet panic=-1"

show() { echo; echo "[$1] $2"; }
quietly() { "$@" >log 2>&1 || { cat log; exit 1; }; }

show host "make a soft platform: secure processor in software, not confidential"
./tvm-attest platform --soft plat --create sev --allow-soft | sed 's/^/    /'

show owner "make a session for this platform; the keys stay with the owner"
quietly ./tvm-attest session --soft plat --allow-soft --policy 1 --out owner
ls owner | sed 's/^/    /'

show host "launch: --tee sev,platform=soft,session=...,dh-cert=...,measurement=M,secret-header=H,..."
./tvm-run --kernel bzImage --initrd initrd --cmdline "$cmdline" --memory 256M --log-level info \
    --tee sev,platform=soft,soft-dir=plat,session=owner/session.b64,dh-cert=owner/godh.b64,measurement=M,secret-header=H,secret=S \
    >console 2>&1 </dev/null &
vm=$!
n=0
until [ -s M ] || [ $n = 100 ]; do sleep 0.1; n=$((n + 1)); done
[ -s M ] || { cat console; exit 1; }
echo "    measurement: $(cat M)"

show owner "verify it: these files and nothing else, on that platform"
./tvm-attest verify --session owner --allow-soft --measurement M --firmware firmware.bin \
    --kernel bzImage --initrd initrd --cmdline "$cmdline" --api-major 1 --api-minor 55 --build 21 \
    | grep -E '^(launch-digest|verified)' | sed 's/^/    /'

show owner "send a secret that only this guest can read"
quietly ./tvm-attest secret --session owner --measurement M --entry luks-key=tvm-demo-passphrase \
    --header H.new --secret S.new
mv S.new S
mv H.new H

show guest "boots, and says:"
wait $vm && status=0 || status=$?
grep -aE '^  |Memory Encryption|bounce buffers|tvm-run' console | sed 's/^/    /'
exit $status

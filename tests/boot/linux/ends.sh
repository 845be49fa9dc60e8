# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# How machines end: reset, panic, signals, the power button.
#
# kernels: bzImage-small bzImage-6.1 bzImage-6.12 bzImage-newest
# host: --mem 3072
name="reboot -f with --no-reboot"
small 3 "$name" reboot --no-reboot && check "$name" grep -q 'reset' err
for k in 6.1 6.12 newest; do
    name="$k: reboot -f with --no-reboot"
    vm 3 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M --no-reboot \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=reboot" &&
        check "$name" grep -q 'reset' err
done
name="panic"
small 4 "$name" panic && check "$name" grep -q 'panic' err
name="panic before a driver can tell, reboots"
vm 3 "$name" --kernel bzImage-small --memory 256M --no-reboot --pvpanic=off \
    --cmdline "console=ttyS0 quiet panic=-1" && check "$name" grep -q 'reset' err

name="reboot -f boots again"
: >out
./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M --cpus 2 \
    --cmdline "console=ttyS0 quiet panic=-1 tvm.case=reboot" >out 2>err </dev/null &
pid=$!
eventually 90 sh -c '[ "$(grep -c "tvm-guest: ready" out)" -ge 3 ]'
kill -TERM $pid
finish
check "$name: three times" [ "$(grep -c 'tvm-guest: ready' out)" -ge 3 ]
check "$name: SIGTERM ends it" [ $status = 143 ]

name="power button"
: >out
./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M \
    --cmdline "console=ttyS0 quiet panic=-1 tvm.case=button" >out 2>err </dev/null &
pid=$!
eventually 60 has ready
eventually 60 press
finish
check "$name: the guest sees it" has button
check "$name: exit status" [ $status = 0 ]

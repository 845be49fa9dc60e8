# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Consoles.
#
# kernels: bzImage-small
# Both ways through hvc0, which has the terminal here; ttyS0 goes to a file.
name="hvc0 in both directions"
rm -f serial in && mkfifo in
: >out
./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M --console stdio \
    --serial file=serial --cmdline "console=ttyS0 quiet panic=-1 tvm.case=hvc" \
    <in >out 2>err &
pid=$!
exec 3>in
eventually 60 grep -q "hvc ready" out
echo "hello hvc" >&3
finish
exec 3>&-
check "$name: out and in" grep -q "tvm-guest: hvc=HELLO HVC" out
check "$name: the other console saw it" grep -q "hvc=HELLO HVC" serial
check "$name: exit status" [ $status = 0 ]

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The console of a confidential guest.
#
# kernels: bzImage-small

. ./sev-lib.sh

name="csv: hvc0 in both directions"
rm -f serial pipe && mkfifo pipe
kernel=bzImage-small initrd=initrd-small cmdline="$params=hvc"
in=pipe
# Both ends, so that neither side waits for the other one to open it.
exec 3<>pipe
if launch csv "$name" --memory 256M --console stdio --serial file=serial; then
    eventually 120 grep -q "hvc ready" out
    echo "hello hvc" >&3
    ends 0 "$name"
    check "$name: out and in" grep -q "tvm-guest: hvc=HELLO HVC" out
    check "$name: the other console saw it" grep -q "hvc=HELLO HVC" serial
fi
exec 3>&-
in=/dev/null

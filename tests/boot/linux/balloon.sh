# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What a guest frees goes back to the host: free page reporting, seen from the host.
#
# kernels: bzImage-6.1 bzImage-newest
# modules: virtio_balloon,virtio_mmio
# programs: build/tests/boot/balloon-linux-static=balloon-linux
# host: --mem 3072

# MiB of guest memory that the host holds: by what is mapped, and by what the file has.
resident() { awk '/^RssShmem:/ { print int($2 / 1024) }' "/proc/$pid/status"; }
allocated() {
    for fd in "/proc/$pid/fd"/*; do
        case $(readlink "$fd") in /memfd:*) stat -Lc %b "$fd" ;; esac
    done | awk '{ sum += $1 } END { print int(sum / 2048) }'
}
below() { [ "$(resident)" -lt "$1" ] && [ "$(allocated)" -lt "$1" ]; }

balloon() { # NAME ARGUMENTS...
    name=$1
    shift
    rm -f in && mkfifo in
    : >out
    ./tvm-run --memory 768M --balloon on --cmdline "console=ttyS0 quiet panic=-1 tvm.case=balloon" \
        "$@" <in >out 2>err &
    pid=$!
    exec 3>in
    eventually 90 has start
    sleep 3
    before=$(resident)
    eventually 90 has filled
    filled=$(resident) file=$(allocated)
    eventually 30 has freed
    check "$name: memory comes back" eventually 30 below $((filled - 200))
    echo "# $name: MiB held by the host: booted $before, in use $filled (file $file)," \
        "freed $(resident) (file $(allocated))"
    echo >&3
    finish
    exec 3>&-
    check "$name: was in use" [ "$filled" -gt $((before + 200)) ]
    check "$name: exit status" [ $status = 0 ]
    check "$name: the guest has it again" has balloon=1
}

balloon "6.1, pci, packed" --kernel bzImage-6.1 --initrd initrd-6.1
balloon "newest, mmio, split" --kernel bzImage-newest --initrd initrd-newest --transport mmio \
    --packed off

# The other way: the host asks for memory.
name="newest: the balloon is inflated"
timeout 300 ./balloon-linux bzImage-newest initrd-newest >out 2>err </dev/null
check "$name, and deflated" [ $? = 0 ]
sed 's/^/# /' err
lost() { tr -d '\r' <out | sed -n 's/^tvm-guest: free_mb=//p' |
    awk 'NR == 1 || $1 > most { most = $1 } NR == 1 || $1 < least { least = $1 }
        END { print most - least }'; }
check "$name: the guest has less" between 150 "$(lost)" 300

name="a confidential machine has none"
./tvm-run --kernel bzImage-6.1 --balloon on --tee csv,platform=soft >out 2>err </dev/null
check "$name" [ $? = 2 ]
check "$name, and says so" grep -q '^tvm-run: balloon: not for a confidential machine$' err

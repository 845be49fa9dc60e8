# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# How aarch64 machines end: reset, panic, the power button. The kernels are compressed ones.
#
# arch: aarch64
# kernels: Image-6.1
# modules: gpio_keys,evdev
# host: --mem 2048 --smp 2
cmdline="console=ttyS0 quiet panic=-1"

name="gzip: reboot -f with --no-reboot"
vm 3 "$name" --kernel Image.gz --initrd initrd-6.1 --memory 512M --no-reboot \
    --cmdline "$cmdline tvm.case=cpu,reboot" --cpu pauth=off,pmu=on && {
    check "$name" grep -q 'reset' err
    check "pauth=off: the guest has none" not grep -q 'tvm-guest: cpu=.*paca' out
    check "pmu=on: the guest has one" grep -q 'tvm-guest: pmu=armv8_pmuv3' out
}

# No pvpanic driver in Debian's arm64 kernels: a panic is a reset.
name="zboot: panic"
vm 3 "$name" --kernel Image.zboot --initrd initrd-6.1 --memory 512M --no-reboot \
    --cmdline "$cmdline tvm.case=cpu,panic" && {
    check "$name" has ready
    check "the guest has pauth where the host has it" grep -q 'tvm-guest: cpu=.*paca' out
    check "no pmu unless asked for" not grep -q 'tvm-guest: pmu=armv8_pmuv3' out
}

name="sve=on without SVE in the host"
vm 1 "$name" --kernel Image.gz --cpu sve=on && check "$name: says so" \
    grep -q "sve=on, but this host's KVM does not offer it" err

# What the owner of a realm computes, before there is a machine and without its host.
name="a realm's device tree"
rm -rf rim.b64 dtb && truncate -s 1M a.img
realm="--kernel Image-6.1 --initrd initrd-6.1 --cpus 2 --transport mmio --disk a.img"
tee="--tee cca,platform=soft,measurement=rim.b64"
# shellcheck disable=SC2086
./tvm-run $realm $tee --cmdline "$cmdline" --dump-dtb dtb >out 2>err
check "$name is written" [ $? = 0 ]
want=$(./tvm-attest measure --tee cca --memory 512M --kernel Image-6.1 --initrd initrd-6.1 \
    --dtb dtb | sed -n 's/^rim: //p')
# shellcheck disable=SC2086
./tvm-run $realm $tee --cmdline "$cmdline" >out 2>err </dev/null &
pid=$!
eventually 120 [ -s rim.b64 ]
kill -TERM $pid
finish
check "$name, measured at a launch, is that one" \
    [ "$(base64 -d rim.b64 | od -An -v -tx1 | tr -d ' \n')" = "$want" ]

name="reboot -f boots again"
: >out
./tvm-run --kernel Image-6.1 --initrd initrd-6.1 --memory 512M --cpus 2 \
    --cmdline "$cmdline tvm.case=reboot" >out 2>err </dev/null &
pid=$!
eventually 240 sh -c '[ "$(grep -c "tvm-guest: ready" out)" -ge 3 ]'
kill -TERM $pid
finish
check "$name: three times" [ "$(grep -c 'tvm-guest: ready' out)" -ge 3 ]
check "$name: SIGTERM ends it" [ $status = 143 ]

name="power button"
: >out
./tvm-run --kernel Image-6.1 --initrd initrd-6.1 --memory 512M \
    --cmdline "$cmdline tvm.case=button" >out 2>err </dev/null &
pid=$!
eventually 120 has ready
eventually 60 press
finish
check "$name: the guest sees it" has button
check "$name: exit status" [ $status = 0 ]

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# ROUNDS WORKLOAD...: runs where the guests run, in a folder with everything. For each workload
# the VMMs take turns; prints "VMM FIGURE VALUE UNIT" lines.
rounds=$1
shift

guest() { # VMM WORKLOAD COMMAND...
    vmm=$1 workload=$2
    shift 2
    beside &
    helper=$!
    timeout 300 "$@" >out 2>err </dev/null
    status=$?
    kill $helper 2>/dev/null
    wait $helper 2>/dev/null
    tr -d '\r' <out | sed -n "s/^tvm-bench: /$vmm /p"
    grep -q '^tvm-bench: ' out && return
    echo "# $vmm, $workload: status $status, no figures"
    tail -n 3 err | sed 's/^/# /'
    tail -n 3 out | sed 's/^/# /'
}

for workload; do
    tvm='' qemu=''
    prepare() { :; }
    beside() { :; }
    # shellcheck source=/dev/null
    . "./$workload.sh"
    prepare
    cmdline="console=ttyS0 quiet panic=-1 tvm.do=$workload"
    # shellcheck disable=SC2086
    for _ in $(seq "$rounds"); do
        guest tvm "$workload" ./tvm-run --kernel bzImage --initrd initrd --memory 256M \
            --cmdline "$cmdline" $tvm
        guest qemu "$workload" ./qemu -M q35 -accel kvm -cpu host -smp 1 -m 256M -nodefaults \
            -no-user-config -no-reboot -display none -serial stdio -L firmware \
            -kernel bzImage -initrd initrd -append "$cmdline" $qemu
    done
done

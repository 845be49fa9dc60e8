# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Networks: a tap served by tvm-run, taps served by the host's kernel (vhost-net), one of them
# with two queues, and passt. Over each of them ping, a checksummed file both ways, iperf3 both
# ways.
#
# kernels: bzImage-small bzImage-6.12
# modules: virtio_net,virtio_mmio
# guest: /usr/bin/iperf3=/bin/iperf3
# programs: /usr/bin/iperf3=/bin/iperf3 /usr/bin/passt=/bin/passt build/tests/unit/test_net_tap=test_net_tap

. ./sev-lib.sh

. ./net-lib.sh

# The unit test of taps once more, where there is a vhost-net.
./test_net_tap >out 2>err
check "in-process driver on a real tap and vhost-net" [ $? = 0 ]
check "nothing of it was skipped" not grep SKIP out

run() { # NAME KERNEL INITRD ARGUMENT...
    name=$1 kernel=$2 initrd=$3
    shift 3
    networks vm 0 "$name" --kernel "$kernel" --initrd "$initrd" --memory 256M --cpus 2 \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=net $more tvm.iperf=$iperf" "$@" &&
        worked "$name"
}

# iperf3 takes most of the time: it runs on each transport, and in the confidential guest.
run "small, pci, packed" bzImage-small initrd-small
iperf=no
run "6.12, pci, split" bzImage-6.12 initrd-6.12 --packed off
iperf=yes
run "6.12, mmio, packed" bzImage-6.12 initrd-6.12 --transport mmio

# A confidential guest: all packets go through what it shares.
name="csv"
kernel=bzImage-small initrd=initrd-small
cmdline="$params=sevinfo,net $more"
networks launch csv "$name" --memory 256M --cpus 2 && ends 0 "$name" && {
    check "$name: memory encryption is active" has "dmesg=Memory Encryption Features active: "
    worked "$name"
}

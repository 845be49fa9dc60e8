# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# A Linux realm that touches what is not its own: a device without the shared bit, and its own
# memory with it. With violation=abort the program dies and the guest goes on; with
# violation=stop the machine ends.
#
# arch: aarch64
# kernels: Image-newest
# host: --mem 3072 --smp 2
device=1020000 # pvpanic, which no driver of this kernel takes

realm() { # STATUS NAME KEYS PARAMETERS
    dd if=/dev/zero of=a.img bs=1M count=0 seek=64 2>/dev/null
    vm "$1" "$2" --kernel Image-newest --initrd initrd-newest --memory 384M --disk a.img \
        --tee "cca,platform=soft$3" --metrics metrics \
        --cmdline "console=ttyS0 quiet panic=-1 swiotlb=4096 $4"
}

name="violation=abort"
realm 0 "$name" "" \
    "tvm.wrong=0x$device,0x10$device,0x190000000 tvm.case=wrong,disk,rng" && {
    grep -a '^tvm-guest: [widm]' out | sed 's/^tvm-guest:/#/'
    # 128 and SIGBUS
    check "$name: a device without the shared bit" has "wrong=0x$device status=135"
    check "$name: with it" has "wrong=0x10$device status=0 0x"
    check "$name: private memory with it" has "wrong=0x190000000 status=135"
    check "$name: the guest's kernel calls it an external abort" [ \
        "$(grep -ac 'dmesg=devmem.*DABT.*synchronous external abort' out)" = 2 ]
    check "$name: the log says where, and what" grep -q \
        "realm: vCPU 0 at 0x[0-9a-f]*: access to 0x$device, which is no memory" err
    check "$name: the log says where" grep -q \
        "realm: vCPU 0 at 0x[0-9a-f]*: access to memory through the wrong half" err
    check "$name: counted" grep -q '"violations":{"mmio":1,"memory":1}' metrics
    check "$name: the guest goes on" has wrong=done
    check "$name: disk" has disk=ok
    check "$name: rng" has rng=ok
}

name="violation=stop"
realm 8 "$name" ,violation=stop "tvm.wrong=0x190000000 tvm.case=rng,wrong" && {
    check "$name: until then it runs" has rng=ok
    check "$name: then no more" not has wrong=
    check "$name: one line says why" [ "$(grep -c 'violation=stop' err)" = 1 ]
    check "$name: it says where and what" grep -q \
        "^tvm-run: realm: vCPU 0 at 0x[0-9a-f]*: access to memory through the wrong half" err
    check "$name: counted" grep -q '"violations":{"mmio":0,"memory":1}' metrics
}

# The first character of a console that the user has told the wrong address: aborted, the kernel
# would die in silence, before it has another one.
name="violation=stop, early console in the wrong half"
realm 8 "$name" ,violation=stop "earlycon=uart8250,mmio,0x1000000" &&
    check "$name: one line says which address" grep -q \
        '^tvm-run: realm: vCPU 0 at 0x[0-9a-f]*: access to 0x100000[0-7], .*violation=stop' err

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Disks and the random number generator with every kernel.
#
# kernels: bzImage-small bzImage-6.1 bzImage-6.12 bzImage-newest
# host: --mem 3072
name="root file system on a virtio disk"
vm 0 "$name" --kernel bzImage-small --memory 256M --disk path=root.img \
    --cmdline "console=ttyS0 quiet panic=-1 root=/dev/vda rw" &&
    check "$name: writes and verifies" has rootfs=ok
for k in small 6.1 6.12 newest; do
    name="$k: data on a disk, refusal on a read-only one"
    dd if=/dev/zero of=a.img bs=1M count=0 seek=64 2>/dev/null
    dd if=/dev/zero of=b.img bs=1M count=4 2>/dev/null
    sum=$(md5sum <b.img)
    vm 0 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M --cpus 2 \
        --disk a.img --disk path=b.img,ro \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=disk" || continue
    check "$name: data" has disk=ok
    check "$name: refusal" has readonly=ok
    check "$name: size" [ "$(value disk_kb)" = 65536 ]
    check "$name: host file untouched" [ "$(md5sum <b.img)" = "$sum" ]
done
name="virtio-mmio: data on a disk, refusal on a read-only one"
small 0 "$name" disk --transport mmio --disk a.img --disk path=b.img,ro && {
    check "$name: data" has disk=ok
    check "$name: refusal" has readonly=ok
}
for k in small 6.1 6.12 newest; do
    name="$k: rng"
    vm 0 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M \
        --cmdline "console=ttyS0 quiet panic=-1 tvm.case=rng" &&
        check "$name" has rng=ok
done

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2086
#
# Stock Debian arm64 kernels, with one and two processors, over PCI and MMIO: each boot has
# disks and random numbers as well.
#
# arch: aarch64
# kernels: Image-6.1 Image-6.12 Image-newest
# modules: virtio_mmio
# host: --mem 3072 --smp 2
dd if=/dev/zero of=b.img bs=1M count=4 2>/dev/null
sum=$(md5sum <b.img)
cases=,disk,rng
for k in 6.1 6.12 newest; do
    for way in "1 pci" "2 mmio"; do
        dd if=/dev/zero of=a.img bs=1M count=0 seek=64 2>/dev/null
        boots Image-$k initrd-$k ${way% *} 512M 400 512 --transport ${way#* } \
            --disk a.img --disk path=b.img,ro
        name="$name, ${way#* }"
        check "$name: data on a disk" has disk=ok
        check "$name: refusal on a read-only one" has readonly=ok
        check "$name: host file untouched" [ "$(md5sum <b.img)" = "$sum" ]
        check "$name: rng" has rng=ok
    done
done

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
#
# A shared directory in the host's page cache: one large file, and many small ones.

prepare() {
    mkdir -p shared/many
    head -c 33554432 /dev/zero >shared/large
    for i in $(seq 400); do echo "$i" >"shared/many/$i"; done
}

tvm="--share tag=host,path=shared"
qemu="-fsdev local,id=s,path=shared,security_model=none,multidevs=remap
    -device virtio-9p-pci,fsdev=s,mount_tag=host"

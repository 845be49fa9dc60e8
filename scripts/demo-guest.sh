#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the demo guest does: tell what machine it sees, and use its disk.

echo
echo "  Hello from the guest: $(uname -sr)"
echo "  processors  $(grep -c ^processor /proc/cpuinfo), hypervisor $(cat /sys/hypervisor/type 2>/dev/null || echo KVM)"
echo "  memory      $(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo) MiB"
echo "  disk        $(($(cat /sys/block/vda/size) / 2048)) MiB (virtio-blk)"
echo "  clock       $(date -u)"
dd if=/dev/urandom of=/dev/vda bs=1M count=8 2>/dev/null && sync &&
	echo "  wrote 8 MiB to the disk: $(dd if=/dev/vda bs=1M count=8 2>/dev/null | md5sum | cut -c 1-16)..."
echo

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the demo guest does: tell what machine it sees, and read its secret.

mount -t securityfs none /sys/kernel/security 2>/dev/null
echo
echo "  Hello from the guest: $(uname -sr), $(grep -c ^processor /proc/cpuinfo) CPU, $(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo) MiB"
dmesg | sed -n 's/.*\(Memory Encryption Features active.*\|Memory encryption is active.*\)/  kernel: \1/p'
for secret in /sys/kernel/security/secrets/coco/*; do
	[ -e "$secret" ] || { echo "  no secret came"; break; }
	echo "  secret $(basename "$secret"): $(tr -d '\0' <"$secret")"
done
echo

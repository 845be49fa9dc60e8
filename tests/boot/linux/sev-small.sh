# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Confidential guests with the tests' own kernel and a secret.
#
# kernels: bzImage-small vmlinux-small

. ./sev-lib.sh

for kind in sev csv; do
    for k in bzImage-small vmlinux-small; do
        for cpus in 1 2; do small_secret "$kind" "$k" "$cpus" 256M; done
    done
done

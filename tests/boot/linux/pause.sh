# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Run control while Linux boots.
#
# kernels: bzImage-small
# programs: build/tests/boot/pause-linux-static=pause-linux
name="a hundred pauses during boot"
timeout 300 ./pause-linux bzImage-small initrd-small >out 2>err </dev/null
status=$?
check "$name" [ $status = 0 ]
check "$name: the guest came up" has ready

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
. "$here/linux/blk-lib.bash"
tools_disk mke2fs fstrim blkdiscard fallocate
host_tools dmsetup passt

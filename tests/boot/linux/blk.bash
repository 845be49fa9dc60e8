# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# fio is far too large for an initrd.
. "$here/linux/blk-lib.bash"
tools_disk fio mke2fs fstrim blkdiscard fallocate
host_tools dmsetup # half of the disk "eio" is device-mapper's error target

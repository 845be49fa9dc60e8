# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The disk "tools": fio is far too large for an initrd, and a disk with a file system from the
# host is worth having. Guests start its programs by its own dynamic linker.
(
    die() { echo "blk.bash: $*" >&2; exit 1; }
    . "$nested/tree.sh"
    PATH=$PATH:/usr/sbin:/sbin
    root=$work/tools
    mkdir "$root"
    for program in fio mke2fs fstrim blkdiscard fallocate; do
        add_path "$root" "$(command -v $program || die "needs $program")=/bin/$program"
    done
    find "$root" -name '*.so*' -printf '/tools/%P\n' | sed 's|/[^/]*$||' | sort -u | tr '\n' : >"$work/libs"
    mv "$work/libs" "$root/libs"
    mke2fs -q -t ext4 -O ^has_journal -m 0 -N 2000 -d "$root" "$t/tools.img" \
        "$(($(du -sm "$root" | cut -f1) + 16))M" >/dev/null
    rm -rf "$root"
)
# Half of the disk "eio" is device-mapper's error target.
cp "$("$nested/assets.sh" linux-6.1/modules)/kernel/drivers/md/dm-mod.ko" "$t"
adds+=(--add "$(PATH=$PATH:/usr/sbin:/sbin command -v dmsetup)=/sbin/dmsetup")

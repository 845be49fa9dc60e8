# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# For GROUP.bash of groups that use blk-lib.sh.

# tools_disk PROGRAM...: the disk "tools", with these, their libraries and where those are: guests
# start them by their own dynamic linker. A disk with a file system from the host is worth having,
# too.
tools_disk() (
    die() { echo "tools_disk: $*" >&2; exit 1; }
    . "$nested/tree.sh"
    PATH=$PATH:/usr/sbin:/sbin
    root=$work/tools
    mkdir -p "$root/bin" "$root/lib64"
    for program; do
        if [[ $arch = "$machine" ]]; then
            add_path "$root" "$(command -v "$program" || die "needs $program")=/bin/$program"
        else
            cp "$("$nested/assets.sh" "tools-${debian%-}/bin/$program")" "$root/bin"
        fi
    done
    if [[ $arch != "$machine" ]]; then
        cp -r "$("$nested/assets.sh" "tools-${debian%-}/lib")" "$root"
        mv "$root"/lib/ld-linux* "$root/lib64"
    fi
    find "$root" -name '*.so*' -printf '/tools/%P\n' | sed 's|/[^/]*$||' | sort -u | tr '\n' : >"$work/libs"
    mv "$work/libs" "$root/libs"
    mke2fs -q -t ext4 -O ^has_journal -m 0 -N 2000 -d "$root" "$t/tools.img" \
        "$(($(du -sm "$root" | cut -f1) + 16))M" >/dev/null
    rm -rf "$root"
)

# host_tools PROGRAM...: for the guests' host.
host_tools() {
    local program assets
    for program; do
        if [[ $arch = "$machine" ]]; then
            adds+=(--add "$(PATH=$PATH:/usr/sbin:/sbin command -v "$program")=/bin/$program")
        else
            assets=$("$nested/assets.sh" "tools-${debian%-}/bin")
            adds+=(--add "$assets/$program=/bin/$program" --add "${assets%bin}lib=/lib")
        fi
    done
}

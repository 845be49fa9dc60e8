# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# The case "disks" of a guest, for init.sh: what the kernel parameter tvm.disks=NAME,... names, with
# disks that are found by their serial numbers. Programs are on the read-only disk "tools".

# disk SERIAL: its device; waits while it is being probed.
disk() {
    for _ in $(seq 100); do
        for dir in /sys/block/vd*; do
            [ "$(cat "$dir/serial" 2>/dev/null)" = "$1" ] || continue
            [ -b "/dev/${dir##*/}" ] && { echo "/dev/${dir##*/}"; return; }
        done
        sleep 0.1
    done
    echo /dev/none
}

tool() { # NAME ARGUMENTS...
    program=/tools/bin/$1
    shift
    "$(echo /tools/lib64/ld-linux*)" --library-path "$(cat /tools/libs)" "$program" "$@"
}

# Files with sums on ext4, more than memory holds, while somebody else wants memory, too.
do_ext4() {
    dev=$(disk data)
    mib=$(param mib 96)
    hog=$((mib < 24 ? mib : 24))
    tool mke2fs -q -t ext4 "$dev" || { say "ext4=cannot format"; return; }
    mkdir -p /data /hog
    mount -t ext4 -o discard "$dev" /data || { say "ext4=cannot mount"; return; }
    dd if=/dev/urandom of=/tmp/block bs=1M count=1 2>/dev/null
    mount -t tmpfs -o size=64m hog /hog
    for i in $(seq "$mib"); do
        { echo "$i"; cat /tmp/block; } >"/data/$i" || { say "ext4=write error"; return; }
        # Memory goes away and comes back.
        case $((i % 16)) in
        4) dd if=/dev/zero of="/hog/$i" bs=1M count=$hog 2>/dev/null ;;
        12) rm -f /hog/* ;;
        esac
    done
    sync || { say "ext4=sync error"; return; }
    rm -f /hog/*
    (cd /data && md5sum -- * >/tmp/sums)
    umount /data
    mount -t ext4 -o discard "$dev" /data
    dd if=/dev/zero of=/hog/all bs=1M count=$hog 2>/dev/null
    (cd /data && rmdir lost+found && md5sum -c -s /tmp/sums) || { say "ext4=other data"; return; }
    [ "$(ls /data | wc -l)" = "$mib" ] || { say "ext4=files are missing"; return; }
    # Each file is what it was made of, not only what was read first.
    want=$( { echo 7; cat /tmp/block; } | md5sum)
    [ "$(md5sum </data/7)" = "$want" ] || { say "ext4=other data in file 7"; return; }
    rm -f /data/*
    sync
    tool fstrim /data || { say "ext4=no fstrim"; return; }
    umount /data /hog
    say "ext4=ok"
}

# Random calls on ext4, each of them compared with the same on tmpfs.
do_fstest() {
    dev=$(disk fio)
    tool mke2fs -q -t ext4 "$dev" && mkdir -p /data /right && mount -t ext4 "$dev" /data &&
        mount -t tmpfs right /right && mkdir /data/random /right/random ||
        { say "fstest=cannot format"; return; }
    fstest random /data/random /right/random 1 "$(param calls 500)" >/tmp/fstest
    umount /data /right
    if grep -q '^random=ok' /tmp/fstest; then say "fstest=ok"; else say "fstest=$(cat /tmp/fstest)"; fi
}

# Random sizes, mixed reads and writes, each block verified after it was written.
do_fio() {
    dev=$(disk fio)
    (cd /tmp && tool fio --name=mixed --filename="$dev" --rw=randrw --bsrange=512-64k --direct=1 \
        --ioengine=libaio --iodepth=16 --size=8m --verify=crc32c --verify_fatal=1 \
        --do_verify=1 --verify_backlog=64 --output=/tmp/fio.out) ||
        { say "fio=failed"; cat /tmp/fio.out; return; }
    say "fio=ok"
}

# The disk "raw" is all ones: 1 MiB each discarded, zeroed with and without space, left alone.
do_raw() {
    dev=$(disk raw)
    m=$((1 << 20))
    say "raw_discard_max=$(cat "/sys/block/${dev##*/}/queue/discard_max_bytes")"
    tool blkdiscard -o 0 -l $m "$dev" || { say "raw=no discard"; return; }
    tool fallocate -p -o $m -l $m "$dev" || { say "raw=no hole"; return; }
    tool blkdiscard -z -o $((2 * m)) -l $m "$dev" || { say "raw=no zeroes"; return; }
    forget_caches
    [ "$(head -c $((3 * m)) "$dev" | tr -d '\0' | wc -c)" = 0 ] || { say "raw=not zero"; return; }
    say "raw=ok"
}

# The disk "ro" has a file system of the host.
do_ro() {
    dev=$(disk tools)
    [ "$(cat "/sys/block/${dev##*/}/ro")" = 1 ] || { say "ro=writable"; return; }
    mount -o remount,rw /tools 2>/dev/null && { say "ro=mounted for writing"; return; }
    dd if=/dev/zero of="$dev" bs=4096 count=1 conv=fsync 2>/dev/null && { say "ro=written"; return; }
    say "ro=ok"
}

# 12 MiB on a host that has room for fewer: an error, and what was written before is right.
do_enospc() {
    dev=$(disk enospc)
    dd if=/tmp/mib of="$dev" bs=64k count=16 conv=fsync 2>/dev/null ||
        { say "enospc=too early"; return; }
    if dd if=/dev/zero bs=64k count=160 2>/dev/null | tr '\0' x |
        dd of="$dev" bs=64k iflag=fullblock conv=fsync seek=16 count=160 2>/tmp/err; then
        say "enospc=no error"
        return
    fi
    forget_caches
    [ "$(head -c 1048576 "$dev" | md5sum)" = "$(md5sum </tmp/mib)" ] || { say "enospc=other data"; return; }
    say "enospc=ok $(tail -n 1 /tmp/err)"
}

# Half of what is behind the disk is gone.
do_eio() {
    dev=$(disk eio)
    [ "$(head -c 1048576 "$dev" | tr -d e | wc -c)" = 0 ] || { say "eio=other data"; return; }
    dd if="$dev" of=/dev/null bs=64k skip=64 count=1 2>/tmp/err && { say "eio=no error"; return; }
    grep -qi 'input/output' /tmp/err || { say "eio=another error: $(cat /tmp/err)"; return; }
    [ "$(dd if="$dev" bs=64k skip=8 count=1 2>/dev/null | wc -c)" = 65536 ] || { say "eio=for ever"; return; }
    say "eio=ok"
}

case_disks() {
    mkdir -p /tools
    mount -o ro "$(disk tools)" /tools || { say "no tools"; return; }
    dd if=/dev/urandom of=/tmp/mib bs=1M count=1 2>/dev/null
    say "queues=$(ls -d "/sys/block/$(basename "$(disk data)")"/mq/* | wc -l)"
    features=$(cat "/sys/block/$(basename "$(disk data)")/device/features")
    say "packed=$(echo "$features" | cut -c 35)"
    for name in $(param disks raw | tr , ' '); do
        before=$(cut -d. -f1 /proc/uptime)
        "do_$name"
        say "took=$name $(($(cut -d. -f1 /proc/uptime) - before)) s"
    done
}

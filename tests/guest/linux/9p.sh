# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Cases of a guest with shares, for init.sh: /bin/fstest is tests/guest/fs.

# mount9 TAG DIR [OPTION,...]
mount9() {
    mkdir -p "$2"
    mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144${3:+,$3}" "$1" "$2"
}

# Lines of a test, each told to whoever looks at the console.
tell() { while read -r line; do say "$line"; done; }

# Random work, permissions and locks on the share "host", beside tmpfs.
case_9p_fs() {
    mount9 host /mnt "$(param opts access=user)" || { say "9p=cannot mount"; return; }
    mkdir -p /right && mount -t tmpfs right /right
    for what in $(param what random+together+perm+locks | tr + ' '); do
        mkdir -p /mnt/$what /right/$what
        case $what in
        random) fstest random /mnt/$what /right/$what "$(param seed 1)" "$(param calls 500)" ;;
        # shellcheck disable=SC2046
        perm) fstest perm /mnt/$what /right/$what "$(param every 61)" $(param links "") ;;
        locks) fstest locks /mnt/$what ;;
        together)
            for n in 1 2 3 4; do
                mkdir -p /mnt/$what/$n /right/$what/$n
                fstest random /mnt/$what/$n /right/$what/$n "$(param seed 1)$n" 40 >/tmp/$n &
            done
            wait
            cat /tmp/[1-4]
            echo "together=$(grep -c ^random=ok /tmp/1 /tmp/2 /tmp/3 /tmp/4 | grep -c ':1$')"
        esac 2>&1 | tell
    done
    say "9p_seconds=$(cut -d . -f 1 /proc/uptime)"
    cd / && umount /mnt && say "9p=ok"
}

# Two more shares, one of which is read-only.
case_9p_shares() {
    mount9 none /mnt/none 2>/dev/null && say "shares=a tag that nobody gave"
    mount9 ro /mnt/ro && mount9 other /mnt/other || { say "shares=cannot mount"; return; }
    say "ro=$(cat /mnt/ro/file)"
    say "other=$(cat /mnt/other/file)"
    for try in "touch /mnt/ro/new" "rm /mnt/ro/file" "mkdir /mnt/ro/dir" "chmod 600 /mnt/ro/file" \
        "mv /mnt/ro/file /mnt/ro/other" "ln -s x /mnt/ro/link" "tee /mnt/ro/file"; do
        $try </dev/null >/dev/null 2>&1 && say "shares=done on a read-only one: $try"
    done
    echo "from the guest" >/mnt/other/back
    umount /mnt/ro /mnt/other
    say "shares=done"
}

# The host takes directories away while they are in use; "keep" stays.
case_9p_gone() {
    for tag in keep gone moved lazy; do
        mount9 $tag /mnt/$tag || { say "gone=cannot mount $tag"; return; }
    done
    exec 3</mnt/gone/file 4</mnt/lazy/file
    say ready
    for _ in $(seq 600); do [ -e /mnt/keep/go ] && break; sleep 0.1; done
    for try in "cat /mnt/gone/closed" "touch /mnt/gone/new" "mkdir /mnt/gone/dir" \
        "ls /mnt/gone/sub" "mv /mnt/gone/sub /mnt/gone/other"; do
        $try >/dev/null 2>&1 && say "gone=still there: $try"
    done
    say "gone_open=$(cat <&3)"
    say "moved=$(cat /mnt/moved/file)"
    say "lazy_open=$(cat <&4)"
    echo yes >/mnt/moved/back
    echo yes >/mnt/keep/back
    exec 3<&- 4<&-
    umount /mnt/gone
    # The device still answers.
    mount9 gone /mnt/gone && touch /mnt/gone/new 2>/dev/null && say "gone=a new file in it"
    say "gone=done"
}

# A root of tools on a read-only share; clone, build and push on another one.
case_9p_build() {
    mount9 tools /tools ro,cache=loose && mount9 work /tools/work cache=loose ||
        { say "build=cannot mount"; return; }
    mount -t proc none /tools/proc && mount -o bind /dev /tools/dev &&
        mount -t tmpfs none /tools/tmp
    { chroot /tools /bin/sh -ex; echo "build=$?"; } <<'EOF' 2>&1 | tell
export PATH=/usr/bin:/bin HOME=/tmp GIT_CONFIG_NOSYSTEM=1
cd /work
git clone -q file:///work/origin.git clone
cd clone
make -s CC=tcc
mkdir /work/x /tmp/y
./fstest random /work/x /tmp/y 7 50
git status --porcelain
echo "a line of the guest" >>notes
git add notes
git -c user.name=guest -c user.email=guest@guest commit -q -m "from the guest"
git push -q origin HEAD:main
echo "head=$(git rev-parse HEAD)"
EOF
    umount /tools/tmp /tools/dev /tools/proc /tools/work
}

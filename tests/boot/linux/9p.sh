# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Shares under work: random calls, permissions and locks beside the kernel's own file system;
# owner policies, several shares, and shares that the host takes away.
#
# kernels: bzImage-small bzImage-6.12
# modules: 9pnet_virtio,9p
# guest: build/tests/guest/fs/fstest-static=/bin/fstest tests/guest/linux/9p.sh=/cases/9p
# programs: build/tests/guest/fs/fstest-static=fstest
# host: --mem 3072

. ./9p-lib.sh

quiet="console=ttyS0 quiet panic=-1"

share() { # NAME KERNEL PARAMETERS ARGUMENTS...
    name=$1 k=$2 params=$3
    shift 3
    rm -rf shared && mkdir shared
    vm 0 "$name" --kernel bzImage-$k --initrd initrd-$k --memory 512M --cpus 2 \
        --cmdline "$quiet tvm.case=9p_fs $params" "$@" || return
    echo "# $name: $(value 9p_seconds) s in the guest"
    check "$name" has 9p=ok
}

name="several shares"
make_two_shares
# shellcheck disable=SC2086
small 0 "$name" 9p_shares $two_shares && two_shares_worked "$name"

name="shares that the host takes away"
rm -rf keep gone moved lazy && mkdir keep lazy
mount -t tmpfs none lazy
for d in gone moved lazy; do mkdir -p $d/sub && echo "file of $d" >$d/file; done
echo "not open" >gone/closed
: >out
timeout 300 ./tvm-run --kernel bzImage-small --initrd initrd-small --memory 256M \
    --cmdline "$quiet tvm.case=9p_gone" --share tag=keep,path=keep --share tag=gone,path=gone \
    --share tag=moved,path=moved --share tag=lazy,path=lazy >out 2>err </dev/null &
pid=$!
eventually 60 has ready
rm -rf gone
mv moved away
umount -l lazy
touch keep/go
finish
check "$name: the machine lives" [ $status = 0 ]
check "$name: errors for the guest" [ "$(value gone)" = done ]
check "$name: an open file stays" has "gone_open=file of gone"
check "$name: renaming is not noticed" has "moved=file of moved"
check "$name: nor is unmounting, by open files" has "lazy_open=file of lazy"
check "$name: the others go on" [ "$(cat keep/back away/back | tr -d '\n')" = yesyes ]

# As nobody in particular, on a file system with user attributes, which links cannot have.
modprobe -a loop ext4
mkdir -p ext && mount -o loop ext.img ext && mkdir ext/shared && chown 1000:1000 ext/shared
chmod 666 /dev/kvm
name="mapped owners, unprivileged"
params="tvm.seed=5 tvm.calls=100 tvm.every=61 tvm.links=nolinks"
timeout 400 ./fstest as 1000 ./tvm-run --kernel bzImage-small --initrd initrd-small \
    --memory 256M --cmdline "$quiet tvm.case=9p_fs $params" \
    --share tag=host,path=ext/shared,owner=mapped >out 2>err </dev/null
status=$?
check "$name: exit status" [ $status = 0 ]
random_ok "$name"
check "$name: permissions" has "perm=ok"
check "$name: locks" has locks=ok
check "$name: all belongs to one user" [ "$(find ext/shared ! -user 1000 | wc -l)" = 0 ]

share "host's owners, split rings" small "tvm.seed=1 tvm.calls=300 tvm.every=61" \
    --packed off --share tag=host,path=shared,owner=host && all_of_9p "$name"
share "virtio-mmio, packed rings" small "tvm.seed=2 tvm.calls=200 tvm.what=random+together+locks" \
    --transport mmio --share tag=host,path=shared && {
    random_ok "$name"
    check "$name: four at once" has together=4
    check "$name: locks" has locks=ok
}
share "another kernel's client" 6.12 "tvm.seed=3 tvm.calls=200 tvm.what=random+locks" \
    --share tag=host,path=shared && {
    random_ok "$name"
    check "$name: locks" has locks=ok
}
share "the page cache over it" small \
    "tvm.opts=cache=loose tvm.seed=4 tvm.calls=200 tvm.what=random" --share tag=host,path=shared &&
    random_ok "$name"

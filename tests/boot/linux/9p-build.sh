# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# Programs on a share: git, make and a C compiler run from a read-only one, and clone, build and
# push on another, in a plain guest; then a share in a confidential guest.
#
# kernels: bzImage-small
# guest: build/tests/guest/fs/fstest-static=/bin/fstest tests/guest/linux/9p.sh=/cases/9p
# host: --mem 4096

. ./sev-lib.sh

mkdir tools && tar -xf tools.tar -C tools
mkdir work && tar -xf origin.tar -C work
before=$(cat work/origin.git/refs/heads/main)
name="tools on a read-only share"
vm 0 "$name" --kernel bzImage-small --initrd initrd-small --memory 512M --cpus 2 \
    --cmdline "console=ttyS0 quiet panic=-1 tvm.case=9p_build" \
    --share tag=tools,path=tools,ro --share tag=work,path=work && {
    check "$name: clone, build, run, commit, push" [ "$(value build)" = 0 ]
    check "$name: what was built works" has "random=ok seed=7"
    check "$name: the host has the guest's commit" \
        [ "$(cat work/origin.git/refs/heads/main)" = "$(value head)" ]
    check "$name: which is a new one" [ "$before" != "$(value head)" ]
}

name="csv: a share in a confidential guest"
kernel=bzImage-small initrd=initrd-small
cmdline="$params=sevinfo,9p_fs tvm.seed=6 tvm.calls=100 tvm.what=random+together+locks"
rm -rf shared && mkdir shared
launch csv "$name" --memory 256M --cpus 2 --share tag=host,path=shared && ends 0 "$name" && {
    check "$name: memory encryption is active" \
        has "dmesg=Memory Encryption Features active: "
    check "$name: random calls" has "random=ok"
    check "$name: four at once" has together=4
    check "$name: locks" has locks=ok
    check "$name: no complaints in the kernel's log" no_complaints
}

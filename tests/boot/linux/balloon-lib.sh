# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# For groups of ../linux.sh about the balloon: what a guest frees, seen from the host.

# MiB of guest memory that the host holds: by what is mapped, and by what the file has.
resident() { awk '/^RssShmem:/ { print int($2 / 1024) }' "/proc/$pid/status"; }
allocated() {
    for fd in "/proc/$pid/fd"/*; do
        case $(readlink "$fd") in /memfd:*) stat -Lc %b "$fd" ;; esac
    done | awk '{ sum += $1 } END { print int(sum / 2048) }'
}
below() { [ "$(resident)" -lt "$1" ] && [ "$(allocated)" -lt "$1" ]; }

# give_back NAME MIB: the guest $pid in its case "balloon", with tvm.mib=MIB and the fifo "in" for
# its console. gave_back NAME MIB: when it has ended.
give_back() {
    eventually 90 has start
    sleep 3
    before=$(resident)
    eventually 90 has filled
    filled=$(resident) file=$(allocated)
    eventually 30 has freed
    check "$1: memory comes back" eventually 30 below $((filled - $2 * 2 / 3))
    echo "# $1: MiB held by the host: booted $before, in use $filled (file $file)," \
        "freed $(resident) (file $(allocated))"
    echo >in
}

gave_back() {
    check "$1: was in use" [ "$filled" -gt $((before + $2 * 2 / 3)) ]
    check "$1: the guest has it again" has balloon=1
}

balloon() { # NAME ARGUMENTS...
    name=$1
    shift
    rm -f in && mkfifo in
    exec 3<>in
    : >out
    ./tvm-run --memory 768M --balloon on --cmdline \
        "console=ttyS0 quiet panic=-1 tvm.case=balloon tvm.mib=300" "$@" <in >out 2>err &
    pid=$!
    give_back "$name" 300
    finish
    exec 3>&-
    check "$name: exit status" [ $status = 0 ]
    gave_back "$name" 300
}

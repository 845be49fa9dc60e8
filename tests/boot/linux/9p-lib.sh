# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# For groups of ../linux.sh with shares, whose guests have ../../guest/linux/9p.sh and fstest.

random_ok() { check "$1: random calls" has "random=ok"; }

# What the case 9p_fs does without tvm.what.
all_of_9p() { # NAME
    random_ok "$1"
    check "$1: four at once" has together=4
    check "$1: permissions" has "perm=ok"
    check "$1: locks" has locks=ok
}

# For the case 9p_shares: the machine gets $two_shares.
two_shares="--share tag=ro,path=ro,ro --share tag=other,path=other"
make_two_shares() {
    rm -rf ro other && mkdir ro other && echo "read me" >ro/file && echo "another one" >other/file
}

two_shares_worked() { # NAME
    check "$1: contents" has "ro=read me"
    check "$1: of both" has "other=another one"
    check "$1: a read-only one refuses" [ "$(value shares)" = done ]
    check "$1: the host sees what was written" [ "$(cat other/back)" = "from the guest" ]
}

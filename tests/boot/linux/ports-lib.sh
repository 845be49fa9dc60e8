# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# For groups of ../linux.sh with consoles and ports at sockets and pseudo-terminals, whose clients
# come and go (talk, beside the kernels), and with random numbers.

talkers=""

# client CHANNEL PATH TEXT: somebody who says one line and listens, until hang_up.
client() {
    ./talk "$2" "$3" >"said-$1" 2>&1 &
    talkers="$talkers $!"
}

hang_up() {
    for talker in $talkers; do kill "$talker" 2>/dev/null; done
    # shellcheck disable=SC2086
    wait $talkers 2>/dev/null
    talkers=""
}

hears() { eventually "$1" grep -qa "$2" "said-$3"; }

# The path that was given to a channel, or that tvm-run has printed.
path() { # CHANNEL GIVEN
    case $2 in
    pty) sed -n "s/^tvm-run: $(echo "$1" | sed 's/ttyS0/serial/; s/hvc\(.\)/console \1/'): //p" err ;;
    *) echo "${2#*=}" ;;
    esac
}

# channels CHANNEL=BACKEND...: $names of them for the guest's parameter tvm.ports, $arguments for
# tvm-run.
channels() {
    arguments="" names=""
    rm -f said-* c-*
    for channel; do
        backend=${channel#*=} channel=${channel%%=*} names=$names,${channel%%=*}
        case $channel in
        ttyS0) arguments="$arguments --serial $backend" ;;
        hvc*) arguments="$arguments --console $backend" ;;
        *) arguments="$arguments --console $backend,name=$channel" ;;
        esac
    done
    names=${names#,}
}

# conversation NAME CHANNEL=BACKEND...: each is talked to twice, then all say good-bye.
conversation() {
    name=$1
    shift
    # Before the guest has anything open: it must find the line when it does. (A serial port
    # has no such memory.)
    for channel; do client "${channel%%=*}" "$(path "${channel%%=*}" "${channel#*=}")" "hello"; done
    for channel; do
        case $channel in
        ttyS0*) check "$name: ttyS0" hears 120 "^ttyS0 ready" ttyS0 ;;
        *) check "$name: ${channel%%=*}" hears 120 "${channel%%=*}=HELLO" "${channel%%=*}" ;;
        esac
    done
    hang_up
    # The guest's own words went to ttyS0, if that had a client.
    [ ! -e said-ttyS0 ] || cat said-ttyS0 >out
    for channel; do client "${channel%%=*}" "$(path "${channel%%=*}" "${channel#*=}")" "again"; done
    for channel; do
        channel=${channel%%=*}
        check "$name: $channel, another client" hears 30 "$channel=AGAIN" "$channel"
    done
    hang_up
    for channel; do client "${channel%%=*}" "$(path "${channel%%=*}" "${channel#*=}")" "bye"; done
}

no_channels_left() { # NAME
    check "$1: sockets and links are gone" [ -z "$(ls -d c-* 2>/dev/null)" ]
}

ports() { # NAME "ARGUMENTS" CHANNEL=BACKEND...
    name=$1 more=$2
    shift 2
    channels "$@"
    : >out
    # shellcheck disable=SC2086
    ./tvm-run $more $arguments --cmdline "$params=info,$cases,ports tvm.ports=$names" \
        >out 2>err </dev/null &
    pid=$!
    [ "$printed" = no ] || eventually 20 grep -q /dev/pts err
    conversation "$name" "$@"
    finish
    hang_up
    check "$name: exit status" [ $status = 0 ]
    no_channels_left "$name"
}

has_random() { # NAME DEVICE
    check "$1: rng is the current generator" [ "$(value random_current)" = "$2" ]
    check "$1: and is credited" [ "$(value random_quality)" -gt 0 ]
    check "$1: a thread feeds /dev/random" has random_thread=yes
    check "$1: which is ready" has random_init=done
    check "$1: and can be read" has random_bytes=4096
}

params="console=ttyS0 quiet panic=-1 random.trust_cpu=off random.trust_bootloader=off tvm.case"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Consoles and ports at sockets and pseudo-terminals, with clients that come and go; random
# numbers; the reset of a single PCI function.
#
# kernels: bzImage-6.1 bzImage-6.12 bzImage-newest bzImage-small
# modules: virtio_mmio
# programs: build/tests/boot/talk-static=talk
# host: --mem 3072

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

# ports NAME "ARGUMENTS" CHANNEL=BACKEND..: each is talked to twice, then all say good-bye.
ports() {
    name=$1 arguments=$2 names=""
    shift 2
    rm -f said-* c-*
    for channel; do
        backend=${channel#*=} channel=${channel%%=*} names=$names,${channel%%=*}
        case $channel in
        ttyS0) arguments="$arguments --serial $backend" ;;
        hvc*) arguments="$arguments --console $backend" ;;
        *) arguments="$arguments --console $backend,name=$channel" ;;
        esac
    done
    # shellcheck disable=SC2086
    : >out
    ./tvm-run $arguments --cmdline "$params=info,$cases,ports tvm.ports=${names#,}" \
        >out 2>err </dev/null &
    pid=$!
    [ "$printed" = no ] || eventually 20 grep -q /dev/pts err
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
    finish
    hang_up
    check "$name: exit status" [ $status = 0 ]
    check "$name: sockets and links are gone" [ -z "$(ls -d c-* 2>/dev/null)" ]
}

has_random() { # NAME DEVICE
    check "$1: rng is the current generator" [ "$(value random_current)" = "$2" ]
    check "$1: and is credited" [ "$(value random_quality)" -gt 0 ]
    check "$1: a thread feeds /dev/random" has random_thread=yes
    check "$1: which is ready" has random_init=done
    check "$1: and can be read" has random_bytes=4096
}

params="console=ttyS0 quiet panic=-1 random.trust_cpu=off random.trust_bootloader=off tvm.case"

printed=no cases=random,flr
ports "6.1, pci, packed" "--kernel bzImage-6.1 --initrd initrd-6.1" \
    ttyS0=pty=c-tty hvc0=unix=c-0 hvc1=pty=c-1 org.tvm.test=unix=c-port
check "$name: the port has its name" has port=org.tvm.test:vport
has_random "$name" virtio_rng.0
check "$name: a function is reset" has "flr=64 bytes"

printed=yes cases=random
ports "newest, mmio, split" \
    "--kernel bzImage-newest --initrd initrd-newest --transport mmio --packed off" \
    ttyS0=unix=c-tty hvc0=pty hvc1=unix=c-1 a-port=pty=c-port b.port=unix=c-b
check "$name: the first port" has port=a-port:vport
check "$name: the second port" has port=b.port:vport
has_random "$name" virtio_rng.0

printed=no cases=info
ports "small, mmio, packed" \
    "--kernel bzImage-small --initrd initrd-small --transport mmio --memory 256M" \
    ttyS0=unix=c-tty hvc0=pty=c-0 a-port=unix=c-port

# Alone, a console has its terminal's size.
name="6.12, pci, split: a console's size"
rm -f c-0
: >out
./tvm-run --kernel bzImage-6.12 --initrd initrd-6.12 --packed off --console pty=c-0 \
    --cmdline "$params=ports tvm.ports=hvc0" >out 2>err </dev/null &
pid=$!
./talk c-0 "" 100 37 >said-hvc0 &
talkers=$!
check "$name: the guest is heard" hears 120 "hvc0 ready" hvc0
hang_up
./talk c-0 hello >said-hvc0 &
talkers=$!
check "$name: and hears" hears 120 hvc0=HELLO hvc0
hang_up
./talk c-0 bye >said-hvc0 &
finish
hang_up
check "$name" has "hvc0 size=37 100"

# The same for a confidential guest: all its devices on MMIO.
printed=no cases=sevinfo,disk,random
params="console=ttyS0 quiet panic=-1 efi=noruntime tvm.case"
dd if=/dev/zero of=a.img bs=1M count=0 seek=16 2>/dev/null
ports "csv, mmio, newest" "--kernel bzImage-newest --initrd initrd-newest --transport mmio
    --disk a.img --tee csv,platform=soft" \
    ttyS0=unix=c-tty hvc0=unix=c-0 hvc1=pty=c-1 a-port=unix=c-port
check "$name: memory encryption is active" has "dmesg=Memory Encryption Features active: "
check "$name: disk" has disk=ok
has_random "$name" virtio_rng.0

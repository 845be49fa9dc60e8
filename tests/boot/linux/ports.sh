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

. ./ports-lib.sh

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

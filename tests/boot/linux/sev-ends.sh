# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# How confidential guests end, and what they start with.
#
# kernels: bzImage-small vmlinux-small

. ./sev-lib.sh

# A launch cannot be repeated: reset ends the machine, whether asked for or not.
name="csv: reboot"
kernel=vmlinux-small initrd=initrd-small cmdline="$params=reboot"
launch csv "$name" --memory 256M && ends 3 "$name" && check "$name" grep -q 'reset' err
name="sev: panic"
cmdline="$params=panic"
launch sev "$name" --memory 256M && ends 4 "$name" && check "$name" grep -q 'panic' err
name="sev: without efi=noruntime"
cmdline="console=ttyS0 quiet panic=-1 tvm.case=secret"
launch sev "$name" --memory 256M && ends 0 "$name" &&
    check "$name: the secret's contents" has "secret=$guid:{\"key_id1\": \"$name\"}"
name="sev: no initrd, empty command line"
kernel=bzImage-small initrd="" cmdline=""
launch sev "$name" --memory 256M && {
    finish
    check "$name: the kernel runs, and panics" grep -q 'panic' err
}

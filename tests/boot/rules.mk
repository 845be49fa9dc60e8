# SPDX-License-Identifier: Apache-2.0
# The recorder stands in for /dev/sev, and for KVM where it is about encryption.
$B/tests/boot/test_sev_recorder: override LDFLAGS += -Wl,@tests/boot/recorder.opts
$B/tests/boot/test_sev_recorder: $B/tests/boot/recorder.o tests/boot/recorder.opts

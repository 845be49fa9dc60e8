# SPDX-License-Identifier: Apache-2.0
# Programs that run inside the nested test machine.
PAYLOADS := $(B)/tests/boot/pause-linux-static $(B)/tests/boot/talk-static \
	$(B)/tests/boot/balloon-linux-static \
	$(B)/tests/guest/linux/vsock-peer \
	$(if $(filter aarch64,$(ARCH)),$(addprefix $(B)/tests/boot/realm-,isolation-static taken-static))
$(PAYLOADS): LDFLAGS += $(if $(SAN),,-static -Wl,--no-warnings)
$B/tests/boot/%-static: $B/tests/boot/%.o $B/libtvm.a
	$(LINK)
# Programs for guests; the host's end of a test may be the same one.
$B/tests/guest/linux/%: $B/tests/guest/linux/%.o
	$(LINK)
programs: $(PAYLOADS)

# The recorder stands in for /dev/sev, and for KVM where it is about encryption.
$B/tests/boot/test_sev_recorder: override LDFLAGS += -Wl,@tests/boot/recorder.opts
$B/tests/boot/test_sev_recorder: $B/tests/boot/recorder.o tests/boot/recorder.opts

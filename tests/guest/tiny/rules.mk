# SPDX-License-Identifier: Apache-2.0
# The tiny guests, of each NAME.c three files: NAME is an ELF file with the 64-bit entry,
# NAME-pvh one with a PVH note, NAME.bz a bzImage.
T      := $B/tests/guest/tiny
TINY   := $(if $(filter x86_64,$(ARCH)),$(filter-out tiny,\
	$(patsubst tests/guest/tiny/%.c,%,$(wildcard tests/guest/tiny/*.c))))
GUESTS := $(TINY:%=$T/%) $(TINY:%=$T/%-pvh) $(TINY:%=$T/%.bz)

TINY_CFLAGS := -std=gnu17 -O2 -g -I. -MMD -MP -ffreestanding -fno-pic -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes \
	$(if $(WERROR),-Werror)
TINY_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-T,tests/guest/tiny/tiny.ld
TINY_LINK = $(call quiet,LD ,$@)$(CC) $(TINY_LDFLAGS) -o $@ $(filter %.o,$^)

guests: $(GUESTS)

$T/%.o: tests/guest/tiny/%.c
	@mkdir -p $(@D)
	$(call quiet,CC ,$<)$(CC) $(TINY_CFLAGS) -c -o $@ $<

$T/%.o: tests/guest/tiny/%.S
	@mkdir -p $(@D)
	$(call quiet,AS ,$<)$(CC) $(TINY_CFLAGS) -c -o $@ $<

$T/start-pvh.o: tests/guest/tiny/start.S
	@mkdir -p $(@D)
	$(call quiet,AS ,$<)$(CC) $(TINY_CFLAGS) -DPVH -c -o $@ $<

$T/smp $T/smp-pvh: $T/ap.o

$(TINY:%=$T/%): $T/%: $T/start.o $T/tiny.o $T/%.o tests/guest/tiny/tiny.ld
	$(TINY_LINK)

$(TINY:%=$T/%-pvh): $T/%-pvh: $T/start-pvh.o $T/tiny.o $T/%.o tests/guest/tiny/tiny.ld
	$(TINY_LINK)

$T/%.flat: $T/%
	@objcopy -O binary $< $@

$T/%.bz: $T/%.flat tests/guest/tiny/bzimage.S
	$(call quiet,BZ ,$@)$(CC) -DGUEST='"$<"' -c -o $@.o tests/guest/tiny/bzimage.S && \
		objcopy -O binary -j .bzimage $@.o $@

.PHONY: guests
-include $(wildcard $T/*.d)

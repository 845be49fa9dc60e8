# SPDX-License-Identifier: Apache-2.0
# The tiny arm64 guests: of each NAME.c a raw Image NAME.
TA      := $B/tests/guest/tiny-arm64
TINY_ARM := $(if $(filter aarch64,$(ARCH)),$(filter-out %/tiny,\
	$(patsubst tests/guest/tiny-arm64/%.c,$(TA)/%,$(wildcard tests/guest/tiny-arm64/*.c))))

TINY_ARM_CFLAGS := -std=gnu17 -O2 -g -I. -MMD -MP -ffreestanding -fno-pic -mgeneral-regs-only \
	-mstrict-align -fno-stack-protector -fno-asynchronous-unwind-tables -mno-outline-atomics \
	-fno-tree-loop-distribute-patterns -Wall -Wextra -Wno-unused-parameter -Wstrict-prototypes \
	-Wmissing-prototypes \
	$(if $(WERROR),-Werror)

guests: $(TINY_ARM)

$(TA)/%.o: tests/guest/tiny-arm64/%.c
	@mkdir -p $(@D)
	$(call quiet,CC ,$<)$(CC) $(TINY_ARM_CFLAGS) -c -o $@ $<

$(TA)/start.o: tests/guest/tiny-arm64/start.S
	@mkdir -p $(@D)
	$(call quiet,AS ,$<)$(CC) -c -o $@ $<

$(TINY_ARM): $(TA)/%: $(TA)/start.o $(TA)/tiny.o $(TA)/%.o tests/guest/tiny-arm64/tiny.ld
	$(call quiet,LD ,$@)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,-T,tests/guest/tiny-arm64/tiny.ld -o $@.elf $(filter %.o,$^) && \
		$(if $(filter %gcc,$(CC)),$(CC:gcc=objcopy),objcopy) -O binary $@.elf $@

-include $(wildcard $(TA)/*.d)

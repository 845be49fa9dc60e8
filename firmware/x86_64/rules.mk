# SPDX-License-Identifier: Apache-2.0
# The boot firmware of x86_64 guests: $(FW_BIN), and an object of libtvm that holds it. The
# bytes depend on sources and compiler only. Included before the rule of libtvm.a.
.DEFAULT_GOAL := all
FW      := firmware/x86_64
FW_SIZE := 0x4000
FW_OUT  := $B/firmware/x86_64/guest
FW_BIN  := $B/firmware/tvm-fw-x86_64.bin
FW_SRCS := $(addprefix $(FW)/,main.c platform.c info.c kernel.c elf64.c hashes.c tables.c \
	sha256.c sha256_ni.c mem.c) arch/x86_64/acpi_tables.c arch/x86_64/aml.c
FW_OBJS := $(FW_OUT)/$(FW)/reset.o $(FW_SRCS:%.c=$(FW_OUT)/%.o)

# What the build machine tests; portable C.
FW_HOST := $(patsubst %,$B/$(FW)/%.o,info kernel elf64 hashes tables sha256 sha256_ni)
$(patsubst %.c,$B/%,$(wildcard tests/unit/test_fw_*.c)): $(FW_HOST)
$(patsubst tests/fuzz/fuzz_%.c,$B/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_fw_*.c)): \
	$(FW_HOST)
$(patsubst tests/fuzz/fuzz_%.c,$B/fuzz/%,$(wildcard tests/fuzz/fuzz_fw_*.c)): \
	$(filter-out %/main.c %/platform.c %/mem.c,$(filter $(FW)/%,$(FW_SRCS)))

$B/tests/firmware/mkinfo: $(FW_HOST)

ifeq ($(ARCH),x86_64)
OBJS += $B/$(FW)/embed.o

# To be run with B set, beside the programs: of the image, and booting it in an emulator.
FW_TESTS := $B/tests/firmware/image tests/firmware/emulator.sh
programs: $B/tests/firmware/image $B/tests/firmware/mkinfo $(FW_BIN)

# Addresses around 4 GiB, which no 32-bit displacement of the non-PIC model reaches; so -fpie,
# whose code is relative, linked at a fixed place. -fbuiltin: small copies without calls.
FW_CFLAGS := -std=gnu17 -Os -I. -MMD -MP -ffreestanding -fbuiltin -fpie -fvisibility=hidden \
	-m64 -march=x86-64 -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
	-fno-jump-tables -fcf-protection=none -fno-asynchronous-unwind-tables -fno-ident \
	-ffunction-sections -U_FORTIFY_SOURCE \
	-Wall -Wextra -Wshadow -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	$(if $(WERROR),-Werror)
FW_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,--defsym=FW_SIZE=$(FW_SIZE) \
	-Wl,-T,$(FW)/fw.ld -Wl,--gc-sections
FW_OBJCOPY ?= $(or $(patsubst %gcc,%objcopy,$(filter %-gcc,$(CC))),objcopy)

$(FW_OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC ,$<)$(CC) $(FW_CFLAGS) -c -o $@ $<

$(FW_OUT)/%.o: %.S
	@mkdir -p $(@D)
	$(call quiet,AS ,$<)$(CC) $(FW_CFLAGS) -c -o $@ $<

$(FW_OUT)/$(FW)/sha256.o: FW_CFLAGS += -O2
$(FW_OUT)/$(FW)/sha256_ni.o: FW_CFLAGS := $(filter-out -mgeneral-regs-only,$(FW_CFLAGS)) -O2

$(FW_OUT)/fw.elf: $(FW_OBJS) $(FW)/fw.ld $(FW)/rules.mk
	$(call quiet,LD ,$@)$(CC) $(FW_LDFLAGS) -o $@ $(filter %.o,$^)

$(FW_BIN): $(FW_OUT)/fw.elf
	@mkdir -p $(@D)
	$(call quiet,FW ,$@)$(FW_OBJCOPY) -O binary --gap-fill 0 $< $@

$B/$(FW)/embed.o: $(FW)/embed.S $(FW_BIN)
	@mkdir -p $(@D)
	$(call quiet,AS ,$<)$(CC) -DFW_IMAGE='"$(FW_BIN)"' -c -o $@ $<
endif

# SPDX-License-Identifier: Apache-2.0
# tvm: one Makefile, not recursive. Options are variables:
#   ARCH=aarch64 CC=aarch64-linux-gnu-gcc   build for another machine
#   SAN=address,undefined                   sanitizers, in a build directory of their own
#   TRACE=1  V=1  WERROR=1  prefix=/usr/local  DESTDIR=  FUZZ_TIME=60
ARCH    ?= $(shell uname -m)
comma   := ,
B       := build/$(ARCH)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(TRACE),-trace)
TEE     := $(if $(filter aarch64,$(ARCH)),virtcca,csv)
VERSION := 0.1.0
DIRS    := base vmm attest arch/$(ARCH) tee tee/soft tee/$(TEE) tee/$(TEE)/soft devices devices/pci devices/platform \
	devices/serial devices/virtio devices/virtio/9p firmware
SRCS    := $(sort $(wildcard $(addsuffix /*.c,$(DIRS))))
OBJS    := $(SRCS:%.c=$B/%.o)
prefix  ?= /usr/local
libdir  ?= $(prefix)/lib
mandir  ?= $(prefix)/share/man

CFLAGS  ?= -O2 -g
override CFLAGS += -std=gnu17 -D_GNU_SOURCE -DTVM_VERSION='"$(VERSION)"' -pthread -fPIC \
	-fvisibility=hidden -I. -Iinclude -MMD -MP -Wall -Wextra -Wshadow -Wvla -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
	$(if $(WERROR),-Werror) $(if $(TRACE),-DTVM_TRACE) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
PKGS    := json-c liburing libelf zlib libzstd libcrypto $(if $(filter aarch64,$(ARCH)),libfdt)
LIBS    := -ljson-c -luring -lelf -lz -lzstd -lcrypto $(if $(filter aarch64,$(ARCH)),-lfdt)
override LDFLAGS += -pthread $(if $(SAN),-fsanitize=$(SAN))
# Debian's libraries for the other machine; the cross compiler finds its own libc.
ifneq ($(ARCH),$(shell uname -m))
ifndef SYSROOT
SYSROOT := $(shell scripts/sysroot.sh $(ARCH))
endif
SYSLIB  := $(SYSROOT)/usr/lib/$(ARCH)-linux-gnu
ifeq ($(origin AR),default)
AR      := $(CC:gcc=ar)
endif
override CFLAGS += -isystem $(SYSROOT)/usr/include \
	-isystem $(SYSROOT)/usr/include/$(ARCH)-linux-gnu
override LDFLAGS += -L$(SYSLIB) -Wl,-rpath-link,$(SYSLIB)
endif
quiet    = $(if $V,,@echo "  $(1) $(2)";)
LINK     = $(call quiet,LD ,$@)$(CC) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS) $(LIBS)

CLI  := $(patsubst %.c,$B/%.o,$(wildcard cli/*.c))
# Soft platforms of the other architecture: pure code, made and tested everywhere.
OTHER := $(patsubst %.c,$B/%.o,$(filter-out $(SRCS),$(wildcard tee/*/soft/*.c)))
# The guest owner's tool makes soft platforms on any machine.
ATTEST := $(patsubst %.c,$B/%.o,cli/line.c cli/outfile.c $(wildcard cli/tvm-attest/*.c)) $(OTHER)
# Tests of the other architecture's code are left out.
UNIT := $(patsubst %.c,$B/%,$(filter-out $(if $(filter aarch64,$(ARCH)),\
	%/test_acpi.c $(addprefix tests/unit/test_,soft_%.c csv_%.c views.c),%/test_arm64_cpu.c \
	%/test_realm_guest.c),\
	$(wildcard tests/unit/test_*.c)))
# These come with tiny guests, which are for x86_64. test_isolation boots Linux: the group
# sev-isolation runs it.
ifeq ($(ARCH),x86_64)
BOOT := $(patsubst %.c,$B/%,$(filter-out %/test_isolation.c,$(wildcard tests/boot/test_*.c)))
FAULT := $(patsubst %.c,$B/%,$(wildcard tests/fault/test_*.c))
GUEST_TESTS := $B/tests/attest/psp $B/tests/boot/test_isolation
endif
FUZZ := $(filter-out $(if $(filter aarch64,$(ARCH)),soft_psp),\
	$(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
LINUX := $(patsubst tests/boot/linux/%.sh,%,$(filter-out %lib.sh,$(wildcard tests/boot/linux/*.sh)))
LINT := $(filter-out %/lib.sh,$(wildcard tests/lint/*.sh))

all: $B/libtvm.a $B/libtvm.so $B/tvm-run $B/tvm-run-static $B/tvm-attest \
	$B/tvm-attest-static $B/tvm.pc $B/examples/two-vms

$B/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC ,$<)$(CC) $(CFLAGS) -c -o $@ $<

include firmware/x86_64/rules.mk

$B/libtvm.a: $(OBJS)
	$(call quiet,AR ,$@)rm -f $@ && $(AR) rcs $@ $^

$B/libtvm.so: LDFLAGS += -shared -Wl,-soname,libtvm.so.0 -Wl,--version-script=libtvm.map
$B/libtvm.so: $(OBJS) libtvm.map
	$(LINK)

$B/tvm-run: $(CLI) $B/libtvm.a
	$(LINK)

# For places without the libraries: the nested test machine, rescue systems.
$B/tvm-run-static: LDFLAGS += $(if $(SAN),,-static -Wl,--no-warnings)
$B/tvm-run-static: $(CLI) $B/libtvm.a
	$(LINK)

$B/tvm-attest: $(ATTEST) $B/libtvm.a
	$(LINK)

$B/tvm-attest-static: LDFLAGS += $(if $(SAN),,-static -Wl,--no-warnings)
$B/tvm-attest-static: $(ATTEST) $B/libtvm.a
	$(LINK)

$B/examples/%: $B/examples/%.o $B/libtvm.a
	$(LINK)

$B/tvm.pc: tvm.pc.in Makefile
	@mkdir -p $(@D)
	@sed -e 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@version@|$(VERSION)|' \
		-e 's|@requires@|$(PKGS)|' $< >$@

# ---- Tests ------------------------------------------------------------------------------

TESTLIB := $(patsubst %.c,$B/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))) $(OTHER)
$B/tests/%: $B/tests/%.o $(TESTLIB) $B/libtvm.a
	$(LINK)

# These two calls are answered by the tests, which play the host's kernel.
$(addprefix $B/tests/unit/test_,vsock_vhost realm_hw virtcca): override LDFLAGS += -Wl,--wrap=open,--wrap=ioctl
$(addprefix $B/tests/unit/test_,arm64_cpu realm_guest): override LDFLAGS += -Wl,--wrap=ioctl

# A launch is compared with what its owner expects.
$B/tests/unit/test_virtcca: $(patsubst %,$B/cli/%.o,outfile tvm-attest/realm tvm-attest/file tvm-attest/args)

# The device tree of the aarch64 machine needs no such machine, nor do the views of realms
# and what is asked of KVM to launch one.
ifneq ($(ARCH),aarch64)
FDT_TESTS := $(addprefix $B/,tests/unit/test_fdt tests/fuzz/replay_fdt fuzz/fdt)
$(FDT_TESTS): LIBS += -lfdt
$B/tests/unit/test_fdt: $B/arch/aarch64/fdt.o $B/arch/aarch64/board.o
$B/tests/fuzz/replay_fdt: $B/arch/aarch64/fdt.o
$B/fuzz/fdt: arch/aarch64/fdt.c
$B/tests/unit/test_realm_views: $B/tee/virtcca/views.o
$B/tests/unit/test_realm_hw $B/tests/unit/test_virtcca: $(patsubst %,$B/tee/virtcca/%.o,abi hw parts virtcca)
endif

include tests/guest/tiny/rules.mk
include tests/guest/tiny-arm64/rules.mk
include tests/guest/fs/rules.mk
include tests/fault/rules.mk
include tests/unit/vhost/rules.mk
include tests/boot/rules.mk

# The corpus of each fuzz target, replayed; the fuzzers themselves need clang.
$B/tests/fuzz/replay_%: tests/fuzz/replay.c $B/tests/fuzz/fuzz_%.o $(TESTLIB) $B/libtvm.a
	$(call quiet,LD ,$@)$(CC) $(CFLAGS) -DCORPUS='"tests/fuzz/corpus/$*"' -o $@ \
		$(filter %.c %.o,$^) $(filter %.a,$^) $(LDFLAGS) $(LIBS)

$B/fuzz/%: tests/fuzz/fuzz_%.c $(SRCS) $(OTHER:$B/%.o=%.c) $(filter %/embed.o,$(OBJS))
	@mkdir -p $(@D)
	$(call quiet,FUZZ,$*)clang $(filter-out -MMD -MP,$(CFLAGS)) -w -g -O1 \
		-fsanitize=fuzzer,address,undefined -o $@ $(filter %.c %.o,$^) \
		$(wildcard tests/unit/driver*.c) $(LIBS)

fuzz: $(FUZZ:%=$B/fuzz/%)
	@for f in $(FUZZ); do echo "== $$f"; mkdir -p build/corpus/$$f; $B/fuzz/$$f -verbosity=0 \
		-print_final_stats=1 -max_total_time=$(or $(FUZZ_TIME),60) -rss_limit_mb=4096 \
		build/corpus/$$f tests/fuzz/corpus/$$f || exit 1; done

# Benchmarks of devices, without KVM. The script "start" builds measure itself.
BENCH := $(patsubst %.c,$B/%,$(filter-out %/measure.c,$(wildcard tests/bench/*.c)))

PROGRAMS := $(UNIT) $(FAULT) $(FUZZ:%=$B/tests/fuzz/replay_%) $(BOOT)
programs: all $(PROGRAMS) $(BENCH) $(GUEST_TESTS) $B/tests/attest/realm guests

SANITIZED := address,undefined
TSAN      := loop bus uart primecell views virtq virtq_notify virtq_packed \
	virtio virtio_pci virtio_mmio virtio_reset \
	chardev chardev_peer console console_ports rng balloon \
	blk blk_io blk_ranges blk_queues blk_bad \
	net net_wire net_tap net_mq net_vhost \
	vsock vsock_host vsock_bad vsock_vhost \
	9p 9p_fs 9p_escape 9p_now 9p_pool 9p_random
sub        = build/$(ARCH)-$(subst $(comma),-,$(1))
check: deps-test
	@$(MAKE) --no-print-directory programs WERROR=1
	@$(MAKE) --no-print-directory programs SAN=$(SANITIZED)
	@$(MAKE) --no-print-directory SAN=thread $(patsubst %,build/$(ARCH)-thread/tests/unit/test_%,\
		$(filter $(TSAN),$(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))))
	@$(MAKE) --no-print-directory ARCH=aarch64 CC=aarch64-linux-gnu-gcc programs WERROR=1
	@B=$B tests/run.sh --timeout 1800 --logs build/logs $(LINT) $(PROGRAMS) \
		$(EMULATED:%="tests/emulated.sh %") \
		$(patsubst $B/%,$(call sub,$(SANITIZED))/%,$(PROGRAMS)) \
		$(patsubst %,build/$(ARCH)-thread/tests/unit/test_%,$(filter $(TSAN),\
			$(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c)))) \
		$(FW_TESTS) tests/attest/crosscheck.sh tests/attest/cli.sh tests/attest/cca.sh tests/attest/validate.sh \
		tests/boot/guests.sh tests/boot/cli.sh tests/boot/dtb.sh tests/boot/tamper.sh tests/boot/sev-validate.sh \
		$(if $(QUICK),,--jobs 2 $(LINUX:%="tests/boot/linux.sh %"))

# Tests that an emulated processor is no obstacle to: the others take minutes there, or need
# system calls that the emulator lacks.
EMULATED := $(patsubst tests/unit/%.c,build/aarch64/tests/unit/%,$(filter-out \
	$(addprefix tests/unit/test_,9p%.c acpi.c attest_%.c blk%.c csv_%.c net_%.c rmm%.c soft_%.c \
	unpack.c views.c virtio_pci.c),$(wildcard tests/unit/test_*.c)))

lint: all
	@B=$B tests/run.sh $(LINT)

bench: all guests $(BENCH)
	@B=$B tests/bench/start
	@B=$B tests/bench/confidential
	@B=$B tests/bench/guest
	@$(MAKE) --no-print-directory ARCH=aarch64 CC=$(if $(filter aarch64,$(ARCH)),$(CC),aarch64-linux-gnu-gcc) \
		build/aarch64/tvm-run-static
	@tests/bench/realm || [ $$? = 77 ]
	@for b in $(BENCH); do $$b || exit 1; done

# ---- For people -------------------------------------------------------------------------

deps-%:
	@scripts/deps.sh $*

run: deps-build deps-run
	@$(MAKE) --no-print-directory all
	@B=$B scripts/demo.sh

install: all
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/include \
		$(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(mandir)/man1
	install -m 755 $B/tvm-run $B/tvm-attest $(DESTDIR)$(prefix)/bin
	install -m 644 include/tvm.h $(DESTDIR)$(prefix)/include
	$(if $(FW_BIN),install -Dm 644 $(FW_BIN) $(DESTDIR)$(prefix)/share/tvm/$(notdir $(FW_BIN)))
	install -m 644 $B/libtvm.a $(DESTDIR)$(libdir)
	install -m 755 $B/libtvm.so $(DESTDIR)$(libdir)/libtvm.so.0
	ln -sf libtvm.so.0 $(DESTDIR)$(libdir)/libtvm.so
	install -m 644 $B/tvm.pc $(DESTDIR)$(libdir)/pkgconfig
	install -m 644 docs/man/tvm-run.1 docs/man/tvm-attest.1 $(DESTDIR)$(mandir)/man1

uninstall:
	rm -f $(DESTDIR)$(prefix)/bin/tvm-run $(DESTDIR)$(prefix)/bin/tvm-attest \
		$(DESTDIR)$(prefix)/include/tvm.h \
		$(DESTDIR)$(libdir)/libtvm.a $(DESTDIR)$(libdir)/libtvm.so* \
		$(DESTDIR)$(libdir)/pkgconfig/tvm.pc $(DESTDIR)$(mandir)/man1/tvm-run.1 \
		$(DESTDIR)$(mandir)/man1/tvm-attest.1
	rm -rf $(DESTDIR)$(prefix)/share/tvm

clean:
	rm -rf build

.PHONY: all check lint fuzz bench run install uninstall clean programs guests
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)

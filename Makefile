# SPDX-License-Identifier: Apache-2.0
# tvm: one Makefile, not recursive. Options are variables:
#   ARCH=aarch64 CC=aarch64-linux-gnu-gcc   build for another machine
#   SAN=address,undefined                   sanitizers, in a build directory of their own
#   TRACE=1  V=1  WERROR=1  prefix=/usr/local  DESTDIR=
ARCH    ?= $(shell uname -m)
comma   := ,
B       := build/$(ARCH)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(TRACE),-trace)
TEE     := $(if $(filter aarch64,$(ARCH)),virtcca,csv)
VERSION := 0.1.0
DIRS    := base vmm arch/$(ARCH) tee tee/$(TEE) devices devices/pci devices/platform devices/serial \
	devices/virtio firmware
SRCS    := $(sort $(wildcard $(addsuffix /*.c,$(DIRS))))
OBJS    := $(SRCS:%.c=$B/%.o)
prefix  ?= /usr/local
libdir  ?= $(prefix)/lib

CFLAGS  ?= -O2 -g
override CFLAGS += -std=gnu17 -D_GNU_SOURCE -DTVM_VERSION='"$(VERSION)"' -pthread -fPIC \
	-fvisibility=hidden -I. -Iinclude -MMD -MP -Wall -Wextra -Wshadow -Wvla -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
	$(if $(WERROR),-Werror) $(if $(TRACE),-DTVM_TRACE) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
PKGS    := json-c liburing libelf
LIBS    := -ljson-c -luring -lelf -lz
override LDFLAGS += -pthread $(if $(SAN),-fsanitize=$(SAN))
quiet    = $(if $V,,@echo "  $(1) $(2)";)

all: $B/libtvm.a $B/libtvm.so $B/tvm-run $B/tvm-run-static $B/tvm.pc

$B/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC ,$<)$(CC) $(CFLAGS) -c -o $@ $<

$B/libtvm.a: $(OBJS)
	$(call quiet,AR ,$@)rm -f $@ && $(AR) rcs $@ $^

$B/libtvm.so: $(OBJS) libtvm.map
	$(call quiet,LD ,$@)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libtvm.so.0 \
		-Wl,--version-script=libtvm.map $(if $(SAN),,-Wl,--no-undefined) -o $@ $(OBJS) $(LIBS)

CLI := $(patsubst %.c,$B/%.o,$(wildcard cli/*.c))
$B/tvm-run: $(CLI) $B/libtvm.a
	$(call quiet,LD ,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# For machines without the libraries: the nested test machine, initramfs rescue systems.
$B/tvm-run-static: $(CLI) $B/libtvm.a
	$(call quiet,LD ,$@)$(CC) $(LDFLAGS) $(if $(SAN),,-static) -o $@ $^ $(LIBS)

UNIT := $(patsubst %.c,$B/%,$(wildcard tests/unit/test_*.c))
$B/tests/unit/%: $B/tests/unit/%.o $B/libtvm.a
	$(call quiet,LD ,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

unit: $(UNIT)

clean:
	rm -rf build

.PHONY: all unit clean
.SECONDARY:
-include $(OBJS:.o=.d) $(UNIT:=.d)

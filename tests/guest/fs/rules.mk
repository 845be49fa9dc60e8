# SPDX-License-Identifier: Apache-2.0
# File system tests for a guest: fstest-static. The unit test plays the random work, too.
$B/tests/unit/test_9p_random: $(addprefix $B/tests/guest/fs/,random.o posix.o)

FSTEST := $(patsubst %.c,$B/%.o,$(wildcard tests/guest/fs/*.c))
$B/tests/guest/fs/fstest-static: LDFLAGS += $(if $(SAN),,-static -Wl,--no-warnings)
$B/tests/guest/fs/fstest-static: $(FSTEST)
	$(LINK)
programs: $B/tests/guest/fs/fstest-static

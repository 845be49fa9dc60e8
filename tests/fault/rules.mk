# SPDX-License-Identifier: Apache-2.0
# The wrappers stand in for calls of every object that is linked here.
$(FAULT): override LDFLAGS += -Wl,@tests/fault/wrap.opts
$(FAULT): $B/tests/fault/wrap.o tests/fault/wrap.opts

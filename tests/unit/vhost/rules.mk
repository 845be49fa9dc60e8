# SPDX-License-Identifier: Apache-2.0
# Tests on a played host: host.c stands in for calls of every object that is linked here.
PLAYED := $(addprefix $B/tests/unit/test_,net_mq net_vhost)
$(PLAYED): override LDFLAGS += -Wl,@tests/unit/vhost/host.opts
$(PLAYED): $B/tests/unit/vhost/host.o tests/unit/vhost/host.opts

/* SPDX-License-Identifier: Apache-2.0 */
/* virtCCA on a played kernel (test_realm_hw.h): configuration, layout, order, refusals. */
#include "tests/unit/test_realm_hw.h"

static void check_layout(void)
{
	uint8_t want[624] = { 0 }, ranges[48] = { 0 };

	le_store(want, 8, RAM);			/* loader_start */
	le_store(want + 8, 8, RAM + 0x2000);	/* image_end */
	le_store(want + 16, 8, RAM + 0x200000);	/* initrd_start */
	le_store(want + 24, 8, RAM + 0x211000);	/* dtb_end */
	le_store(want + 32, 8, MIB(16));
	le_store(want + 40, 8, 1);		/* node 0: ... */
	le_store(want + 56, 8, RAM);
	le_store(want + 64, 8, MIB(16));
	le_store(want + 88, 8, 3);		/* both vCPUs */
	CHECK(!memcmp(k.data[0], want, sizeof(want)));
	le_store(ranges, 8, RAM);
	le_store(ranges + 8, 8, 0x2000);
	le_store(ranges + 16, 8, RAM + 0x200000);
	le_store(ranges + 24, 8, 0x11000);
	le_store(ranges + 32, 4, 1);
	CHECK(!memcmp(k.data[1], ranges, sizeof(ranges)));
}

static void test_virtcca_launch(void)
{
	setup(VIRTCCA, &virtcca_ops);
	CHECK_INT(tvm_config_set(vm.cfg, "tee", "virtcca", &err), 0);
	CHECK_INT(launch(), 0);
	CHECK_INT(k.vm_type, 0x128);
	check_trace("config 1=0; config 2=1; create; slot; layout; populate; vcpu 8; vcpu 8; "
		"activate; ");
	check_layout();
	CHECK_HAS(logged, "virtcca_cvm_guest=1");
	CHECK_INT(vm.kvm.shared_bit, 0);
	CHECK_INT(gmem_alias(vm.gmem), 0);	/* shared pages stay where they are */
	CHECK(virtcca_ops.confidential);	/* and devices are told to use them */
	CHECK_INT(vm.tee->measurement(&vm, NULL, &err), -EOPNOTSUPP);
	teardown();
}

static void test_virtcca_configuration(void)
{
	uint8_t want[260] = { 0 };

	setup(VIRTCCA, &virtcca_ops);
	vm.cfg->tee.hash = TEE_HASH_SHA512;
	vm.cfg->cpu.sve = CPU_FEATURE_OFF;
	vm.cfg->cpu.pmu = CPU_FEATURE_ON;
	CHECK_INT(tvm_config_set(vm.cfg, "cmdline", "virtcca_cvm_guest=1", &err), 0);
	CHECK_INT(create(), 0);
	check_trace("config 1=1; config 4=1; create; slot; ");
	le_store(want, 4, 4);
	le_store(want + 4, 4, 1);
	CHECK(!memcmp(k.last, want, sizeof(want)));
	CHECK(!logged[0]);
	teardown();
}

/* Contents that reach the end of memory, or that are in one piece. */
static void test_virtcca_ranges(void)
{
	setup(VIRTCCA, &virtcca_ops);
	REQUIRE(!create());
	CHECK_INT(vm.tee->finalize(&vm, &err), -EINVAL);
	CHECK_INT(gmem_populate(vm.gmem, RAM, "kernel", 6, &err), 0);
	CHECK_INT(gmem_populate(vm.gmem, RAM + PAGE, "fdt", 3, &err), 0);
	CHECK_INT(vm.tee->finalize(&vm, &err), 0);
	CHECK_INT(le_load(k.data[1] + 8, 8), PAGE);
	CHECK_INT(le_load(k.data[1] + 16, 8), RAM + PAGE);
	CHECK_INT(le_load(k.data[1] + 24, 8), PAGE);
	teardown();
}

static void test_virtcca_failures(void)
{
	static const char *const done[] = { "config 1=0; ", "config 1=0; config 2=1; create; ",
		"config 1=0; config 2=1; create; slot; layout; populate; ",
		"config 1=0; config 2=1; create; slot; layout; populate; vcpu 8; vcpu 8; "
		"activate; " };

	for (unsigned int i = 0; i < ARRAY_SIZE(done); i++) {
		setup(VIRTCCA, &virtcca_ops);
		k.fail = i + 1;
		k.error = EBUSY;
		CHECK_INT(launch(), -EBUSY);
		CHECK_HAS(err.msg, "tee: virtCCA: ");
		check_trace(done[i]);
		teardown();
	}
	setup(VIRTCCA, &virtcca_ops);
	k.fail = NR_USER_DATA;
	k.error = EINVAL;
	CHECK_INT(launch(), -EINVAL);
	CHECK_HAS(err.msg, "layout of memory");
	teardown();
	setup(VIRTCCA, &virtcca_ops);
	k.fail = NR_FINALIZE;
	k.error = EPERM;
	CHECK_INT(launch(), -EPERM);
	CHECK_HAS(err.msg, "vCPU 0");
	CHECK(!strstr(k.trace, "activate"));
	teardown();
}

static void test_virtcca_none(void)
{
	setup(PLAIN, &virtcca_ops);
	check_refused(-ENODEV, "no virtCCA");
	CHECK_HAS(err.msg, "platform=soft");
	setup(V15, &virtcca_ops);
	check_refused(-ENODEV, "no virtCCA");
	setup(VIRTCCA, &virtcca_ops);
	vm.cfg->tee.platform = TEE_PLATFORM_SOFT;
	check_refused(-EOPNOTSUPP, "--tee cca,platform=soft");
	setup(VIRTCCA, &virtcca_ops);
	vm.cfg->memory = MIB(17);
	check_refused(-EINVAL, "multiple of 2M");
	setup(VIRTCCA, &virtcca_ops);
	vm.cfg->memory = 1ULL << 50;
	check_refused(-E2BIG, "48 bits");
	CHECK_INT(k.probes, 0);
}

int main(void)
{
	RUN(test_virtcca_launch);
	RUN(test_virtcca_configuration);
	RUN(test_virtcca_ranges);
	RUN(test_virtcca_failures);
	RUN(test_virtcca_none);
	return tests_done();
}

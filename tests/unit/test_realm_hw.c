/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm CCA on hardware, on a played kernel (test_realm_hw.h): which of the interfaces is found, and
 * for each of them the calls of a launch and of memory that changes hands.
 */
#include "tests/unit/test_realm_hw.h"

#include "tee/virtcca/abi.h"

static const struct {
	enum host host;
	unsigned long type;
	const char *name;
} series[] = {
	{ V12, 0x121, "v12" },
	{ V13, 0x121, "v13" },
	{ V14, 0x40000021, "v14" },
	{ V15, 0x40000021, "v15" },
};

static void check_slot(void)
{
	const struct gmem_slot *s = gmem_slot(vm.gmem, 0);
	uint8_t want[160] = { 0 };

	le_store(want + 4, 4, 4);
	le_store(want + 8, 8, RAM);
	le_store(want + 16, 8, MIB(16));
	le_store(want + 24, 8, (uintptr_t)s->hva);
	le_store(want + 40, 4, (uint32_t)k.gmem_fd);
	CHECK(!memcmp(k.last, want, sizeof(want)));
	CHECK_INT(gmem_alias(vm.gmem), SHARED);
	CHECK_INT(vm.kvm.shared_bit, 0);	/* KVM takes it off addresses itself */
}

/* In the realm, and nowhere else. */
static void check_contents(void)
{
	uint8_t page[PAGE], none[PAGE] = { 0 };

	CHECK_INT(pread(k.gmem_fd, page, PAGE, 0x200000), PAGE);
	CHECK(page[99] == 0x5a && !page[100]);
	CHECK_INT(pread(k.gmem_fd, page, PAGE, 0x1000), PAGE);
	CHECK(page[5009 - PAGE] == 0x5a && !page[5010 - PAGE]);
	for (uint64_t at = 0; at < MIB(3); at += PAGE)
		CHECK(!memcmp(gmem_host(vm.gmem, RAM + at, PAGE), none, PAGE));
}

static void test_cca_launch(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(series); i++) {
		char want[1024];

		setup(series[i].host, &cca_hw_ops);
		k.stops = 3;
		if (launch() < 0)
			printf("# %s: %s\n", series[i].name, err.msg);
		REQUIRE(gmem_nr_slots(vm.gmem) && !err.msg[0]);
		CHECK_INT(k.vm_type, series[i].type);
		CHECK_HAS(logged, series[i].name);
		snprintf(want, sizeof(want), "gmem 1000000; slot2; %s"
			"populate 80000000+2000 flags 1; populate 80001000+1000 flags 1; "
			"populate 80200000+1000 flags 1; populate 80210000+1000 flags 1; ",
			series[i].host == V15 ? "" : "attributes 80000000+1000000=8; ");
		check_trace(want);
		check_slot();
		check_contents();
		CHECK_INT(vm.tee->measurement(&vm, NULL, &err), -EOPNOTSUPP);
		teardown();
	}
}

static void fault(uint64_t flags, uint64_t gpa, uint64_t size, struct kvm_run *run)
{
	uint8_t *at = (uint8_t *)run + 32;	/* api.rst: the union of struct kvm_run */

	memset(run, 0, sizeof(*run));
	run->exit_reason = 39;
	le_store(at, 8, flags);
	le_store(at + 8, 8, gpa);
	le_store(at + 16, 8, size);
	vcpus[0].run = run;
	k.trace[0] = 0;
}

static void test_cca_conversion(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(series); i++) {
		bool told = series[i].host != V15;
		struct kvm_run run;
		uint8_t byte = 0x77;

		setup(series[i].host, &cca_hw_ops);
		REQUIRE(!launch());
		/* Shared: what the realm had there is gone. */
		fault(0, RAM + 0x200000, PAGE, &run);
		CHECK(vm.tee->vcpu_fault(&vcpus[0]));
		check_trace(told ? "attributes 80200000+1000=0; " : "");
		CHECK(pread(k.gmem_fd, &byte, 1, 0x200000) == 1 && !byte);
		/* Private again: what was shared is gone. */
		CHECK_INT(gmem_write(vm.gmem, (RAM + 0x200000) | SHARED, "x", 1), 0);
		fault(8, (RAM + 0x200000) | SHARED, PAGE, &run);
		CHECK(vm.tee->vcpu_fault(&vcpus[0]));
		check_trace(told ? "attributes 80200000+1000=8; " : "");
		CHECK_INT(*gmem_host(vm.gmem, RAM + 0x200000, 1), 0);
		CHECK(pread(k.gmem_fd, &byte, 1, 0) == 1 && byte == 0x5a);
		run.exit_reason = KVM_EXIT_MMIO;
		CHECK(!vm.tee->vcpu_fault(&vcpus[0]));
		CHECK(!vm.run.quit);
		/* Not memory: the machine ends. */
		fault(8, RAM + MIB(16) - PAGE, 2 * PAGE, &run);
		CHECK(vm.tee->vcpu_fault(&vcpus[0]));
		check_trace("");
		CHECK(vm.run.quit && strstr(vm.run.exit.msg, "change hands"));
		teardown();
	}
}

static void test_cca_failures(void)
{
	static const unsigned long calls[] = { NR_CREATE_GMEM, NR_REGION2, NR_ATTRIBUTES };

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		setup(V14, &cca_hw_ops);
		k.fail = calls[i];
		k.error = ENOMEM;
		CHECK_INT(launch(), -ENOMEM);
		CHECK_HAS(err.msg, "tee: ");
		CHECK(!strstr(k.trace, "populate"));
		teardown();
	}
	/* A kernel that does nothing is not asked for ever. */
	for (unsigned int i = 0; i < ARRAY_SIZE(series); i++) {
		setup(series[i].host, &cca_hw_ops);
		k.stuck = true;
		CHECK_INT(launch(), -EPROTO);
		CHECK_HAS(err.msg, "initial contents of the realm at 0x80000000");
		teardown();
	}
}

static void test_cca_none(void)
{
	/* 240 means nested guests there, which is not what we ask for. */
	setup(PLAIN, &cca_hw_ops);
	check_refused(-ENODEV, "no realms");
	CHECK_HAS(err.msg, "RME");
	CHECK_HAS(err.msg, "platform=soft");
	setup(V11, &cca_hw_ops);
	check_refused(-EOPNOTSUPP, "older interface or a vendor's");
	CHECK_HAS(err.msg, "platform=soft");
	setup(VIRTCCA, &cca_hw_ops);
	check_refused(-EOPNOTSUPP, "older interface or a vendor's");
	setup(V15, &cca_hw_ops);
	k.no_conversion = true;
	check_refused(-EOPNOTSUPP, "kvm.gmem_in_place_conversion=1");
}

static void test_cca_capability(void)
{
	const struct realm_abi *abi = NULL;

	/* A vendor's number: not found, told by the kernel, given by the user. */
	setup(V14, &cca_hw_ops);
	k.cap = 901;
	check_refused(-EOPNOTSUPP, "KVM_CAP_ARM_RMI, 249");
	setup(V14, &cca_hw_ops);
	k.cap = 901;
	k.told = "901\n";
	CHECK_INT(probe(), 0);
	CHECK_INT(type, 0x40000021);
	k.told = "902\n";
	CHECK_INT(realm_abi_detect(&vm.kvm, 33, 0, &abi, &err), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "902");
	CHECK(!abi);
	CHECK_INT(realm_abi_detect(&vm.kvm, 33, 901, &abi, &err), 0);
	CHECK(abi && !strcmp(abi->name, "v14"));
	CHECK_INT(realm_abi_told("/nonexistent"), 0);
	teardown();
	setup(V14, &cca_hw_ops);
	k.cap = 901;
	CHECK_INT(tvm_config_set(vm.cfg, "tee", "cca,rmi-cap=901", &err), 0);
	CHECK_INT(probe(), 0);
	teardown();
}

static void test_cca_options(void)
{
	setup(V15, &cca_hw_ops);
	vm.cfg->tee.hash = TEE_HASH_SHA512;
	check_refused(-EOPNOTSUPP, "rpv and hash");
	setup(V15, &cca_hw_ops);
	vm.cfg->gmem.pages = GMEM_PAGES_HUGE2M;
	check_refused(-EINVAL, "pages: ");
	setup(V15, &cca_hw_ops);
	vm.cfg->memory = 1ULL << 50;
	check_refused(-E2BIG, "--memory");
	CHECK_INT(k.probes, 0);
}

/* The tables of kinds are the architecture's. */
static void test_kinds(void)
{
	const struct tee_ops *cca = tee_find("cca", NULL);

	if (!cca)
		SKIP("no realms on this architecture");
	CHECK(tee_find("virtcca", NULL) == &virtcca_ops);
	setup(V15, cca);
	CHECK_INT(probe(), 0);
	CHECK(vm.tee == &cca_hw_ops);
	teardown();
	setup(PLAIN, cca);
	check_refused(-ENODEV, "platform=soft");
}

int main(void)
{
	RUN(test_cca_launch);
	RUN(test_cca_conversion);
	RUN(test_cca_failures);
	RUN(test_cca_none);
	RUN(test_cca_capability);
	RUN(test_cca_options);
	RUN(test_kinds);
	return tests_done();
}

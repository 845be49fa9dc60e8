/* SPDX-License-Identifier: Apache-2.0 */
/* virtCCA on a played kernel (test_realm_hw.h): configuration, layout, order, refusals. */
#include <stdarg.h>

#include "attest/rim.h"
#include "cli/tvm-attest/realm.h"
#include "tests/unit/test_realm_hw.h"

enum status fail(enum status status, const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return status;
}

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

/* ---- What is measured, and what its owner expects ---------------------------------------- */

#define KERNEL_LEN 20000
#define KERNEL_SPACE 0x300000
#define DTB (RAM + 0x400000)	/* the next 2 MiB */
#define INITRD (DTB + 0x10000)

static uint8_t kernel[KERNEL_LEN], initrd[9001], dtb[3000];
static char paths[3][64];	/* files of these, for the owner */

static void make_file(char path[64], const char *name, const void *bytes, size_t len)
{
	int fd;

	snprintf(path, 64, "/tmp/tvm-virtcca-%s.XXXXXX", name);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void make_files(void)
{
	for (unsigned int i = 0; i < sizeof(kernel); i++)
		kernel[i] = (uint8_t)(i * 31 + i / 256);
	le_store(kernel + 8, 8, 0);		/* text_offset, image_size, flags, magic */
	le_store(kernel + 16, 8, KERNEL_SPACE);
	le_store(kernel + 24, 8, 0xa);
	memcpy(kernel + 56, "ARM\x64", 4);
	memset(initrd, 0x33, sizeof(initrd));
	memset(dtb, 0xd0, sizeof(dtb));
	make_file(paths[0], "kernel", kernel, sizeof(kernel));
	make_file(paths[1], "initrd", initrd, sizeof(initrd));
	make_file(paths[2], "dtb", dtb, sizeof(dtb));
}

/* What a monitor makes of the calls: parameters, each page of both ranges, each vCPU. */
static void monitor(uint8_t out[RIM_MAX])
{
	struct rim_params params = {
		.s2sz = (uint8_t)k.vm_type,
		.flags = (k.cfg[2] ? RIM_F_SVE : 0) | (k.cfg[4] ? RIM_F_PMU : 0),
		.sve_vl = (uint8_t)k.cfg[2],
		.pmu_num_ctrs = (uint8_t)k.cfg[4],
		.hash = k.cfg[1] ? RIM_SHA512 : RIM_SHA256,
	};
	/* As arch/aarch64/boot.c leaves it; the others wait. */
	struct rim_rec tec = { .gprs = { DTB }, .pc = RAM, .runnable = true };
	const uint8_t *ram = gmem_slot(vm.gmem, 0)->hva;
	struct rim rim;

	REQUIRE(!rim_create(&rim, &params));
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t at = le_load(k.data[1] + 16 * i, 8);
		uint64_t end = at + le_load(k.data[1] + 16 * i + 8, 8);

		for (; at < end; at += PAGE)
			REQUIRE(!rim_data(&rim, at, ram + (at - RAM)));
	}
	for (unsigned int i = 0; i < k.tecs; i++) {
		REQUIRE(!rim_tec(&rim, &tec));
		tec = (struct rim_rec){ 0 };
	}
	memcpy(out, rim.value, RIM_MAX);
}

static void check_expected(struct realm_opts *o, bool with_initrd)
{
	static struct realm realm;
	const char *names[] = { paths[1] };
	uint8_t got[RIM_MAX];

	REQUIRE(!create());
	vm.nr_vcpus = o->vcpus.given ? o->vcpus.value : 1;
	REQUIRE(!gmem_populate(vm.gmem, RAM, kernel, sizeof(kernel), &err));
	if (with_initrd) {
		REQUIRE(!gmem_populate(vm.gmem, INITRD, initrd, sizeof(initrd), &err));
		o->initrds.items = names;
		o->initrds.nr = 1;
	}
	REQUIRE(!gmem_populate(vm.gmem, DTB, dtb, sizeof(dtb), &err));
	REQUIRE(!vm.tee->finalize(&vm, &err));
	monitor(got);
	o->tee = "virtcca";
	o->kernel = paths[0];
	o->dtb = paths[2];
	o->memory = (struct arg_addr){ .given = true, .value = MIB(16) };
	memset(&realm, 0, sizeof(realm));
	REQUIRE(realm_measure(&realm, o) == STATUS_OK);
	CHECK_INT(realm.dtb_ipa, DTB);
	CHECK(!memcmp(got, realm.rim, RIM_MAX));
	realm_close(&realm);
	teardown();
}

/* What `tvm-attest measure --tee virtcca` computes is what this launch measures. */
static void test_virtcca_expected(void)
{
	struct realm_opts plain = { 0 }, alone = { 0 };
	struct realm_opts more = {
		.hash = "sha512",
		.vcpus = { .given = true, .value = 2 },
		.sve_vl = { .given = true },
		.pmu_counters = { .given = true, .value = 1 },
	};

	make_files();
	setup(VIRTCCA, &virtcca_ops);
	check_expected(&plain, true);
	setup(VIRTCCA, &virtcca_ops);
	check_expected(&alone, false);
	setup(VIRTCCA, &virtcca_ops);
	vm.cfg->tee.hash = TEE_HASH_SHA512;
	vm.cfg->cpu.sve = CPU_FEATURE_OFF;
	vm.cfg->cpu.pmu = CPU_FEATURE_ON;
	check_expected(&more, true);
	for (unsigned int i = 0; i < 3; i++)
		unlink(paths[i]);
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
	vm.cfg->memory = 1ULL << 50;
	check_refused(-E2BIG, "48 bits");
	CHECK_INT(k.probes, 0);
}

int main(void)
{
	RUN(test_virtcca_launch);
	RUN(test_virtcca_configuration);
	RUN(test_virtcca_ranges);
	RUN(test_virtcca_expected);
	RUN(test_virtcca_failures);
	RUN(test_virtcca_none);
	return tests_done();
}

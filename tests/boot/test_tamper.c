/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tamper table: whatever the host or somebody on the way changes is refused, each thing
 * with its own words. Most of it happens before the guest runs; for the firmware's own
 * refusals a tiny guest is started behind it. Both algorithm sets.
 */
#include <errno.h>

#include "firmware/x86_64/fw_abi.h"
#include "tee/csv/csv.h"
#include "tests/boot/owner.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define GUID "e6f5a162-d67f-4750-a67c-5d065f2a9910"
#define CMDLINE "end=poweroff and some words"
#define INITRD "/proc/self/exe"		/* any file */

static bool csv;
static bool firmware_runs;		/* found out by the first test */
static bool firmware_must_run;

static const uint8_t *fw_image(size_t *len)
{
	*len = (size_t)(fw_x86_64_end - fw_x86_64_start);
	return fw_x86_64_start;
}

static struct tvm_config *guest_config(const struct owner *o, const char *extra)
{
	struct tvm_config *cfg = config("hello", CMDLINE);

	set(cfg, "memory", "32M");
	set(cfg, "initrd", INITRD);
	owner_set_tee(o, cfg, extra);
	return cfg;
}

/* A machine at "measured" for a new owner. */
static struct tvm_vm *measured(struct owner *o, struct tvm_measurement *m)
{
	struct tvm_vm *vm;

	if (!owner_init(o, csv, OWNER_POLICY, false)) {
		tests.this_failed = true;
		return NULL;
	}
	vm = prepare(guest_config(o, ""));
	m->size = sizeof(*m);
	if (vm)
		CHECK_INT(tvm_measurement(vm, m, &last_error), 0);
	return vm;
}

/* A second one for the same owner. */
static struct tvm_vm *measured_again(const struct owner *o, struct tvm_measurement *m)
{
	struct tvm_vm *vm = prepare(guest_config(o, ""));

	m->size = sizeof(*m);
	if (vm)
		CHECK_INT(tvm_measurement(vm, m, &last_error), 0);
	return vm;
}

static int expected(const struct owner *o, const uint8_t *fw, const char *kernel,
	const char *initrd, const char *cmdline, uint8_t digest[32])
{
	char path[512];
	size_t len;
	const uint8_t *image = fw_image(&len);

	snprintf(path, sizeof(path), "%s/%s", guests, kernel);
	return owner_digest(o, fw ? fw : image, len, path, initrd, cmdline, digest);
}

/* ---- The measurement ------------------------------------------------------------------ */

/* What all others differ from by one thing. */
static void test_nothing_changed(void)
{
	struct tvm_measurement m;
	struct owner_packet p;
	struct tvm_exit end = { 0 };
	uint8_t digest[32];
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm);
	CHECK_INT(expected(&o, NULL, "hello", INITRD, CMDLINE, digest), 0);
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), 0);
	CHECK(m.soft);
	REQUIRE(owner_seal(&o, &m, GUID, "to be kept", &p));
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header), p.bytes, p.len, 0,
		&last_error), 0);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	firmware_runs = !tvm_wait(vm, 20000, &end) && end.reason == TVM_EXIT_POWEROFF;
	if (!firmware_runs) /* a KVM in software may lack instructions */
		printf("# the firmware's guest does not run here: %d %s\n", end.reason, end.msg);
	CHECK(firmware_runs || !firmware_must_run);
	tvm_free(vm);
	owner_fini(&o);
}

/* The host measured something else than the owner expects. */
static void test_other_contents(void)
{
	size_t len;
	const uint8_t *image = fw_image(&len);
	uint8_t digest[32], *fw = malloc(len);
	struct tvm_measurement m;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm && fw);
	CHECK_INT(expected(&o, NULL, "hello.bz", INITRD, CMDLINE, digest), 0);
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
	CHECK_INT(expected(&o, NULL, "hello", NULL, CMDLINE, digest), 0);
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
	CHECK_INT(expected(&o, NULL, "hello", INITRD, CMDLINE " ", digest), 0);
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
	for (size_t at = 0; at < len; at += len / 4 - 1) {
		memcpy(fw, image, len);
		fw[at] ^= 1;
		CHECK_INT(expected(&o, fw, "hello", INITRD, CMDLINE, digest), 0);
		CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
	}
	CHECK_INT(expected(&o, NULL, "hello", INITRD, CMDLINE, digest), 0);
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY | SEV_POLICY_NOSEND, digest), -EBADMSG);
	m.api_minor++;
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
	m.api_minor--;
	m.build++;
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
	m.build--;
	CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), 0);
	free(fw);
	tvm_free(vm);
	owner_fini(&o);
}

/* Every bit of the blob counts; a nonce or key of another launch does not do. */
static void test_measurement_bits(void)
{
	struct tvm_measurement m, other;
	uint8_t digest[32];
	struct owner o, stranger;
	struct tvm_vm *vm = measured(&o, &m), *vm2;

	REQUIRE(vm);
	vm2 = measured_again(&o, &other);
	REQUIRE(vm2);
	CHECK_INT(expected(&o, NULL, "hello", INITRD, CMDLINE, digest), 0);
	for (unsigned int bit = 0; bit < m.blob_len * 8; bit++) {
		m.blob[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_INT(owner_verify(&o, &m, OWNER_POLICY, digest), -EBADMSG);
		m.blob[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK_INT(owner_verify(&o, &other, OWNER_POLICY, digest), 0);
	CHECK(memcmp(m.blob, other.blob, 32) != 0);
	memcpy(other.blob + 32, m.blob + 32, 16);
	CHECK_INT(owner_verify(&o, &other, OWNER_POLICY, digest), -EBADMSG);

	REQUIRE(owner_init(&stranger, csv, OWNER_POLICY, false));
	CHECK_INT(owner_verify(&stranger, &m, OWNER_POLICY, digest), -EBADMSG);
	tvm_free(vm);
	tvm_free(vm2);
	owner_fini(&o);
	owner_fini(&stranger);
}

/* ---- The session ---------------------------------------------------------------------- */

static void refused(struct tvm_config *cfg, int code, const char *what, const char *status)
{
	struct tvm_vm *vm = NULL;

	last_error.msg[0] = 0;
	CHECK_INT(tvm_prepare(cfg, NULL, &vm, &last_error), code);
	CHECK_HAS(last_error.msg, what);
	CHECK_HAS(last_error.msg, status);
	tvm_config_free(cfg);
	tvm_free(vm);
}

static void test_session_mac(void)
{
	static const size_t offsets[2][4] = {
		{ offsetof(struct sev_session, wrap_mac), offsetof(struct sev_session, wrap_tk),
		  offsetof(struct sev_session, policy_mac), offsetof(struct sev_session, nonce) },
		{ offsetof(struct csv_session, wrap_mac), offsetof(struct csv_session, wrap_tk),
		  offsetof(struct csv_session, session_mac), offsetof(struct csv_session, nonce) },
	};
	const size_t *at = offsets[csv];
	struct owner o;

	REQUIRE(owner_init(&o, csv, OWNER_POLICY, false));
	for (unsigned int i = 0; i < 4; i++) {
		o.session.bytes[at[i]] ^= 0x80;
		owner_write(&o);
		refused(guest_config(&o, ""), -EKEYREJECTED, "LAUNCH_START", "BAD_MEASUREMENT");
		o.session.bytes[at[i]] ^= 0x80;
	}
	/* A length is no matter of keys. */
	o.session_len--;
	owner_write(&o);
	refused(guest_config(&o, ""), -EIO, "LAUNCH_START", "INVALID_LEN");
	owner_fini(&o);
}

static void test_dh_cert(void)
{
	struct owner o, other;

	REQUIRE(owner_init(&o, csv, OWNER_POLICY, false));
	REQUIRE(owner_init(&other, csv, OWNER_POLICY, false));
	o.godh.usage = le32_make(SEV_USAGE_PEK);
	owner_write(&o);
	refused(guest_config(&o, ""), -EKEYREJECTED, "LAUNCH_START", "INVALID_CERTIFICATE");
	/* No point of the curve. */
	o.godh.usage = le32_make(SEV_USAGE_PDH);
	o.godh.pubkey.qx[0] ^= 1;
	owner_write(&o);
	refused(guest_config(&o, ""), -EKEYREJECTED, "LAUNCH_START", "INVALID_CERTIFICATE");
	/* Another one's, which is right in itself. */
	o.godh = other.godh;
	owner_write(&o);
	refused(guest_config(&o, ""), -EKEYREJECTED, "LAUNCH_START", "BAD_MEASUREMENT");
	owner_fini(&o);
	owner_fini(&other);
}

/* The session of one platform on another one. */
static void test_other_platform(void)
{
	struct owner o, other;

	REQUIRE(owner_init(&o, csv, OWNER_POLICY, false));
	REQUIRE(owner_init(&other, csv, OWNER_POLICY, true));
	o.godh = other.godh;
	o.session = other.session;
	owner_write(&o);
	refused(guest_config(&o, ""), -EKEYREJECTED, "LAUNCH_START", "BAD_MEASUREMENT");
	owner_fini(&o);
	owner_fini(&other);
}

static void test_policy(void)
{
	struct owner o;

	REQUIRE(owner_init(&o, csv, OWNER_POLICY, false));
	/* Not the one that the session is for. */
	refused(guest_config(&o, ",policy=0"), -EKEYREJECTED, "LAUNCH_START", "BAD_MEASUREMENT");
	refused(guest_config(&o, ",policy=3"), -EKEYREJECTED, "LAUNCH_START", "BAD_MEASUREMENT");
	/* Asks for a firmware that this is not. */
	refused(guest_config(&o, ",policy=0xff0001"), -EKEYREJECTED, "LAUNCH_START",
		"POLICY_FAILURE");
	/* Another kind of guest. */
	refused(guest_config(&o, ",policy=5"), -EINVAL, "ES bit", "");
	owner_fini(&o);
}

/* ---- The secret ----------------------------------------------------------------------- */

static int inject(struct tvm_vm *vm, const struct owner_packet *p, uint64_t gpa)
{
	last_error.msg[0] = 0;
	return tvm_inject_secret(vm, &p->header, sizeof(p->header), p->bytes, p->len, gpa,
		&last_error);
}

static void test_secret_bits(void)
{
	struct owner_packet p, spoilt;
	struct tvm_measurement m;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm && owner_seal(&o, &m, GUID, "a secret", &p));
	/* IV and MAC, then the ciphertext. */
	for (unsigned int bit = 32; bit < (sizeof(p.header) + p.len) * 8; bit += 7) {
		unsigned int byte = bit / 8;

		spoilt = p;
		if (byte < sizeof(p.header))
			((uint8_t *)&spoilt.header)[byte] ^= (uint8_t)(1 << bit % 8);
		else
			spoilt.bytes[byte - sizeof(p.header)] ^= (uint8_t)(1 << bit % 8);
		CHECK_INT(inject(vm, &spoilt, 0), -EKEYREJECTED);
		CHECK_HAS(last_error.msg, "BAD_MEASUREMENT");
	}
	/* Compressed: under the MAC, but not understood in the first place. */
	spoilt = p;
	spoilt.header.flags = le32_make(1);
	CHECK(inject(vm, &spoilt, 0) < 0);
	CHECK_HAS(last_error.msg, "UNSUPPORTED");
	/* Cut or extended by a block. */
	spoilt = p;
	spoilt.len -= 16;
	CHECK_INT(inject(vm, &spoilt, 0), -EKEYREJECTED);
	spoilt.len += 32;
	CHECK_INT(inject(vm, &spoilt, 0), -EKEYREJECTED);
	/* And none of it has spoilt the launch. */
	CHECK_INT(inject(vm, &p, 0), 0);
	tvm_free(vm);
	owner_fini(&o);
}

static void test_secret_replayed(void)
{
	struct tvm_measurement m, m2;
	struct owner_packet p, p2;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m), *vm2;

	REQUIRE(vm && owner_seal(&o, &m, GUID, "once", &p));
	CHECK_INT(inject(vm, &p, 0), 0);
	CHECK_INT(inject(vm, &p, 0), -EKEYREJECTED);
	CHECK_HAS(last_error.msg, "SECURE_DATA_INVALID");
	CHECK_HAS(last_error.msg, "used before");
	CHECK(inject(vm, &p, 0x5000) < 0);
	CHECK_HAS(last_error.msg, "SECURE_DATA_INVALID");
	/* The same secret in a packet of its own is no replay. */
	REQUIRE(owner_seal(&o, &m, GUID, "once", &p2));
	CHECK_INT(inject(vm, &p2, 0), 0);
	/* In another launch of the same image, by the same owner. */
	vm2 = measured_again(&o, &m2);
	REQUIRE(vm2);
	CHECK_INT(inject(vm2, &p, 0), -EKEYREJECTED);
	CHECK_HAS(last_error.msg, "BAD_MEASUREMENT");
	tvm_free(vm);
	tvm_free(vm2);
	owner_fini(&o);
}

static void test_secret_keys(void)
{
	struct tvm_measurement m;
	struct owner_packet p;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm);
	o.tk.tik[0] ^= 1;
	REQUIRE(owner_seal(&o, &m, GUID, "wrong TIK", &p));
	CHECK_INT(inject(vm, &p, 0), -EKEYREJECTED);
	CHECK_HAS(last_error.msg, "BAD_MEASUREMENT");
	o.tk.tik[0] ^= 1;
	REQUIRE(owner_seal(&o, &m, GUID, "right TIK", &p));
	CHECK_INT(inject(vm, &p, 0), 0);
	tvm_free(vm);
	owner_fini(&o);
}

static void test_secret_place(void)
{
	static uint8_t big[SEV_SECRET_MAX + 16];
	struct tvm_measurement m;
	struct owner_packet p;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm && owner_seal(&o, &m, GUID, "a secret", &p));
	/* Outside of RAM: behind it, between it and the firmware, at the end of the world. */
	CHECK_INT(inject(vm, &p, 32 << 20), -EINVAL);
	CHECK_HAS(last_error.msg, "guest memory");
	CHECK_INT(inject(vm, &p, 0xc0000000), -EINVAL);
	CHECK_INT(inject(vm, &p, ~0xfull), -EINVAL);
	CHECK_INT(inject(vm, &p, (32 << 20) - 16), -EINVAL);
	/* Not on 16 bytes; over a page's end. */
	CHECK_INT(inject(vm, &p, 0xf0008), -EINVAL);
	CHECK_HAS(last_error.msg, "16-byte aligned");
	CHECK_INT(inject(vm, &p, 0xf0ff0), -EINVAL);
	/* Lengths. */
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header), big, sizeof(big), 0,
		&last_error), -EINVAL);
	CHECK_HAS(last_error.msg, "has room for");
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header), big, 8192, 0, &last_error),
		-EINVAL);
	CHECK_HAS(last_error.msg, "has room for");
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header), p.bytes, p.len - 1, 0,
		&last_error), -EINVAL);
	CHECK_HAS(last_error.msg, "multiples of 16");
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header), p.bytes, 0, 0, &last_error),
		-EINVAL);
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header) - 1, p.bytes, p.len, 0,
		&last_error), -EINVAL);
	CHECK_HAS(last_error.msg, "header");
	CHECK_INT(inject(vm, &p, 0), 0);
	tvm_free(vm);
	owner_fini(&o);
}

/* ---- The order of things -------------------------------------------------------------- */

static int command(struct tvm_vm *vm, enum sev_guest_cmd id, void *data, uint32_t *status)
{
	struct csv *c = csv_of(vm_of(vm)->tee_state);

	*status = 0;
	return c->backend.ops->op(c->backend.ctx, id, data, status);
}

static uint32_t state(struct tvm_vm *vm)
{
	struct sev_guest_status st = { 0 };
	uint32_t status;

	CHECK_INT(command(vm, SEV_CMD_GUEST_STATUS, &st, &status), 0);
	return st.state;
}

/* The processor refuses; the guest's state is what it was. */
static void check_refused(struct tvm_vm *vm, enum sev_guest_cmd id, void *data,
	enum sev_status wanted)
{
	uint32_t before = state(vm), status;

	CHECK_INT(command(vm, id, data, &status), -EIO);
	CHECK_INT(status, wanted);
	CHECK_INT(state(vm), before);
}

static void test_order(void)
{
	uint8_t blob[48];
	struct sev_launch_measure measure = { .uaddr = (uintptr_t)blob, .len = sizeof(blob) };
	struct sev_launch_update_data data = { .len = 16 };
	struct sev_launch_secret secret;
	struct sev_launch_start again = { .policy = OWNER_POLICY };
	struct tvm_measurement m;
	struct owner_packet p;
	uint32_t status;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm && owner_seal(&o, &m, GUID, "late", &p));
	data.uaddr = (uintptr_t)gmem_host(vm_of(vm)->gmem, 0x8000, 16);
	secret = (struct sev_launch_secret){ .hdr_uaddr = (uintptr_t)&p.header,
		.hdr_len = sizeof(p.header), .guest_uaddr = data.uaddr,
		.guest_len = (uint32_t)p.len, .trans_uaddr = (uintptr_t)p.bytes,
		.trans_len = (uint32_t)p.len };

	/* Measured: nothing more goes in, no second measurement. */
	CHECK_INT(state(vm), SEV_GSTATE_LSECRET);
	check_refused(vm, SEV_CMD_LAUNCH_UPDATE_DATA, &data, SEV_RET_INVALID_GUEST_STATE);
	check_refused(vm, SEV_CMD_LAUNCH_MEASURE, &measure, SEV_RET_INVALID_GUEST_STATE);
	CHECK_INT(gmem_populate(vm_of(vm)->gmem, 0x8000, blob, 16, &last_error), -EBUSY);
	CHECK(command(vm, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL, &status) < 0);
	CHECK(command(vm, SEV_CMD_LAUNCH_START, &again, &status) < 0);
	CHECK(command(vm, SEV_CMD_INIT, NULL, &status) < 0);
	CHECK_INT(state(vm), SEV_GSTATE_LSECRET);

	/* Running (paused, so that the guest does not end meanwhile): no more secrets. */
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(state(vm), SEV_GSTATE_RUNNING);
	check_refused(vm, SEV_CMD_LAUNCH_SECRET, &secret, SEV_RET_INVALID_GUEST_STATE);
	check_refused(vm, SEV_CMD_LAUNCH_FINISH, NULL, SEV_RET_INVALID_GUEST_STATE);
	check_refused(vm, SEV_CMD_LAUNCH_UPDATE_DATA, &data, SEV_RET_INVALID_GUEST_STATE);
	check_refused(vm, SEV_CMD_LAUNCH_MEASURE, &measure, SEV_RET_INVALID_GUEST_STATE);
	CHECK_INT(inject(vm, &p, 0), -EBUSY);
	CHECK_HAS(last_error.msg, "between the measurement and the start");
	CHECK_INT(tvm_start(vm, &last_error), -EALREADY);
	CHECK_INT(tvm_reset(vm, &last_error), -EOPNOTSUPP);
	CHECK_HAS(last_error.msg, "launched twice");
	tvm_free(vm);
	owner_fini(&o);
}

/* Debugging is what the policy forbids. */
static void test_debug(void)
{
	uint8_t page[4096] __attribute__((aligned(4096)));
	struct tvm_measurement m;
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);
	struct sev_dbg dbg = { .dst_uaddr = (uintptr_t)page, .len = 16 };

	REQUIRE(vm);
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	dbg.src_uaddr = (uintptr_t)gmem_host(vm_of(vm)->gmem, 0x8000, 16);
	check_refused(vm, SEV_CMD_DBG_DECRYPT, &dbg, SEV_RET_POLICY_FAILURE);
	dbg.dst_uaddr = dbg.src_uaddr;
	dbg.src_uaddr = (uintptr_t)page;
	check_refused(vm, SEV_CMD_DBG_ENCRYPT, &dbg, SEV_RET_POLICY_FAILURE);
	tvm_free(vm);
	owner_fini(&o);
}

/* ---- The firmware --------------------------------------------------------------------- */

/* What is spoilt, after everything was hashed and measured, and before the guest runs. */
enum spoil { SPOIL_KERNEL, SPOIL_INITRD, SPOIL_CMDLINE, SPOIL_MAGIC, SPOIL_PLACE, SPOIL_TABLE,
	SPOIL_TABLE_HASH, SPOIL_NO_TABLE };

static void spoil(struct tvm_vm *handle, enum spoil what)
{
	struct vm *vm = vm_of(handle);
	struct soft_views *views = csv_of(vm->tee_state)->views;
	struct fw_boot_info *info = (void *)gmem_host(vm->gmem, FW_BOOT_INFO_GPA, sizeof(*info));
	uint8_t *table = gmem_host(vm->gmem, FW_HASHES_GPA, SEV_HASHES_LEN), *byte = NULL;
	static const uint8_t zeros[SEV_HASHES_LEN];
	static const uint8_t one = 1;

	switch (what) {
	case SPOIL_KERNEL:
		byte = gmem_host(vm->gmem, le64_get(info->kernel_gpa) +
			le64_get(info->kernel_size) - 1, 1);
		break;
	case SPOIL_INITRD:
		byte = gmem_host(vm->gmem, le64_get(info->initrd_gpa) + 4096, 1);
		break;
	case SPOIL_CMDLINE:
		byte = gmem_host(vm->gmem, le64_get(info->cmdline_gpa) + 4, 1);
		break;
	case SPOIL_MAGIC:
		byte = (uint8_t *)info;
		break;
	case SPOIL_PLACE:
		info->kernel_gpa = le64_make(0x3fffff000);
		return;
	case SPOIL_TABLE:
		soft_views_write_private(views, (uintptr_t)table, &one, 1);
		return;
	case SPOIL_TABLE_HASH:
		/* Behind table and entry headers: the command line's, GUID, length. */
		soft_views_write_private(views, (uintptr_t)table + 18 + 18 + 31, &one, 1);
		return;
	case SPOIL_NO_TABLE:
		soft_views_write_private(views, (uintptr_t)table, zeros, sizeof(zeros));
		return;
	}
	*byte ^= 1;
}

static void firmware_refuses(enum spoil what, const char *text)
{
	struct tvm_measurement m;
	struct tvm_exit end = { 0 };
	struct owner o;
	struct tvm_vm *vm = measured(&o, &m);

	REQUIRE(vm);
	spoil(vm, what);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_REFUSED);
	CHECK_HAS(end.msg, text);
	tvm_free(vm);
	owner_fini(&o);
}

static void test_firmware_refuses(void)
{
	if (!firmware_runs)
		SKIP("no firmware guest on this KVM");
	firmware_refuses(SPOIL_KERNEL, "kernel hash differs from the measured one");
	firmware_refuses(SPOIL_INITRD, "initrd hash differs from the measured one");
	firmware_refuses(SPOIL_CMDLINE, "command line hash differs from the measured one");
	firmware_refuses(SPOIL_TABLE, "hash table is damaged");
	firmware_refuses(SPOIL_TABLE_HASH, "command line hash differs from the measured one");
	firmware_refuses(SPOIL_NO_TABLE, "no kernel hashes were measured");
	firmware_refuses(SPOIL_MAGIC, "no boot information");
	firmware_refuses(SPOIL_PLACE, "staged files outside of RAM");
}

/* kernel-hashes=off: nothing ties the kernel to the measurement, so none is booted. */
static void test_no_hashes(void)
{
	struct tvm_exit end = { 0 };
	struct tvm_vm *vm;
	struct owner o;

	if (!firmware_runs)
		SKIP("no firmware guest on this KVM");
	REQUIRE(owner_init(&o, csv, OWNER_POLICY, false));
	vm = launch(guest_config(&o, ",kernel-hashes=off"));
	REQUIRE(vm);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_REFUSED);
	CHECK_HAS(end.msg, "no kernel hashes were measured");
	tvm_free(vm);
	owner_fini(&o);
}

/*
 * `test_tamper firmware` is what needs a KVM that runs the firmware and nothing else: emulated
 * hosts are slow.
 */
int main(int argc, char **argv)
{
	bool all = argc < 2;

	if (cannot_run())
		return 0;
	firmware_must_run = !all;
	for (int i = 0; i < 2; i++) {
		csv = i;
		printf("# algorithms of %s\n", csv ? "csv" : "sev");
		RUN_LIMITED(test_nothing_changed);
		if (all) {
			RUN_LIMITED(test_other_contents);
			RUN_LIMITED(test_measurement_bits);
			RUN_LIMITED(test_session_mac);
			RUN_LIMITED(test_dh_cert);
			RUN_LIMITED(test_other_platform);
			RUN_LIMITED(test_policy);
			RUN_LIMITED(test_secret_bits);
			RUN_LIMITED(test_secret_replayed);
			RUN_LIMITED(test_secret_keys);
			RUN_LIMITED(test_secret_place);
			RUN_LIMITED(test_order);
			RUN_LIMITED(test_debug);
		}
		RUN_LIMITED(test_firmware_refuses);
		RUN_LIMITED(test_no_hashes);
	}
	owner_forget_platforms();
	return tests_done();
}

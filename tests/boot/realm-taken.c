/* SPDX-License-Identifier: Apache-2.0 */
/*
 * realm-taken GUEST
 *
 * The host takes a page of a running realm away, as RMI_DATA_DESTROY allows it, and tells the
 * guest, which is tests/guest/tiny-arm64/taken.c and says what it finds. This machine goes on.
 * The group arm-realm-calls runs it and compares the guest's words.
 */
#include "tee/virtcca/cca.h"
#include "tests/boot/vm.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define PAGE 4096

/* The end of memory that KVM maps and its state in the realm manager, both on this side. */
static void take(struct tvm_vm *handle, uint64_t meeting, uint64_t page)
{
	struct gmem *gm = ((struct vm *)handle)->gmem;
	struct cca *cca = cca_of(((struct vm *)handle)->tee_state);
	const uint32_t turn = 1;
	uint8_t byte;

	pthread_rwlock_wrlock(&cca->lock);
	CHECK_INT(rmm_data_destroy(cca->rmm, page), 0);
	CHECK_INT(realm_views_convert(cca->views, page, PAGE, true), 0);
	pthread_rwlock_unlock(&cca->lock);
	/* It is not the devices' for that. */
	CHECK_INT(gmem_read(gm, page, &byte, 1), -EFAULT);
	CHECK_INT(gmem_write(gm, meeting, &turn, sizeof(turn)), 0);
}

static const char *guest;

static void test_taken(void)
{
	char serial[] = "/tmp/serial.XXXXXX", text[64], all[4096];
	struct tvm_config *cfg = tvm_config_new();
	struct tvm_exit end = { 0 };
	uint64_t meeting = 0, page = 0;
	struct tvm_vm *vm;
	char *line = NULL, *json = NULL;
	int fd = mkstemp(serial);

	REQUIRE(fd >= 0);
	set(cfg, "kernel", guest);
	set(cfg, "memory", "16M");
	set(cfg, "tee", "cca,platform=soft");
	snprintf(text, sizeof(text), "file=%s", serial);
	set(cfg, "serial", text);
	vm = launch(cfg);
	REQUIRE(vm);
	for (int i = 0; i < PATIENCE_MS / 20 && !line; i++) {
		ssize_t n = pread(fd, all, sizeof(all) - 1, 0);

		all[n < 0 ? 0 : n] = 0;
		line = strstr(all, "realm: meet at ");
		line = line && strchr(line, '\n') ? line : NULL;
		usleep(20000);
	}
	REQUIRE(line);
	REQUIRE(sscanf(line, "realm: meet at %lx about %lx", &meeting, &page) == 2);
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	take(vm, meeting, page);
	CHECK_INT(tvm_resume(vm, &last_error), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_POWEROFF);
	CHECK_INT(tvm_metrics(vm, &json), 0);
	CHECK_HAS(json ? json : "", "\"violations\":{\"mmio\":0,\"memory\":3}");
	free(json);
	tvm_free(vm);
	for (ssize_t n; (n = read(fd, all, sizeof(all))) > 0; )
		fwrite(all, 1, (size_t)n, stdout);
	close(fd);
	unlink(serial);
}

int main(int argc, char **argv)
{
	if (argc < 2 || !tvm_has("kvm")) {
		puts("1..0 # SKIP needs a guest and /dev/kvm");
		return 0;
	}
	guest = argv[1];
	RUN(test_taken);
	return tests_done();
}

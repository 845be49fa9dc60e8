/* SPDX-License-Identifier: Apache-2.0 */
/*
 * realm-isolation KERNEL INITRD CPUS
 *
 * Is a realm's memory its own? A Linux guest keeps one text in its memory and writes another one
 * to a disk; the first must be found in what the realm protects and nowhere that devices reach,
 * the second in what they reach, which shows that the search finds things. The group
 * arm-isolation runs it.
 */
#include <sys/mman.h>

#include "tee/virtcca/cca.h"
#include "tests/boot/marker.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define BOOT_MS 240000
#define PAGE 4096

static char **args;

static unsigned int count_page(const uint8_t *page, const char *text)
{
	size_t len = strlen(text);
	const uint8_t *at = page;
	unsigned int n = 0;

	while ((at = memmem(at, (size_t)(page + PAGE - at), text, len))) {
		at += len;
		n++;
	}
	return n;
}

/* What was found of the texts, and pages. */
struct found {
	uint64_t kept, sent, initrd, pages;
};

static void count(struct found *f, const uint8_t *page, const struct marker *m)
{
	f->kept += count_page(page, m->kept);
	f->sent += count_page(page, m->sent);
	f->initrd += count_page(page, "case_marker()");
	f->pages++;
}

/*
 * Private: the protected half. View: what the device view gives, page by page. Backing: all of
 * the memory behind it, where vhost's tables point, for example; stray: pages there with
 * anything in them that the realm does not share now.
 */
static void search(struct tvm_vm *handle, const struct marker *m, struct found *private,
	struct found *view, struct found *backing, uint64_t *stray)
{
	struct gmem *gm = ((struct vm *)handle)->gmem;
	struct cca *cca = cca_of(((struct vm *)handle)->tee_state);
	static uint8_t page[PAGE];

	for (unsigned int i = 0; i < gmem_nr_slots(gm); i++) {
		const struct gmem_slot *s = gmem_slot(gm, i);
		off_t data = 0;

		for (uint64_t gpa = s->gpa; gpa < s->gpa + s->size; gpa += PAGE) {
			bool shared = !gmem_read(gm, gpa, page, PAGE);

			CHECK_INT(shared, rmm_is_shared(cca->rmm, gpa, PAGE));
			if (shared)
				count(view, page, m);
			if (!shared && !realm_views_read(cca->views, gpa, page, PAGE))
				count(private, page, m);
		}
		while ((data = lseek(s->fd, data, SEEK_DATA)) >= 0) {
			count(backing, s->hva + data, m);
			*stray += !page_is_zero(s->hva + data) &&
				!rmm_is_shared(cca->rmm, s->gpa + (uint64_t)data, PAGE);
			data += PAGE;
		}
	}
}

static struct tvm_config *linux_config(const char *dir, const char *tag)
{
	struct tvm_config *cfg = tvm_config_new();
	char text[256];
	FILE *f;

	set(cfg, "kernel", args[1]);
	set(cfg, "initrd", args[2]);
	set(cfg, "cpus", args[3]);
	set(cfg, "memory", "384M");
	set(cfg, "tee", "cca,platform=soft");
	snprintf(text, sizeof(text), "console=ttyS0 quiet panic=-1 swiotlb=4096 tvm.case=marker "
		"tvm.tag=%s", tag);
	set(cfg, "cmdline", text);
	snprintf(text, sizeof(text), "file=%s/serial", dir);
	set(cfg, "serial", text);
	snprintf(text, sizeof(text), "%s/disk", dir);
	f = fopen(text, "we");
	if (!f || ftruncate(fileno(f), 8 << 20))
		abort();
	fclose(f);
	set(cfg, "disk", text);
	return cfg;
}

static void test_realm_isolation(void)
{
	struct found private = { 0 }, view = { 0 }, backing = { 0 };
	char dir[] = "/tmp/realm.XXXXXX", serial[64];
	struct marker marker;
	struct tvm_vm *vm;
	uint64_t stray = 0;

	REQUIRE(mkdtemp(dir));
	snprintf(serial, sizeof(serial), "%s/serial", dir);
	marker_init(&marker);
	vm = launch(linux_config(dir, marker.tag));
	REQUIRE(vm);
	REQUIRE(marker_ready(vm, serial, BOOT_MS));
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	search(vm, &marker, &private, &view, &backing, &stray);
	printf("# kept: private %llu, device view %llu, behind it %llu; sent: %llu, %llu, %llu\n",
		(unsigned long long)private.kept, (unsigned long long)view.kept,
		(unsigned long long)backing.kept, (unsigned long long)private.sent,
		(unsigned long long)view.sent, (unsigned long long)backing.sent);
	CHECK(private.kept >= 1000);
	CHECK_INT(view.kept, 0);
	CHECK_INT(backing.kept, 0);
	CHECK(view.sent >= 100);
	CHECK(backing.sent >= view.sent);
	/* The boot code had the initrd in the memory of devices, in plain text. */
	CHECK(private.initrd >= 1);
	CHECK_INT(view.initrd, 0);
	CHECK_INT(backing.initrd, 0);
	CHECK_INT(stray, 0);
	/* 8 MiB of bounce buffers, and rings. */
	printf("# %llu pages are shared\n", (unsigned long long)view.pages);
	CHECK(view.pages >= 2048 && view.pages < 4096);
	tvm_free(vm);
	unlink(serial);
	snprintf(serial, sizeof(serial), "%s/disk", dir);
	unlink(serial);
	CHECK_INT(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
	args = argv;
	if (argc < 4 || !tvm_has("kvm")) {
		puts("1..0 # SKIP needs a kernel, an initrd, a number of vCPUs and /dev/kvm");
		return 0;
	}
	RUN(test_realm_isolation);
	return tests_done();
}

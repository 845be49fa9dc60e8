/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_isolation KERNEL INITRD
 *
 * Is private memory private? A Linux guest keeps one text in its memory and writes another one
 * to a disk; the first, and the launch secret, must be found in the private backing and nowhere
 * else, the second in what devices reach, which shows that the search finds things. The
 * initrd is that of tests/guest/linux; the group sev-isolation runs it.
 */
#include <sys/mman.h>

#include "tee/csv/csv.h"
#include "tests/boot/marker.h"
#include "tests/boot/owner.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define GUID "736869e5-84f0-4973-92ec-06879ce3da0b"
#define BOOT_MS 110000

static const char *kernel, *initrd;
static bool csv;
static unsigned int cpus;

static uint64_t count(struct tvm_vm *vm, bool is_private, const char *text)
{
	struct csv *c = csv_of(((struct vm *)vm)->tee_state);

	return soft_views_count(c->views, is_private, text, strlen(text));
}

/*
 * Pages of RAM in the devices' backing with anything in them that the guest does not share now:
 * what was shared before must have been cleared. Launch code left noise where it measured.
 */
static unsigned int stray_pages(struct tvm_vm *handle)
{
	struct gmem *gm = ((struct vm *)handle)->gmem;
	struct csv *c = csv_of(((struct vm *)handle)->tee_state);
	unsigned int n = 0;

	for (unsigned int i = 0; i < gmem_nr_slots(gm); i++) {
		const struct gmem_slot *s = gmem_slot(gm, i);
		off_t data = 0;

		while (!s->rom && (data = lseek(s->fd, data, SEEK_DATA)) >= 0) {
			uint64_t gpa = s->gpa + (uint64_t)data;

			if (!page_is_zero(s->hva + data) &&
			    !soft_views_shared(c->views, gpa, 4096) &&
			    gpa != (FW_HASHES_GPA & ~0xfffull)) {
				if (n < 5)
					printf("# stray page at 0x%llx\n", (unsigned long long)gpa);
				n++;
			}
			data += 4096;
		}
	}
	return n;
}

static struct tvm_config *linux_config(const struct owner *o, const char *tag)
{
	struct tvm_config *cfg = tvm_config_new();
	char text[256];

	set(cfg, "kernel", kernel);
	set(cfg, "initrd", initrd);
	set(cfg, "memory", "256M");
	snprintf(text, sizeof(text), "%u", cpus);
	set(cfg, "cpus", text);
	snprintf(text, sizeof(text), "console=ttyS0 quiet panic=-1 efi=noruntime tvm.case=marker "
		"tvm.tag=%s", tag);
	set(cfg, "cmdline", text);
	snprintf(text, sizeof(text), "file=%s", owner_path(o, "serial"));
	set(cfg, "serial", text);
	set(cfg, "disk", owner_path(o, "disk"));
	owner_set_tee(o, cfg, "");
	return cfg;
}

static void test_isolation(void)
{
	char secret[64], serial[128], *json = NULL;
	struct marker marker;
	struct tvm_measurement m = { .size = sizeof(m) };
	struct owner_packet p;
	struct soft_views_stats st;
	struct tvm_vm *vm;
	struct owner o;
	FILE *f;

	REQUIRE(owner_init(&o, csv, OWNER_POLICY, false));
	marker_init(&marker);
	snprintf(secret, sizeof(secret), "secret of launch %s", marker.tag);
	snprintf(serial, sizeof(serial), "%s", owner_path(&o, "serial"));
	f = fopen(owner_path(&o, "disk"), "we");
	REQUIRE(f && !ftruncate(fileno(f), 8 << 20));
	fclose(f);

	vm = prepare(linux_config(&o, marker.tag));
	REQUIRE(vm);
	CHECK_INT(tvm_measurement(vm, &m, &last_error), 0);
	REQUIRE(owner_seal(&o, &m, GUID, secret, &p));
	CHECK_INT(tvm_inject_secret(vm, &p.header, sizeof(p.header), p.bytes, p.len, 0,
		&last_error), 0);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	REQUIRE(marker_ready(vm, serial, BOOT_MS));
	CHECK_INT(tvm_pause(vm, &last_error), 0);

	printf("# kept: private %llu, shared %llu; sent: private %llu, shared %llu\n",
		(unsigned long long)count(vm, true, marker.kept),
		(unsigned long long)count(vm, false, marker.kept),
		(unsigned long long)count(vm, true, marker.sent),
		(unsigned long long)count(vm, false, marker.sent));
	CHECK(count(vm, true, marker.kept) >= 1000);
	CHECK_INT(count(vm, false, marker.kept), 0);
	CHECK(count(vm, false, marker.sent) >= 100);
	CHECK(count(vm, true, secret) >= 1);
	CHECK_INT(count(vm, false, secret), 0);
	/* The initrd was staged in shared memory, in plain text. */
	CHECK(count(vm, true, "case_marker()") >= 1);
	CHECK_INT(count(vm, false, "case_marker()"), 0);
	CHECK_INT(stray_pages(vm), 0);

	soft_views_stats(csv_of(((struct vm *)vm)->tee_state)->views, &st);
	CHECK(st.switched);
	CHECK(st.shared_pages > 100 && st.shared_pages < 60000);
	CHECK_INT(tvm_metrics(vm, &json), 0);
	printf("# %s\n", json ? json : "");
	free(json);
	tvm_free(vm);
	owner_fini(&o);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		puts("1..0 # SKIP no kernel and initrd named; the group sev-isolation names them");
		return 0;
	}
	kernel = argv[1];
	initrd = argv[2];
	signal(SIGALRM, on_alarm);
	if (!tvm_has("kvm")) {
		printf("1..0 # SKIP no usable /dev/kvm\n");
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		csv = i;
		cpus = 1 + (unsigned int)i;
		printf("# algorithms of %s, %u vCPUs\n", csv ? "csv" : "sev", cpus);
		RUN_LIMITED(test_isolation);
	}
	owner_forget_platforms();
	return tests_done();
}

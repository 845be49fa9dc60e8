/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/harness.h"
#include "tvm.h"
#include "vmm/config.h"

static struct tvm_error err;

static int set_json(struct tvm_config *cfg, const char *json)
{
	return tvm_config_set_json(cfg, json, strlen(json), &err);
}

static void test_defaults(void)
{
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	CHECK_INT(cfg->memory, MIB(512));
	CHECK_INT(cfg->cpus, 1);
	CHECK_INT(cfg->gmem.pages, GMEM_PAGES_THP);
	CHECK_INT(cfg->serial.kind, CHARDEV_STDIO);
	CHECK_INT(cfg->console.nr, 0);
	CHECK(cfg->rng && cfg->packed && cfg->pvpanic && !cfg->no_reboot && !cfg->gmem.prealloc);
	CHECK(!strcmp(cfg->tee.kind, "none"));
	tvm_config_free(cfg);
	tvm_config_free(NULL);
}

/* The order of names in the tables is the order of the enums. */
static void test_enums(void)
{
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	CHECK_INT(tvm_config_set(cfg, "pages", "huge1g", &err), 0);
	CHECK_INT(cfg->gmem.pages, GMEM_PAGES_HUGE1G);
	CHECK_INT(tvm_config_set(cfg, "pages", "small", &err), 0);
	CHECK_INT(cfg->gmem.pages, GMEM_PAGES_SMALL);
	CHECK_INT(tvm_config_set(cfg, "serial", "null", &err), 0);
	CHECK_INT(cfg->serial.kind, CHARDEV_NULL);
	CHECK_INT(tvm_config_set(cfg, "serial", "file=/tmp/x", &err), 0);
	CHECK_INT(cfg->serial.kind, CHARDEV_FILE);
	CHECK(!strcmp(cfg->serial.path, "/tmp/x"));
	tvm_config_free(cfg);
}

static void test_limits(void)
{
	static const struct {
		const char *key, *value, *message;
	} bad[] = {
		{ "memory", "0", "memory: '0' is not in the range from 16M to 512G" },
		{ "memory", "1T", "memory: '1T' is not in the range from 16M to 512G" },
		{ "cpus", "0", "cpus: '0' is not in the range from 1 to 64" },
		{ "cpus", "1000", "cpus: '1000' is not in the range from 1 to 64" },
		{ "tee", "magic", "tee: kind: 'magic' is not known; allowed: none, sev" },
		{ "disk", "a,serial=123456789012345678901", "disk: serial: " },
		{ "name", "two words", "name: 'two words': only letters" },
		{ "kernel", "", "kernel: the value is empty" },
		{ "memroy", "1G", "unknown key 'memroy'; did you mean 'memory'?" },
		{ "path", "1G", "unknown key 'path'" },
	};
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_INT(tvm_config_set(cfg, bad[i].key, bad[i].value, &err), -EINVAL);
		CHECK_HAS(err.msg, bad[i].message);
	}
	tvm_config_free(cfg);
}

static void test_validate(void)
{
	static const struct {
		const char *key, *value, *message;
	} bad[] = {
		{ "memory", "16385K", "memory: must be a multiple of 1M" },
		{ "serial", "file", "serial: 'file' needs a path" },
		{ "console", "file", "console: 'file' needs a path" },
		{ "serial", "null=x", "serial: 'null' takes no path" },
		{ "serial", "unix", "serial: 'unix' needs a path: unix=PATH" },
		{ "disk", "a.img", "disk: 'a.img' is given twice" },
	};
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	CHECK_INT(config_validate(cfg, &err), -EINVAL);
	CHECK_HAS(err.msg, "kernel: a kernel is required");
	tvm_config_set(cfg, "kernel", "k", &err);
	CHECK_INT(config_validate(cfg, &err), 0);
	tvm_config_free(cfg);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cfg = tvm_config_new();
		REQUIRE(cfg);
		tvm_config_set(cfg, "kernel", "k", &err);
		tvm_config_set(cfg, "disk", "a.img", &err);
		CHECK_INT(tvm_config_set(cfg, bad[i].key, bad[i].value, &err), 0);
		CHECK_INT(config_validate(cfg, &err), -EINVAL);
		CHECK_HAS(err.msg, bad[i].message);
		tvm_config_free(cfg);
	}
}

static void test_consoles(void)
{
	struct tvm_config *cfg = tvm_config_new();
	char text[32];

	REQUIRE(cfg);
	tvm_config_set(cfg, "kernel", "k", &err);
	CHECK_INT(tvm_config_set(cfg, "serial", "pty", &err), 0);
	CHECK_INT(cfg->serial.kind, CHARDEV_PTY);
	CHECK(!cfg->serial.path);
	CHECK_INT(tvm_config_set(cfg, "serial", "pty=/link", &err), 0);
	CHECK_INT(tvm_config_set(cfg, "console", "unix=/s", &err), 0);
	CHECK_INT(tvm_config_set(cfg, "console", "pty,name=org.tvm_0-a", &err), 0);
	CHECK_INT(config_validate(cfg, &err), 0);
	CHECK_INT(tvm_config_get(cfg, "console.1.name", text, sizeof(text)), 0);
	CHECK(!strcmp(text, "org.tvm_0-a"));
	CHECK_INT(tvm_config_set(cfg, "console", "null,name=a/b", &err), -EINVAL);
	CHECK_INT(tvm_config_set(cfg, "serial", "null,name=a", &err), -EINVAL);
	CHECK_INT(tvm_config_set(cfg, "console", "null,name=org.tvm_0-a", &err), 0);
	CHECK_INT(config_validate(cfg, &err), -EINVAL);
	CHECK_HAS(err.msg, "console: name 'org.tvm_0-a' is given twice");
	tvm_config_free(cfg);
	cfg = tvm_config_new();
	REQUIRE(cfg);
	tvm_config_set(cfg, "kernel", "k", &err);
	tvm_config_set(cfg, "serial", "pty=/x", &err);
	tvm_config_set(cfg, "console", "file=/x", &err);
	CHECK_INT(config_validate(cfg, &err), 0);
	tvm_config_set(cfg, "console", "unix=/x", &err);
	CHECK_INT(config_validate(cfg, &err), -EINVAL);
	CHECK_HAS(err.msg, "console: '/x' is given twice");
	tvm_config_free(cfg);
}

static void test_confidential(void)
{
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	tvm_config_set(cfg, "kernel", "k", &err);
	tvm_config_set(cfg, "tee", "sev", &err);
	tvm_config_set(cfg, "transport", "mmio", &err);
	CHECK_INT(config_validate(cfg, &err), 0);
	tvm_config_set(cfg, "balloon", "on", &err);
	CHECK_INT(config_validate(cfg, &err), -EINVAL);
	CHECK_HAS(err.msg, "balloon: not for a confidential machine");
	tvm_config_free(cfg);
}

/* What a machine on virtCCA cannot have, said before anything is done. */
static void test_virtcca(void)
{
	static const struct { const char *key, *value, *message; } bad[] = {
		{ "balloon", "on", "balloon: not for a confidential machine" },
		{ "memory", "512M", "memory: virtCCA takes 1G or more, in units of 2M" },
		{ "memory", "1025M", "memory: virtCCA takes 1G or more, in units of 2M" },
		{ "tee", "virtcca,platform=soft", "no soft platform; to try a realm without "
			"hardware, use cca,platform=soft (not confidential)" },
		{ "tee", "virtcca,rpv=00", "tee: rpv: virtCCA's is the host kernel's choice" },
		{ "tee", "virtcca,measurement=m", "tee: measurement: virtCCA tells it to its" },
		{ "tee", "virtcca,rmi-cap=1", "tee: rmi-cap goes with cca,platform=hw" },
		{ "tee", "virtcca,policy=1", "realms take platform" },
		{ "tee", "virtcca,session=s,dh-cert=d", "realms take platform" },
		{ "tee", "virtcca,secret=s,secret-header=h", "realms take platform" },
		{ "tee", "virtcca,measure-only", "realms take platform" },
		{ "tee", "virtcca,soft-dir=d", "go with platform=soft" },
	};

	for (size_t i = 0; i <= ARRAY_SIZE(bad); i++) {
		struct tvm_config *cfg = tvm_config_new();

		REQUIRE(cfg);
		tvm_config_set(cfg, "kernel", "k", &err);
		tvm_config_set(cfg, "memory", "1G", &err);
		tvm_config_set(cfg, "tee", "virtcca,hash=sha512", &err);
		/* The host's kernel reaches what the guest shares by the same addresses. */
		tvm_config_set(cfg, "net", "tap=t,vhost=on", &err);
		tvm_config_set(cfg, "vsock", "3,vhost", &err);
		if (i < ARRAY_SIZE(bad)) {
			CHECK_INT(tvm_config_set(cfg, bad[i].key, bad[i].value, &err), 0);
			CHECK_INT(config_validate(cfg, &err), -EINVAL);
			CHECK_HAS(err.msg, bad[i].message);
		} else {
			CHECK_INT(config_validate(cfg, &err), 0);
		}
		tvm_config_free(cfg);
	}
}

/* Realms on the soft platform only: elsewhere, nobody could keep to it. */
static void test_violation(void)
{
	static const struct {
		const char *tee;
		int r;
		enum tee_violation violation;
	} cases[] = {
		{ "cca,platform=soft", 0, TEE_VIOLATION_ABORT },
		{ "cca,platform=soft,violation=abort", 0, TEE_VIOLATION_ABORT },
		{ "cca,platform=soft,violation=stop", 0, TEE_VIOLATION_STOP },
		{ "cca,violation=stop", -EINVAL, 0 }, { "virtcca,violation=stop", -EINVAL, 0 },
		{ "sev,platform=soft,violation=stop", -EINVAL, 0 },
		{ "none,violation=stop", -EINVAL, 0 },
	};
	struct tvm_config *bad = tvm_config_new();

	REQUIRE(bad);
	CHECK_INT(tvm_config_set(bad, "tee", "cca,violation=ignore", &err), -EINVAL);
	CHECK_HAS(err.msg, "allowed: abort, stop");
	tvm_config_free(bad);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tvm_config *cfg = tvm_config_new();

		REQUIRE(cfg);
		tvm_config_set(cfg, "kernel", "k", &err);
		CHECK_INT(tvm_config_set(cfg, "tee", cases[i].tee, &err), 0);
		CHECK_INT(config_validate(cfg, &err), cases[i].r);
		if (cases[i].r)
			CHECK_HAS(err.msg, "violation=stop goes with cca,platform=soft");
		else
			CHECK_INT(cfg->tee.violation, cases[i].violation);
		tvm_config_free(cfg);
	}
}

static void test_share_owner(void)
{
	static const struct {
		const char *text;
		int r;
		enum share_owner owner;
		uint32_t uid, gid;
	} cases[] = {
		{ "default", 0, SHARE_OWNER_DEFAULT, 0, 0 }, { "host", 0, SHARE_OWNER_HOST, 0, 0 },
		{ "mapped", 0, SHARE_OWNER_MAPPED, 0, 0 },
		{ "squash=5:6", 0, SHARE_OWNER_SQUASH, 5, 6 },
		{ "squash=0:4294967294", 0, SHARE_OWNER_SQUASH, 0, 4294967294 },
		{ "squash", -EINVAL, 0, 0, 0 }, { "squash=5", -EINVAL, 0, 0, 0 },
		{ "squash=5:", -EINVAL, 0, 0, 0 }, { "squash=5:6x", -EINVAL, 0, 0, 0 },
		{ "squash=5:6:7", -EINVAL, 0, 0, 0 }, { "squash=-1:6", -EINVAL, 0, 0, 0 },
		{ "squash=4294967295:6", -EINVAL, 0, 0, 0 },
		{ "squash=5:99999999999999999999", -EINVAL, 0, 0, 0 },
		{ "nobody", -EINVAL, 0, 0, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tvm_config *cfg = tvm_config_new();
		struct share_opts s = { .owner_text = (char *)cases[i].text };
		char spec[100];

		REQUIRE(cfg);
		CHECK_INT(config_share_owner(&s, &err), cases[i].r);
		if (cases[i].r == 0)
			CHECK(s.owner == cases[i].owner && s.uid == cases[i].uid &&
				s.gid == cases[i].gid);
		snprintf(spec, sizeof(spec), "t,path=/,owner=%s", cases[i].text);
		tvm_config_set(cfg, "kernel", "k", &err);
		CHECK_INT(tvm_config_set(cfg, "share", spec, &err), 0);
		CHECK_INT(config_validate(cfg, &err), cases[i].r);
		if (cases[i].r < 0)
			CHECK_HAS(err.msg, "squash=UID:GID");
		tvm_config_free(cfg);
	}
}

static void test_huge_pages(void)
{
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	tvm_config_set(cfg, "kernel", "k", &err);
	tvm_config_set(cfg, "pages", "huge1g", &err);
	CHECK_INT(config_validate(cfg, &err), -EINVAL);
	CHECK_HAS(err.msg, "multiple of 1G with pages=huge1g");
	tvm_config_set(cfg, "memory", "2G", &err);
	CHECK_INT(config_validate(cfg, &err), 0);
	tvm_config_free(cfg);
}

static const char full_json[] =
	"{ \"name\": \"vm-1\", \"kernel\": \"/boot/bz\\\"Image\", \"initrd\": [\"a,b\", \"c\"],\n"
	"  \"cmdline\": \"quiet x=\\u00e9\", \"memory\": 1073741824, \"cpus\": 4,\n"
	"  \"cpu-mask\": [\"avx2\", \"avx512f\"], \"pages\": \"huge2m\", \"prealloc\": true,\n"
	"  \"disk\": [\"root,,1.img,ro\", { \"path\": \"d,2\", \"direct\": true }],\n"
	"  \"serial\": \"file=out.log\", \"console\": [\"stdio\", { \"kind\": \"null\" }],\n"
	"  \"rng\": false, \"no-reboot\": true }\n";

static void test_json(void)
{
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	CHECK_INT(set_json(cfg, full_json), 0);
	CHECK(!strcmp(cfg->kernel, "/boot/bz\"Image"));
	CHECK(cfg->initrd.nr == 2 && !strcmp(cfg->initrd.items[0], "a,b"));
	CHECK_INT(cfg->memory, GIB(1));
	CHECK_INT(cfg->cpus, 4);
	CHECK_INT(cfg->cpu_mask.nr, 2);
	REQUIRE(cfg->disk.nr == 2 && cfg->console.nr == 2);
	CHECK(!strcmp(cfg->disk.items[0].path, "root,1.img") && cfg->disk.items[0].ro);
	CHECK(!strcmp(cfg->disk.items[1].path, "d,2") && cfg->disk.items[1].direct);
	CHECK_INT(cfg->serial.kind, CHARDEV_FILE);
	CHECK_INT(cfg->console.items[1].kind, CHARDEV_NULL);
	CHECK(!cfg->rng && cfg->no_reboot);
	tvm_config_free(cfg);
}

static void check_round_trip(struct tvm_config *cfg)
{
	struct tvm_config *again = tvm_config_new();
	char *one = NULL, *two = NULL;

	REQUIRE(again);
	CHECK_INT(tvm_config_get_json(cfg, &one, &err), 0);
	REQUIRE(one);
	CHECK_INT(set_json(again, one), 0);
	CHECK_INT(tvm_config_get_json(again, &two, &err), 0);
	CHECK(two && !strcmp(one, two));
	free(one);
	free(two);
	tvm_config_free(again);
}

static void test_round_trip(void)
{
	struct tvm_config *cfg = tvm_config_new(), *copy;

	REQUIRE(cfg);
	check_round_trip(cfg);
	CHECK_INT(set_json(cfg, full_json), 0);
	copy = config_copy(cfg);
	tvm_config_free(cfg);
	REQUIRE(copy);
	check_round_trip(copy);
	tvm_config_free(copy);
}

static void test_cpu(void)
{
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	CHECK(!cfg->cpu.sve && !cfg->cpu.pauth && !cfg->cpu.pmu);
	CHECK_INT(tvm_config_set(cfg, "cpu", "sve=off,pmu=on", &err), 0);
	CHECK_INT(cfg->cpu.sve, CPU_FEATURE_OFF);
	CHECK_INT(cfg->cpu.pauth, CPU_FEATURE_AUTO);
	CHECK_INT(cfg->cpu.pmu, CPU_FEATURE_ON);
	CHECK_INT(set_json(cfg, "{\"cpu\": {\"pauth\": \"off\"}}"), 0);
	CHECK_INT(cfg->cpu.pauth, CPU_FEATURE_OFF);
	CHECK_INT(tvm_config_set(cfg, "cpu", "pmu=maybe", &err), -EINVAL);
	CHECK_HAS(err.msg, "cpu");
	tvm_config_free(cfg);
}

static void test_bad_json(void)
{
	static const struct {
		const char *json, *message;
	} bad[] = {
		{ "", "JSON, line 1, column 1: unexpected end" },
		{ "{\"cpus\": 2", "unexpected end" },
		{ "{\n  \"cpus\": 2,,\n}", "JSON, line 2, column 13: " },
		{ "{} x", "JSON, line 1, column 4: unexpected" },
		{ "{}{}", "column 3: unexpected" },
		{ "[]", "JSON: the outermost value must be an object" },
		{ "3 ", "JSON: the outermost value must be an object" },
		{ "{'cpus': 2}", "column 2: strings are written with double quotes" },
		{ "{\"cpus\": 2} // two", "unexpected" },
		{ "{\"cpus\": 2, \"rng\": true, \"cpus\": 3}",
		  "column 27: the key is given twice" },
		{ "{\"disk\": [{\"path\": \"a\", \"path\": \"b\"}]}", "the key is given twice" },
		{ "{\"cp\\u0075s\": 2}", "a key contains a backslash" },
		{ "{\"disk\": [[[[[[[[[[[[1]]]]]]]]]]]]}", "nesting too deep" },
		{ "{\"cpuz\": 2}", "unknown key 'cpuz'; did you mean 'cpus'?" },
		{ "{\"cpu\": 2}", "cpu: expected an object or a string, found a number" },
		{ "{\"cpu\": {\"avx\": \"on\"}}", "cpu: unknown key 'avx'" },
		{ "{\"cpus\": \"2\"}", "cpus: expected a number, found a string" },
		{ "{\"cpus\": 2.5}", "cpus: expected a number, found a fraction" },
		{ "{\"cpus\": -1}", "cpus: '-1' is not a number" },
		{ "{\"cpus\": 99999999999999999999}", "cpus: '18446744073709551615' is not in" },
		{ "{\"rng\": 1}", "rng: expected a boolean, found a number" },
		{ "{\"kernel\": null}", "kernel: expected a string, found null" },
		{ "{\"kernel\": \"a\\u0000b\"}", "kernel: a NUL character" },
		{ "{\"memory\": true}", "memory: expected a string as \"512M\" or a number" },
		{ "{\"disk\": \"a\"}", "disk: expected an array of objects or strings, found a" },
		{ "{\"disk\": [1]}", "disk: expected an array of objects or strings, found a" },
		{ "{\"disk\": [{\"ro\": true}]}", "disk: 'path' is missing" },
		{ "{\"disk\": [{\"path\": \"a\", \"rw\": true}]}", "disk: unknown key 'rw'" },
		{ "{\"initrd\": [1]}", "initrd: expected an array of strings, found a number" },
		{ "{\"serial\": []}", "serial: expected an object or a string, found an array" },
		{ "{\"vsock\": [\"3\", \"4\"]}", "vsock: given more than 1" },
	};
	struct tvm_config *cfg = tvm_config_new();

	REQUIRE(cfg);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err.msg[0] = '\0';
		CHECK_INT(set_json(cfg, bad[i].json), -EINVAL);
		CHECK_HAS(err.msg, bad[i].message);
		CHECK(!strchr(err.msg, '\n'));
	}
	/* What came before the mistake was not applied either. */
	CHECK_INT(set_json(cfg, "{\"memory\": \"1G\", \"cpus\": 0}"), -EINVAL);
	CHECK_INT(cfg->memory, MIB(512));
	CHECK_INT(tvm_config_set_json(cfg, "{}\0", 3, &err), -EINVAL);
	CHECK_HAS(err.msg, "column 3: a NUL byte");
	tvm_config_free(cfg);
}

static void test_json_limits(void)
{
	size_t len = (1 << 20) + 1;
	struct tvm_config *cfg = tvm_config_new();
	char *text = malloc(len);

	REQUIRE(cfg && text);
	memset(text, ' ', len);
	text[0] = '{';
	text[1] = '}';
	CHECK_INT(tvm_config_set_json(cfg, text, len - 1, &err), 0);
	CHECK_INT(tvm_config_set_json(cfg, text, len, &err), -EINVAL);
	CHECK_HAS(err.msg, "1048577 bytes are too many");
	memset(text, '[', len - 1);
	CHECK_INT(tvm_config_set_json(cfg, text, len - 1, &err), -EINVAL);
	CHECK_HAS(err.msg, "nesting too deep");
	free(text);
	tvm_config_free(cfg);
}

static void test_keys(void)
{
	struct tvm_config_key key = { .size = sizeof(key) };
	unsigned int n = 0;

	for (; tvm_config_key(n, &key) == 0; n++) {
		CHECK(key.name && key.help && key.help[strlen(key.help) - 1] == '.');
		CHECK(!strcmp(key.name, config_table.opts[n].name));
		CHECK_INT(key.size, sizeof(key));
	}
	CHECK_INT(n, config_table.nr);
	/* A caller built with a shorter structure. */
	key = (struct tvm_config_key){ .size = offsetof(struct tvm_config_key, arg) };
	CHECK_INT(tvm_config_key(0, &key), 0);
	CHECK(key.name && !key.arg && !key.help);
}

int main(void)
{
	RUN(test_defaults);
	RUN(test_enums);
	RUN(test_limits);
	RUN(test_validate);
	RUN(test_consoles);
	RUN(test_confidential);
	RUN(test_virtcca);
	RUN(test_violation);
	RUN(test_share_owner);
	RUN(test_huge_pages);
	RUN(test_json);
	RUN(test_round_trip);
	RUN(test_cpu);
	RUN(test_bad_json);
	RUN(test_json_limits);
	RUN(test_keys);
	return tests_done();
}

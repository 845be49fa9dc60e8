/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one table of all keys, and what must hold between them. Adding a key is
 * a member in config.h and a line here; the command line, JSON and the help follow.
 */
#include "vmm/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tvm.h"

#define AT(member) .offset = offsetof(struct tvm_config, member)

/* In the order of enum gmem_pages, of enum chardev_kind. */
static const char *const pages_names[] = { "thp", "small", "huge2m", "huge1g", NULL };
static const char *const chardev_names[] = { "null", "stdio", "file", "unix", "pty",
	NULL };
static const char *const tee_names[] = { "none", "sev", "sev-es", "csv", "csv2", "cca",
	"virtcca", NULL };
static const char *const transport_names[] = { "pci", "mmio", NULL };
static const char *const hash_names[] = { "sha256", "sha512", NULL }; /* enum tee_hash */
static const char *const violation_names[] = { "abort", "stop", NULL }; /* enum tee_violation */
static const char *const platform_names[] = { "hw", "soft", NULL };
/* In the order of enum cpu_feature. */
static const char *const feature_names[] = { "auto", "on", "off", NULL };
static const char *const firmware_names[] = { "none", "builtin", NULL };

#define CHARDEV(member) .offset = offsetof(struct chardev_opts, member)
#define CHARDEV_ARG "stdio|null|file=PATH|unix=PATH|pty[=LINK]"

/* The serial port has the first two. */
static const struct opt chardev_opts[] = {
	{ "kind", OPT_ENUM, CHARDEV(kind), .names = chardev_names,
	  .arg = "null|stdio|file|unix|pty", .help = "Where characters go." },
	{ "path", OPT_PATH, CHARDEV(path), .arg = "PATH",
	  .help = "File to append to, socket to make, link to the pseudo-terminal." },
	{ "name", OPT_STR, OPT_WORDS, CHARDEV(name), .max = CONSOLE_NAME_MAX, .arg = "NAME",
	  .help = "A port of that name in /dev/virtio-ports instead of a console." },
};

static const struct opt_table serial_table = {
	sizeof(struct chardev_opts), chardev_opts, 2
};

static const struct opt_table console_table = {
	sizeof(struct chardev_opts), chardev_opts, ARRAY_SIZE(chardev_opts)
};

static const struct opt disk_opts[] = {
	{ "path", OPT_PATH, OPT_REQUIRED, .offset = offsetof(struct disk_opts, path),
	  .arg = "FILE", .help = "Raw image or block device." },
	{ "ro", OPT_BOOL, .offset = offsetof(struct disk_opts, ro),
	  .help = "The guest cannot write." },
	{ "direct", OPT_BOOL, .offset = offsetof(struct disk_opts, direct),
	  .help = "Bypass the host's page cache." },
	{ "queues", OPT_U32, .offset = offsetof(struct disk_opts, queues), .min = 1, .max = 32,
	  .def = "1", .arg = "N", .help = "Queues, at best one a vCPU; 1 to 32, default 1." },
	{ "serial", OPT_STR, .offset = offsetof(struct disk_opts, serial), .max = 20,
	  .arg = "TEXT", .help = "Serial number that the guest sees, at most 20 bytes." },
};

static const struct opt_table disk_table = {
	sizeof(struct disk_opts), disk_opts, ARRAY_SIZE(disk_opts)
};

/* In the order of enum net_vhost. */
static const char *const vhost_names[] = { "auto", "on", "off", NULL };

#define NET(member) .offset = offsetof(struct net_opts, member)

static const struct opt net_opts[] = {
	{ "tap", OPT_STR, NET(tap), .max = 15, .arg = "NAME", .help = "Tap interface." },
	{ "fd", OPT_STR, OPT_WORDS, NET(fd), .max = 160, .arg = "N[:N...]",
	  .help = "Inherited descriptor: a tap, or a connected stream socket; or a tap's queues." },
	{ "stream", OPT_PATH, NET(stream),
	  .arg = "PATH", .help = "Unix socket of passt, or of QEMU's stream protocol." },
	{ "mac", OPT_STR, NET(mac), .max = 17,
	  .arg = "MAC", .help = "The guest's address; default: made from where frames go." },
	{ "mtu", OPT_U32, NET(mtu), .max = 65535, .arg = "N",
	  .help = "Largest packet that the guest is told of, 68 to 65535." },
	{ "queues", OPT_U32, NET(queues), .max = 15, .arg = "N",
	  .help = "Pairs of queues on a tap, up to 15; default 1." },
	{ "vhost", OPT_ENUM, NET(vhost), .names = vhost_names, .def = "auto",
	  .arg = "auto|on|off",
	  .help = "Let the host's kernel move packets of a tap; default auto: if it can." },
};

static const struct opt_table net_table = {
	sizeof(struct net_opts), net_opts, ARRAY_SIZE(net_opts)
};

#define VSOCK(member) .offset = offsetof(struct vsock_opts, member)

static const struct opt vsock_opts[] = {
	{ "cid", OPT_U64, VSOCK(cid), .min = 3, .max = UINT32_MAX - 1, .def = "3", .arg = "N",
	  .help = "Address of the guest, 3 and above." },
	{ "path", OPT_PATH, VSOCK(path), .arg = "SOCKET",
	  .help = "Socket for \"CONNECT port\"; the guest reaches SOCKET_port." },
	{ "port", OPT_STRLIST, VSOCK(port), .max = 64, .arg = "N:SOCKET[:listen]",
	  .help = "One port to one socket; listen: from the host to the guest." },
	{ "vhost", OPT_BOOL, VSOCK(vhost),
	  .help = "The host's AF_VSOCK sockets instead, by /dev/vhost-vsock." },
};

static const struct opt_table vsock_table = {
	sizeof(struct vsock_opts), vsock_opts, ARRAY_SIZE(vsock_opts)
};

#define SHARE(member) .offset = offsetof(struct share_opts, member)

static const struct opt share_opts[] = {
	{ "tag", OPT_STR, OPT_REQUIRED, SHARE(tag), .max = SHARE_TAG_MAX, .arg = "TAG",
	  .help = "Name that the guest mounts." },
	{ "path", OPT_PATH, OPT_REQUIRED, SHARE(path), .arg = "DIR",
	  .help = "Directory of the host." },
	{ "ro", OPT_BOOL, SHARE(ro), .help = "The guest cannot write." },
	{ "owner", OPT_STR, SHARE(owner_text), .def = "default",
	  .arg = "host|squash=UID:GID|mapped",
	  .help = "Who owns what the guest creates; default host for root, else mapped." },
};

static const struct opt_table share_table = {
	sizeof(struct share_opts), share_opts, ARRAY_SIZE(share_opts)
};

int config_share_owner(struct share_opts *s, struct tvm_error *err)
{
	const char *text = s->owner_text ? s->owner_text : "default";
	char quoted[OPT_QUOTE_MAX], end;
	uint64_t uid, gid;

	s->uid = s->gid = 0;
	if (!strcmp(text, "default")) {
		s->owner = SHARE_OWNER_DEFAULT;
	} else if (!strcmp(text, "host")) {
		s->owner = SHARE_OWNER_HOST;
	} else if (!strcmp(text, "mapped")) {
		s->owner = SHARE_OWNER_MAPPED;
	} else if (!strncmp(text, "squash=", 7) && !text[7 + strspn(text + 7, "0123456789:")] &&
		sscanf(text + 7, "%" SCNu64 ":%" SCNu64 "%c", &uid, &gid, &end) == 2 &&
		uid < UINT32_MAX && gid < UINT32_MAX) {
		s->uid = (uint32_t)uid;
		s->gid = (uint32_t)gid;
		s->owner = SHARE_OWNER_SQUASH;
	} else {
		return err_set(err, -EINVAL, "share: owner is %s, not host, squash=UID:GID or "
			"mapped", opt_quote(quoted, text));
	}
	return 0;
}

#define TEE(member) .offset = offsetof(struct tee_opts, member)

static const struct opt tee_opts[] = {
	{ "kind", OPT_STR, TEE(kind), .names = tee_names, .def = "none",
	  .arg = "none|sev|sev-es|csv|csv2|cca|virtcca",
	  .help = "Trusted execution environment." },
	{ "platform", OPT_ENUM, TEE(platform), .names = platform_names, .def = "hw",
	  .arg = "hw|soft", .help = "Secure processor: the host's, or one in software." },
	{ "rpv", OPT_STR, TEE(rpv), .max = 128, .arg = "HEX",
	  .help = "Personalization value of a realm, at most 64 bytes." },
	{ "hash", OPT_ENUM, TEE(hash), .names = hash_names, .def = "sha256",
	  .arg = "sha256|sha512", .help = "Hash of a realm's measurements; default sha256." },
	{ "violation", OPT_ENUM, TEE(violation), .names = violation_names, .def = "abort",
	  .arg = "abort|stop",
	  .help = "A realm's access through the wrong half: abort it, or stop the machine." },
	{ "rmi-cap", OPT_U32, TEE(rmi_cap), .max = INT32_MAX, .arg = "N",
	  .help = "Number of KVM_CAP_ARM_RMI where a host's kernel has one of its own." },
	{ "policy", OPT_U32, TEE(policy), .max = UINT32_MAX, .def = "0xffffffff", .arg = "N",
	  .help = "Guest policy bits; default: the kind's usual ones." },
	{ "dh-cert", OPT_PATH, TEE(dh_cert), .arg = "FILE",
	  .help = "Guest owner's Diffie-Hellman certificate." },
	{ "session", OPT_PATH, TEE(session), .arg = "FILE", .help = "Guest owner's session." },
	{ "kernel-hashes", OPT_BOOL, TEE(kernel_hashes), .def = "on", .arg = "on|off",
	  .help = "Measure kernel, initrd and command line; default on." },
	{ "soft-dir", OPT_PATH, TEE(soft_dir), .arg = "DIR",
	  .help = "Where the soft platform keeps its keys; default: new ones each time." },
	{ "delays", OPT_BOOL, TEE(delays), .help = "Soft platform: take as long as hardware." },
	{ "measure-only", OPT_BOOL, TEE(measure_only),
	  .help = "Print what would be measured; needs no KVM." },
	{ "measurement", OPT_PATH, TEE(measurement), .arg = "FILE",
	  .help = "Write the launch measurement there." },
	{ "secret-header", OPT_PATH, TEE(secret_header), .arg = "FILE",
	  .help = "Header of the launch secret; awaited when it is not there yet." },
	{ "secret", OPT_PATH, TEE(secret), .arg = "FILE", .help = "Launch secret." },
	{ "secret-gpa", OPT_U64, TEE(secret_gpa), .max = UINT64_MAX, .arg = "ADDRESS",
	  .help = "Where the secret goes; default: the firmware's secret area." },
	{ "secret-timeout", OPT_U32, TEE(secret_timeout), .max = 86400, .def = "60",
	  .arg = "SECONDS", .help = "How long to wait for the secret's files; default 60." },
};

static const struct opt_table tee_table = {
	sizeof(struct tee_opts), tee_opts, ARRAY_SIZE(tee_opts)
};

#define CPU(member) .offset = offsetof(struct cpu_opts, member), .names = feature_names, \
	.def = "auto", .arg = "auto|on|off"

static const struct opt cpu_opts[] = {
	{ "sve", OPT_ENUM, CPU(sve), .help = "Scalable vectors; auto: where the host has them." },
	{ "pauth", OPT_ENUM, CPU(pauth),
	  .help = "Pointer authentication; auto: where the host has it." },
	{ "pmu", OPT_ENUM, CPU(pmu), .help = "Performance monitors; auto: off." },
};

static const struct opt_table cpu_table = {
	sizeof(struct cpu_opts), cpu_opts, ARRAY_SIZE(cpu_opts)
};

static const struct opt config_opts[] = {
	{ "name", OPT_STR, OPT_WORDS, AT(name), .max = 64, .arg = "NAME",
	  .help = "Name of the machine, put before its log lines." },
	{ "kernel", OPT_PATH, AT(kernel), .arg = "FILE",
	  .help = "Kernel to boot: bzImage or ELF vmlinux; aarch64: Image." },
	{ "initrd", OPT_STRLIST, AT(initrd), .max = 16, .arg = "FILE",
	  .help = "Initial ramdisk; several are joined in the order given." },
	{ "cmdline", OPT_STR, AT(cmdline), .max = 65535, .arg = "TEXT",
	  .help = "Kernel command line." },
	{ "memory", OPT_SIZE, AT(memory), .min = CONFIG_MEMORY_MIN, .max = CONFIG_MEMORY_MAX,
	  .def = "512M", .arg = "SIZE", .help = "Guest memory, 16M to 512G; default 512M." },
	{ "pages", OPT_ENUM, AT(gmem.pages), .names = pages_names, .def = "thp",
	  .arg = "thp|small|huge2m|huge1g",
	  .help = "Host pages behind guest memory; default thp: huge where they are to be had." },
	{ "prealloc", OPT_BOOL, AT(gmem.prealloc),
	  .help = "Allocate all guest memory before the start." },
	{ "cpus", OPT_U32, AT(cpus), .min = 1, .max = CONFIG_CPUS_MAX, .def = "1", .arg = "N",
	  .help = "Number of vCPUs, 1 to 64; default 1." },
	{ "cpu", OPT_SUB, AT(cpu), .sub = &cpu_table,
	  .arg = "FEATURE=auto|on|off[,FEATURE=...]",
	  .help = "Optional CPU features (aarch64): sve, pauth, pmu." },
	{ "cpu-mask", OPT_STRLIST, OPT_COMMAS | OPT_WORDS, AT(cpu_mask), .max = 256,
	  .arg = "FEATURE[,FEATURE...]",
	  .help = "CPU features (x86_64) to hide, by their names in /proc/cpuinfo." },
	{ "disk", OPT_LIST, AT(disk), .max = CONFIG_DISKS_MAX, .sub = &disk_table,
	  .arg = "[path=]FILE[,ro][,direct][,queues=N][,serial=TEXT]",
	  .help = "virtio-blk disk from a raw image or a block device." },
	{ "net", OPT_LIST, AT(net), .max = CONFIG_NETS_MAX, .sub = &net_table,
	  .arg = "tap=NAME|fd=N|stream=PATH[,mac=MAC][,mtu=N][,queues=N][,vhost=auto|on|off]",
	  .help = "virtio-net on a tap interface or a stream socket." },
	{ "vsock", OPT_LIST, AT(vsock), .max = CONFIG_VSOCKS_MAX, .sub = &vsock_table,
	  .arg = "[cid=]N[,path=SOCKET][,port=N:SOCKET[:listen]...][,vhost]",
	  .help = "virtio-vsock, connected to unix sockets or by vhost to AF_VSOCK." },
	{ "share", OPT_LIST, AT(share), .max = CONFIG_SHARES_MAX, .sub = &share_table,
	  .arg = "[tag=]TAG,path=DIR[,ro][,owner=host|squash=UID:GID|mapped]",
	  .help = "Directory of the host in the guest, by virtio-9p (9P2000.L)." },
	{ "serial", OPT_SUB, AT(serial), .sub = &serial_table, .def = "stdio",
	  .arg = CHARDEV_ARG, .help = "Serial port (ttyS0); default stdio." },
	{ "console", OPT_LIST, AT(console), .max = CONSOLE_MAX_PORTS, .sub = &console_table,
	  .arg = CHARDEV_ARG "[,name=NAME]",
	  .help = "virtio console (hvc0, then hvc1, ...), or a named port." },
	{ "transport", OPT_ENUM, AT(transport), .names = transport_names, .def = "pci",
	  .arg = "pci|mmio", .help = "How the guest finds virtio devices; default pci." },
	{ "packed", OPT_BOOL, AT(packed), .def = "on", .arg = "on|off",
	  .help = "Offer packed virtqueues; off: guests use split ones. Default on." },
	{ "rng", OPT_BOOL, AT(rng), .def = "on", .arg = "on|off",
	  .help = "virtio-rng, fed by the host's random generator; default on." },
	{ "balloon", OPT_BOOL, AT(balloon), .arg = "on|off",
	  .help = "virtio-balloon: memory that the guest frees goes back to the host." },
	{ "pvpanic", OPT_BOOL, AT(pvpanic), .def = "on", .arg = "on|off",
	  .help = "Device by which a guest kernel reports its panic; default on." },
	{ "no-reboot", OPT_BOOL, AT(no_reboot),
	  .help = "End when the guest resets itself, instead of booting it again." },
	{ "firmware", OPT_STR, AT(firmware), .names = firmware_names, .arg = "none|builtin",
	  .help = "Measured boot firmware; default: builtin where --tee needs it." },
	{ "tee", OPT_SUB, AT(tee), .sub = &tee_table, .def = "none",
	  .arg = "KIND[,platform=hw|soft][,KEY=VALUE...]",
	  .help = "Confidential machine: sev, sev-es, csv, csv2, cca, virtcca; tvm-run(1) has the "
	  "keys." },
};

const struct opt_table config_table = {
	sizeof(struct tvm_config), config_opts, ARRAY_SIZE(config_opts)
};

struct tvm_config *tvm_config_new(void)
{
	struct tvm_config *cfg = malloc(sizeof(*cfg));

	if (cfg && opts_init(&config_table, cfg, NULL) < 0) {
		free(cfg);
		return NULL;
	}
	return cfg;
}

void tvm_config_free(struct tvm_config *cfg)
{
	if (!cfg)
		return;
	opts_fini(&config_table, cfg);
	free(cfg);
}

struct tvm_config *config_copy(const struct tvm_config *cfg)
{
	struct tvm_config *copy = malloc(sizeof(*copy));

	if (copy && opts_copy(&config_table, copy, cfg) < 0) {
		free(copy);
		return NULL;
	}
	return copy;
}

int tvm_config_set(struct tvm_config *cfg, const char *key, const char *value,
	struct tvm_error *err)
{
	const struct opt *opt;

	if (!cfg || !key)
		return err_set(err, -EINVAL, "configuration: no object or no key");
	opt = opts_find(&config_table, key, err);
	if (!opt)
		return -EINVAL;
	return opt_set(opt, cfg, value, err);
}

/* One step of a dotted key: the option called by the first len characters of name. */
static const struct opt *named(const struct opt_table *table, const char *name, size_t len)
{
	for (unsigned int i = 0; i < table->nr; i++)
		if (strlen(table->opts[i].name) == len && !strncmp(table->opts[i].name, name, len))
			return &table->opts[i];
	return NULL;
}

int tvm_config_get(const struct tvm_config *cfg, const char *key, char *buf, size_t len)
{
	const struct opt_table *table = &config_table;
	const void *obj = cfg;
	char number[32];

	for (;;) {
		size_t part = strcspn(key, ".");
		const struct opt *opt = named(table, key, part);
		const char *text;

		if (!opt)
			return -ENOENT;
		key += part;
		if (opt->type == OPT_LIST && *key == '.') {
			char *end;
			unsigned long index = strtoul(key + 1, &end, 10);

			if (end == key + 1 || index >= opt_list_nr(opt, obj))
				return -ENOENT;
			obj = opt_list_item(opt, obj, (unsigned int)index);
			key = end;
		} else if (opt->type == OPT_SUB) {
			obj = (const char *)obj + opt->offset;
		} else if (*key || opt->type == OPT_LIST || opt->type == OPT_STRLIST) {
			return -ENOENT;
		} else {
			text = opt_text(opt, obj, number, sizeof(number));
			if (!text)
				return -ENOENT;
			return snprintf(buf, len, "%s", text) < (int)len ? 0 : -ENOSPC;
		}
		if (*key++ != '.')
			return -ENOENT;
		table = opt->sub;
	}
}

int tvm_config_check(const struct tvm_config *cfg, struct tvm_error *err)
{
	return config_validate(cfg, err);
}

int tvm_config_key(unsigned int index, struct tvm_config_key *out)
{
	struct tvm_config_key key = { .size = sizeof(key) };
	const struct opt *opt;

	if (!out || out->size < sizeof(out->size) || index >= config_table.nr)
		return -ENOENT;
	opt = &config_opts[index];
	key.name = opt->name;
	key.arg = opt->arg;
	key.help = opt->help;
	key.repeats = opt->type == OPT_LIST || opt->type == OPT_STRLIST;
	if (key.size > out->size)
		key.size = out->size;
	memcpy(out, &key, key.size);
	return 0;
}

static int check_chardev(const struct chardev_opts *c, const char *key, struct tvm_error *err)
{
	const char *kind = chardev_names[c->kind];

	if ((c->kind == CHARDEV_FILE || c->kind == CHARDEV_UNIX) && !c->path)
		return err_set(err, -EINVAL, "%s: '%s' needs a path: %s=PATH", key, kind, kind);
	if ((c->kind == CHARDEV_NULL || c->kind == CHARDEV_STDIO) && c->path)
		return err_set(err, -EINVAL, "%s: '%s' takes no path", key, kind);
	return 0;
}

/* Two at one place would take turns at deleting each other's file. */
static int check_consoles(const struct tvm_config *cfg, struct tvm_error *err)
{
	int r = check_chardev(&cfg->serial, "serial", err);

	for (unsigned int i = 0; r >= 0 && i < cfg->console.nr; i++) {
		const struct chardev_opts *c = &cfg->console.items[i];

		r = check_chardev(c, "console", err);
		for (unsigned int j = 0; r >= 0 && j <= i; j++) {
			const struct chardev_opts *o = &cfg->serial;

			if (j)
				o = &cfg->console.items[j - 1];

			if (c->path && o->path && c->kind != CHARDEV_FILE &&
				!strcmp(c->path, o->path))
				return err_set(err, -EINVAL, "console: '%.200s' is given twice",
					c->path);
			if (c->name && o->name && !strcmp(c->name, o->name))
				return err_set(err, -EINVAL, "console: name '%s' is given twice",
					c->name);
		}
	}
	return r;
}

static int check_memory(const struct tvm_config *cfg, struct tvm_error *err)
{
	static const uint64_t units[] = { MIB(1), MIB(1), MIB(2), GIB(1) };
	static const char *const texts[] = { "1M", "1M", "2M", "1G" };
	unsigned int pages = cfg->gmem.pages;

	if (cfg->memory % units[pages])
		return err_set(err, -EINVAL, "memory: must be a multiple of %s with pages=%s",
			texts[pages], pages_names[pages]);
	return 0;
}

/* What the monitor and openEuler's kernel have no call for, or refuse (docs/realms.md). */
static int check_virtcca(const struct tvm_config *cfg, struct tvm_error *err)
{
	const struct tee_opts *t = &cfg->tee;

	if (t->platform == TEE_PLATFORM_SOFT)
		return err_set(err, -EINVAL, "tee: virtcca has no soft platform; to try a realm "
			"without hardware, use cca,platform=soft (not confidential)");
	if (t->rpv)
		return err_set(err, -EINVAL, "tee: rpv: virtCCA's is the host kernel's choice");
	if (t->measurement)
		return err_set(err, -EINVAL, "tee: measurement: virtCCA tells it to its guest "
			"only; tvm-attest computes what to expect");
	if (cfg->memory < GIB(1) || cfg->memory % MIB(2))
		return err_set(err, -EINVAL, "memory: virtCCA takes 1G or more, in units of 2M");
	return 0;
}

static int check_tee(const struct tvm_config *cfg, struct tvm_error *err)
{
	const struct tee_opts *t = &cfg->tee;
	bool none = !strcmp(t->kind, "none"), cca = !strcmp(t->kind, "cca");
	bool realm = cca || !strcmp(t->kind, "virtcca");

	if (none && (t->platform != TEE_PLATFORM_HW || t->policy != CONFIG_POLICY_DEFAULT ||
		t->dh_cert || t->session || t->soft_dir || t->measure_only || t->measurement ||
		t->secret_header || t->secret))
		return err_set(err, -EINVAL, "tee: kind none takes no other keys");
	if (!realm && (t->rpv || t->hash != TEE_HASH_SHA256))
		return err_set(err, -EINVAL, "tee: rpv and hash are for realms");
	if (t->violation != TEE_VIOLATION_ABORT && (!cca || t->platform != TEE_PLATFORM_SOFT))
		return err_set(err, -EINVAL, "tee: violation=stop goes with cca,platform=soft");
	if (t->rmi_cap && (!cca || t->platform != TEE_PLATFORM_HW))
		return err_set(err, -EINVAL, "tee: rmi-cap goes with cca,platform=hw");
	if (realm && (t->policy != CONFIG_POLICY_DEFAULT || t->dh_cert || t->session ||
		t->secret_header || t->secret || t->delays || t->measure_only))
		return err_set(err, -EINVAL, "tee: realms take platform, soft-dir, rpv, hash, "
			"violation and measurement, no other keys");
	if (!t->dh_cert != !t->session)
		return err_set(err, -EINVAL,
			"tee: dh-cert and session are given together or not at all");
	if (!t->secret_header != !t->secret)
		return err_set(err, -EINVAL,
			"tee: secret-header and secret are given together or not at all");
	if (t->platform != TEE_PLATFORM_SOFT && (t->soft_dir || t->delays))
		return err_set(err, -EINVAL, "tee: soft-dir and delays go with platform=soft");
	return realm && !cca ? check_virtcca(cfg, err) : 0;
}

int config_validate(const struct tvm_config *cfg, struct tvm_error *err)
{
	int r;

	if (!cfg->kernel)
		return err_set(err, -EINVAL, "kernel: a kernel is required");
	r = check_memory(cfg, err);
	if (r < 0)
		return r;
	r = check_tee(cfg, err);
	if (r < 0)
		return r;
	/* Its pages are not the host's to take, and zeroes not what it left there. */
	if (cfg->balloon && strcmp(cfg->tee.kind, "none"))
		return err_set(err, -EINVAL, "balloon: not for a confidential machine");
	r = check_consoles(cfg, err);
	for (unsigned int i = 0; r >= 0 && i < cfg->net.nr; i++) {
		const struct net_opts *n = &cfg->net.items[i];

		if (!!n->tap + !!n->fd + !!n->stream != 1)
			return err_set(err, -EINVAL, "net: give one of tap, fd and stream");
		if (n->stream && (n->queues > 1 || n->vhost == NET_VHOST_ON))
			return err_set(err, -EINVAL, "net: queues and vhost=on go with a tap");
	}
	for (unsigned int i = 0; r >= 0 && i < cfg->share.nr; i++) {
		const struct share_opts *s = &cfg->share.items[i];

		r = config_share_owner(&(struct share_opts){ .owner_text = s->owner_text }, err);
		if (r < 0)
			return r;
		for (unsigned int j = 0; j < i; j++)
			if (!strcmp(s->tag, cfg->share.items[j].tag))
				return err_set(err, -EINVAL, "share: tag '%.200s' is given twice",
					s->tag);
	}
	for (unsigned int i = 0; r >= 0 && i < cfg->disk.nr; i++) {
		for (unsigned int j = 0; j < i; j++) {
			const struct disk_opts *a = &cfg->disk.items[i], *b = &cfg->disk.items[j];

			if (!strcmp(a->path, b->path) && !(a->ro && b->ro))
				return err_set(err, -EINVAL,
					"disk: '%.200s' is given twice and not read-only", a->path);
		}
	}
	return r;
}

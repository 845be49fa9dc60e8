/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest owner, for tests: what tvm-attest does with a soft platform's exports, in one
 * process with the machine, so that a test can spoil any byte on the way.
 */
#ifndef TESTS_BOOT_OWNER_H
#define TESTS_BOOT_OWNER_H

#include <sys/stat.h>

#include "attest/blob.h"
#include "attest/csv_session.h"
#include "attest/sev_launch.h"
#include "attest/sev_measure.h"
#include "attest/sev_secret.h"
#include "attest/sev_session.h"
#include "attest/sev_table.h"
#include "attest/soft_id.h"
#include "firmware/x86_64/fw_abi.h"
#include "tee/csv/backend.h"
#include "tests/boot/vm.h"

#define OWNER_POLICY SEV_POLICY_NODBG

struct owner {
	bool csv;
	char dir[64];			/* the owner's files */
	char platform[64];		/* the soft platform's */
	struct sev_cert godh;
	size_t session_len;
	union {
		struct sev_session sev;
		struct csv_session csv;
		uint8_t bytes[sizeof(struct csv_session)];
	} session;
	struct attest_tk tk;
};

static inline enum attest_alg owner_alg(const struct owner *o)
{
	return o->csv ? ATTEST_CSV : ATTEST_SEV;
}

/* A file in the owner's folder. */
static inline const char *owner_path(const struct owner *o, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", o->dir, name);
	return path;
}

/* Session and certificate to their files, as they are now. */
static inline void owner_write(const struct owner *o)
{
	CHECK_INT(blob_write(owner_path(o, "session"), "session", o->session.bytes,
		o->session_len, &last_error), 0);
	CHECK_INT(blob_write(owner_path(o, "godh"), "godh", &o->godh, sizeof(o->godh),
		&last_error), 0);
}

static inline void owner_remove(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[384];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

/* A new platform, with keys of its own. */
static inline int owner_platform(bool csv, char dir[64])
{
	struct soft_opts opts = { .dir = dir, .csv = csv };
	struct sev_backend platform = { 0 };
	int r;

	strcpy(dir, "/tmp/tvm-platform-XXXXXX");
	if (!mkdtemp(dir))
		return -errno;
	r = sev_backend_soft_open(&opts, &platform, &last_error);
	if (!r)
		platform.ops->close(platform.ctx);
	return r;
}

/* The platforms of most owners: keys take time. */
static char owner_platforms[2][64];

static inline void owner_forget_platforms(void)
{
	for (int i = 0; i < 2; i++)
		if (owner_platforms[i][0])
			owner_remove(owner_platforms[i]);
}

/* An owner with a session for the common platform, or for one of its own. */
static inline bool owner_init(struct owner *o, bool csv, uint32_t policy, bool own_platform)
{
	uint8_t *pdh = NULL;
	char path[128];
	size_t len = 0;
	int r = 0;

	memset(o, 0, sizeof(*o));
	o->csv = csv;
	strcpy(o->dir, "/tmp/tvm-owner-XXXXXX");
	if (!mkdtemp(o->dir))
		return false;
	if (own_platform)
		r = owner_platform(csv, o->platform);
	else if (!owner_platforms[csv][0])
		r = owner_platform(csv, owner_platforms[csv]);
	if (!own_platform)
		strcpy(o->platform, owner_platforms[csv]);
	snprintf(path, sizeof(path), "%s/%s", o->platform, SOFT_FILE_PDH);
	if (!r)
		r = blob_read(path, "pdh", SEV_CERT_LEN, &pdh, &len, &last_error);
	if (!r && csv)
		r = csv_session_create((struct sev_cert *)pdh, policy, NULL, &o->session.csv,
			&o->godh, &o->tk, &last_error);
	else if (!r)
		r = sev_session_create((struct sev_cert *)pdh, policy, &o->session.sev, &o->godh,
			&o->tk, &last_error);
	free(pdh);
	o->session_len = csv ? sizeof(o->session.csv) : sizeof(o->session.sev);
	if (r < 0)
		printf("# owner: %s\n", last_error.msg);
	else
		owner_write(o);
	return !r;
}

static inline void owner_fini(struct owner *o)
{
	owner_remove(o->dir);
	if (strcmp(o->platform, owner_platforms[o->csv]))
		owner_remove(o->platform);
}

/* --tee for this owner; extra is appended (",policy=5"). */
static inline void owner_set_tee(const struct owner *o, struct tvm_config *cfg, const char *extra)
{
	char value[512];

	snprintf(value, sizeof(value), "%s,platform=soft,soft-dir=%s,session=%s/session,"
		"dh-cert=%s/godh%s", o->csv ? "csv" : "sev", o->platform, o->dir, o->dir, extra);
	set(cfg, "tee", value);
}

/* The whole file, or NULL with *len 0. The caller frees it. */
static inline uint8_t *owner_load(const char *path, size_t *len)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	struct stat st;
	uint8_t *buf = NULL;

	*len = 0;
	if (f && !fstat(fileno(f), &st)) {
		buf = malloc((size_t)st.st_size + 1);
		*len = buf ? fread(buf, 1, (size_t)st.st_size, f) : 0;
	}
	if (f)
		fclose(f);
	return buf;
}

/* What the owner knows: firmware image, kernel, initrd (or NULL), command line. */
static inline int owner_digest(const struct owner *o, const uint8_t *fw, size_t fw_len,
	const char *kernel, const char *initrd, const char *cmdline, uint8_t digest[32])
{
	struct sev_hashes hashes;
	struct sev_launch launch = { .alg = owner_alg(o), .firmware = { fw, fw_len },
		.hashes = &hashes, .vcpus = 1 };
	struct alg_part k, i;
	int r;

	k.data = owner_load(kernel, &k.len);
	i.data = owner_load(initrd, &i.len);
	r = k.data ? sev_hashes_compute(&hashes, k, i, cmdline) : -ENOENT;
	if (!r)
		r = sev_launch_digest(&launch, digest, &last_error);
	free((void *)k.data);
	free((void *)i.data);
	return r;
}

/* Does the measurement say what the owner expects? */
static inline int owner_verify(const struct owner *o, const struct tvm_measurement *m,
	uint32_t policy, const uint8_t digest[32])
{
	struct sev_measure_info info = { m->api_major, m->api_minor, m->build, policy, { 0 } };
	struct sev_measure seen;

	memcpy(info.digest, digest, sizeof(info.digest));
	memcpy(&seen, m->blob, sizeof(seen));
	return sev_measure_verify(owner_alg(o), &info, o->tk.tik, &seen);
}

/* A packet with one entry for this measurement. text: its bytes and NUL. */
struct owner_packet {
	struct sev_secret_header header;
	uint8_t bytes[1024];
	size_t len;
};

static inline bool owner_seal(const struct owner *o, const struct tvm_measurement *m,
	const char *guid, const char *text, struct owner_packet *out)
{
	struct sev_table_entry entry = { .data = text, .len = strlen(text) + 1 };
	uint8_t table[sizeof(out->bytes)];
	int r = guid_parse(guid, &entry.guid) ? 0 : -EINVAL;

	out->len = sev_table_size(&entry, 1);
	if (!r)
		r = sev_table_write(&entry, 1, table, out->len, &last_error);
	if (!r)
		r = sev_secret_seal(owner_alg(o), &o->tk, m->blob, 0, NULL, table, out->len,
			&out->header, out->bytes, &last_error);
	CHECK_INT(r, 0);
	return !r;
}

#endif

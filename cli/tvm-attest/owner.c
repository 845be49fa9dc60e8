/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tvm-attest/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/soft_id.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/flat.h"

#define INFO_MAX 1024

static enum status read_info(struct owner *owner, const char *dir)
{
	char path[FILE_PATH_MAX], text[INFO_MAX + 1], value[64];
	enum status s = file_path(path, dir, OWNER_INFO);
	size_t len;

	s = s ? s : file_read("session", path, text, INFO_MAX, &len);
	if (s)
		return s;
	text[len] = '\0';
	if (!flat_num(text, "policy", UINT32_MAX, &owner->policy) ||
	    !flat_text(text, "algorithms", value, sizeof(value)))
		return fail(STATUS_ERROR, "session: '%s' is damaged", path);
	owner->alg = strcmp(value, "csv") ? ATTEST_SEV : ATTEST_CSV;
	/* What does not say that it is hardware counts as software. */
	owner->soft = !flat_text(text, "platform", value, sizeof(value)) ||
		strcmp(value, "hardware");
	owner->known = true;
	return STATUS_OK;
}

static enum status read_key(uint8_t key[ALG_KEY_LEN], const char *what, const char *dir,
	const char *name, const char *path)
{
	char in_dir[FILE_PATH_MAX];
	enum status s = STATUS_OK;

	if (dir)
		s = file_path(in_dir, dir, name);
	return s ? s : file_read(what, dir ? in_dir : path, key, ALG_KEY_LEN, NULL);
}

enum status owner_open(struct owner *owner, const struct owner_opts *opts, bool need_tek)
{
	enum status s = STATUS_OK;

	memset(owner, 0, sizeof(*owner));
	if (opts->session && (opts->tik || opts->tek))
		return fail(STATUS_USAGE, "--session has the keys: no --tik or --tek");
	if (!opts->session && (!opts->tik || (need_tek && !opts->tek)))
		return fail(STATUS_USAGE, need_tek ?
			"which keys? --session DIR, or --tik FILE and --tek FILE" :
			"which key? --session DIR, or --tik FILE");
	if (opts->session)
		s = read_info(owner, opts->session);
	s = s ? s : read_key(owner->tk.tik, "TIK", opts->session, OWNER_TIK, opts->tik);
	if (!s && need_tek)
		s = read_key(owner->tk.tek, "TEK", opts->session, OWNER_TEK, opts->tek);
	return s;
}

static enum status check_new(const char *dir)
{
	static const char *const names[] = { OWNER_SESSION, OWNER_GODH, OWNER_TIK, OWNER_TEK,
		OWNER_INFO };
	char path[FILE_PATH_MAX];
	enum status s = STATUS_OK;

	for (size_t i = 0; !s && i < ARGS_NR(names); i++) {
		s = file_path(path, dir, names[i]);
		if (!s && file_exists(path))
			s = fail(STATUS_ERROR, "'%s' is there already: each launch has "
				"keys of its own, name another directory", path);
	}
	return s;
}

enum status owner_write(const char *dir, const struct owner *owner,
	const struct owner_files *files)
{
	char path[FILE_PATH_MAX], info[INFO_MAX];
	enum status s;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail(STATUS_ERROR, "cannot make '%s': %s", dir, strerror(errno));
	s = check_new(dir);
	s = s ? s : file_path(path, dir, OWNER_TIK);
	s = s ? s : file_write(path, owner->tk.tik, ALG_KEY_LEN, 0600, true);
	s = s ? s : file_path(path, dir, OWNER_TEK);
	s = s ? s : file_write(path, owner->tk.tek, ALG_KEY_LEN, 0600, true);
	s = s ? s : file_path(path, dir, OWNER_GODH);
	s = s ? s : file_write_base64(path, files->godh, files->godh_len);
	s = s ? s : file_path(path, dir, OWNER_SESSION);
	s = s ? s : file_write_base64(path, files->session, files->session_len);
	snprintf(info, sizeof(info), "{\"platform\":\"%s\",\"algorithms\":\"%s\",\"policy\":%u}\n",
		owner->soft ? SOFT_NAME : "hardware", owner->alg == ATTEST_CSV ? "csv" : "sev",
		owner->policy);
	s = s ? s : file_path(path, dir, OWNER_INFO);
	return s ? s : file_write(path, info, strlen(info), 0600, true);
}

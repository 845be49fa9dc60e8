/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of tvm.h for confidential machines, and the exchange with the guest owner. */
#include "tvm.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "arch/arch.h"
#include "attest/blob.h"
#include "attest/ovmf_table.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/tee.h"
#include "vmm/vm.h"

#define SECRET_MAX 0x4000

static int not_confidential(const char *what, struct tvm_error *err)
{
	return err_set(err, -EOPNOTSUPP, "%s: the machine is not confidential; see --tee", what);
}

int tvm_measurement(struct tvm_vm *handle, struct tvm_measurement *out, struct tvm_error *err)
{
	struct tvm_measurement m = { .size = sizeof(m) };
	struct vm *vm = vm_of(handle);
	size_t size = out->size < sizeof(m) ? out->size : sizeof(m);
	int r;

	if (!vm->tee->measurement)
		return not_confidential("measurement", err);
	r = vm->tee->measurement(vm, &m, err);
	if (r < 0)
		return r;
	memcpy(out, &m, size);
	out->size = size;
	return 0;
}

/* Where the firmware says that secrets go. */
static int secret_area(struct vm *vm, size_t len, uint64_t *gpa_out, struct tvm_error *err)
{
	struct ovmf_table table;
	int r = ovmf_table_read(vm->fw.image, vm->fw.size, &table, err);

	if (r < 0)
		return r;
	if (!table.secret.size)
		return err_set(err, -EINVAL, "secret: the firmware names no area; give an address");
	/* What follows the area is measured, such as the kernel hashes. */
	if (len > table.secret.size)
		return err_set(err, -EINVAL,
			"secret: %zu bytes; the firmware's area has room for %u", len,
			table.secret.size);
	*gpa_out = table.secret.base;
	return 0;
}

int tvm_inject_secret(struct tvm_vm *handle, const void *header, size_t header_len,
	const void *secret, size_t len, uint64_t gpa, struct tvm_error *err)
{
	struct vm *vm = vm_of(handle);
	int r = 0;

	if (!vm->tee->secret)
		return not_confidential("secret", err);
	if (!gpa)
		r = secret_area(vm, len, &gpa, err);
	if (r < 0)
		return r;
	return vm->tee->secret(vm, gpa, header, header_len, secret, len, err);
}

int tvm_report(struct tvm_vm *handle, const uint8_t nonce[16], void *buf, size_t *len,
	struct tvm_error *err)
{
	struct vm *vm = vm_of(handle);

	if (!vm->tee->report)
		return not_confidential("report", err);
	return vm->tee->report(vm, nonce, buf, len, err);
}

int tvm_manifest(const struct tvm_config *cfg, char **json_out, struct tvm_error *err)
{
	const struct tee_ops *tee = tee_find(cfg->tee.kind, err);
	struct firmware fw = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f;
	int r;

	if (!tee)
		return -EINVAL;
	if (!tee->manifest)
		return not_confidential("manifest", err);
	r = config_validate(cfg, err);
	if (!r)
		r = arch_firmware(cfg, tee->confidential, &fw, err);
	if (r < 0)
		return r;
	f = open_memstream(&text, &len);
	if (!f)
		return err_set(err, -ENOMEM, "manifest: out of memory");
	fputs("{", f);
	r = tee->manifest(cfg, &fw, f, err);
	fputs("}\n", f);
	if (fclose(f) && !r)
		r = err_set(err, -ENOMEM, "manifest: out of memory");
	if (r < 0) {
		free(text);
		return r;
	}
	*json_out = text;
	return 0;
}

/* ---- The exchange -------------------------------------------------------------------- */

static int write_measurement(struct tvm_vm *vm, const char *path, struct tvm_error *err)
{
	struct tvm_measurement m = { .size = sizeof(m) };
	int r = tvm_measurement(vm, &m, err);

	return r < 0 ? r : blob_write(path, "measurement", m.blob, m.blob_len, err);
}

static bool there(const char *path)
{
	struct stat st;

	return !stat(path, &st) && (!S_ISREG(st.st_mode) || st.st_size);
}

/* The folder of a file, so that its creation is seen. */
static int watch_folder(int fd, const char *path, struct tvm_error *err)
{
	_cleanup_free_ char *folder = strdup(path);
	char *slash;

	if (!folder)
		return err_set(err, -ENOMEM, "secret: out of memory");
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (inotify_add_watch(fd, slash ? folder : ".", IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
		return err_sys(err, -errno, "secret: cannot watch for '%s'", path);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for_files(const struct tee_opts *opts, int cancel_fd, struct tvm_error *err)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int64_t end = now_ms() + opts->secret_timeout * 1000LL;
	int r;

	if (fd < 0)
		return err_sys(err, -errno, "secret: inotify");
	r = watch_folder(fd, opts->secret_header, err);
	if (!r)
		r = watch_folder(fd, opts->secret, err);
	while (!r && (!there(opts->secret_header) || !there(opts->secret))) {
		struct pollfd fds[2] = { { fd, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
		int64_t left = end - now_ms();
		char events[sizeof(struct inotify_event) + NAME_MAX + 1];

		if (left <= 0)
			return err_set(err, -ETIMEDOUT, "secret: no '%s' and '%s' within %u s",
				opts->secret_header, opts->secret, opts->secret_timeout);
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return err_sys(err, -errno, "secret: poll");
		if (fds[1].revents)
			return err_set(err, -ECANCELED, "secret: given up");
		while (read(fd, events, sizeof(events)) > 0)
			;
	}
	return r;
}

static int inject_files(struct tvm_vm *vm, const struct tee_opts *opts, struct tvm_error *err)
{
	_cleanup_free_ uint8_t *header = NULL, *secret = NULL;
	size_t header_len, len = 0;
	int r = blob_read(opts->secret_header, "secret-header", SECRET_MAX, &header, &header_len,
		err);

	if (!r)
		r = blob_read(opts->secret, "secret", SECRET_MAX, &secret, &len, err);
	if (!r)
		r = tvm_inject_secret(vm, header, header_len, secret, len, opts->secret_gpa, err);
	return r;
}

int tvm_exchange(struct tvm_vm *handle, int cancel_fd, struct tvm_error *err)
{
	const struct tee_opts *opts = &vm_of(handle)->cfg->tee;
	int r = 0;

	if (opts->measurement)
		r = write_measurement(handle, opts->measurement, err);
	if (!r && opts->secret_header)
		r = wait_for_files(opts, cancel_fd, err);
	if (!r && opts->secret_header)
		r = inject_files(handle, opts, err);
	return r;
}

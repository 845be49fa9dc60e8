/* SPDX-License-Identifier: Apache-2.0 */
/* The host's secure processor: include/uapi/linux/psp-sev.h, SEV_ISSUE_CMD. */
#include <errno.h>
#include <fcntl.h>
#include <linux/psp-sev.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/tvm-attest/platform.h"

/* 0, or a status after one line. */
static enum status issue(int fd, uint32_t id, const char *name, void *data)
{
	struct sev_issue_cmd cmd = { .cmd = id, .data = (uintptr_t)data };

	if (!ioctl(fd, SEV_ISSUE_CMD, &cmd))
		return STATUS_OK;
	if (errno == EIO)
		return fail(STATUS_ERROR, "%s: the firmware answers error %u", name,
			cmd.error);
	return fail(STATUS_ERROR, "%s: %s%s", name, strerror(errno),
		errno == ENOTTY ? " (this is no SEV device)" : "");
}

static enum status read_all(struct platform *p, int fd)
{
	struct sev_user_data_status st = { 0 };
	struct sev_user_data_pdh_cert_export export = {
		.pdh_cert_address = (uintptr_t)&p->pdh,
		.pdh_cert_len = sizeof(p->pdh),
		.cert_chain_address = (uintptr_t)&p->chain,
		.cert_chain_len = sizeof(p->chain),
	};
	struct sev_user_data_get_id2 id = {
		.address = (uintptr_t)p->chip_id,
		.length = sizeof(p->chip_id),
	};
	struct sev_issue_cmd cmd = { .cmd = SEV_GET_ID2, .data = (uintptr_t)&id };
	enum status s = issue(fd, SEV_PLATFORM_STATUS, "PLATFORM_STATUS", &st);

	if (s)
		return s;
	p->have_status = p->live = true;
	p->api_major = st.api_major;
	p->api_minor = st.api_minor;
	p->build = st.build;
	p->state = st.state;
	p->owned = st.flags & 1;
	p->es = st.flags >> 8 & 1;
	p->guests = st.guest_count;
	/* Some machines have two sockets, whose ids are longer, or none: it is only shown. */
	p->have_chip_id = !ioctl(fd, SEV_ISSUE_CMD, &cmd) && id.length == sizeof(p->chip_id);
	return issue(fd, SEV_PDH_CERT_EXPORT, "PDH_CERT_EXPORT", &export);
}

enum status device_read(struct platform *p, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	enum status s;

	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(STATUS_ERROR, "cannot open '%s': %s; without such hardware "
			"there is --soft DIR", path, strerror(errno));
	s = read_all(p, fd);
	close(fd);
	return s;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One console's end of a character backend: the choice of the backend, and the queue of bytes
 * that wait for the device.
 */
#include "devices/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "devices/chardev_out.h"
#include "devices/chardev_peer.h"
#include "vmm/device.h"

#define RX_SIZE 4096u

struct chardev {
	const struct chardev_handler *handler;
	void *opaque;			/* borrowed */
	const char *name;		/* borrowed */
	struct loop *loop;		/* borrowed */
	/* Where input comes from; both NULL: from nowhere. */
	struct chardev_mux *mux;	/* borrowed */
	struct chardev_peer *peer;	/* owned */
	struct chardev_out *out;	/* owned, or the mux's; NULL: nowhere */
	_Atomic bool rx_waiting;	/* bytes wait, and somebody has to say when they fit */
	size_t rx_head, rx_len;		/* loop's thread */
	uint8_t rx[RX_SIZE];
};

static int open_file(struct chardev *cd, const struct dev_env *env, const char *path,
	struct tvm_error *err)
{
	/* O_NONBLOCK: a fifo without a reader is an error and not a wait. */
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags, 0600);
	int r;

	if (fd < 0)
		return err_sys(err, -errno, "%s: cannot open %s", cd->name, path);
	r = chardev_out_create(env->loop, env->log, cd->name, fd, true, &cd->out, err);
	if (r < 0)
		close_fd(&fd);
	return r;
}

static int open_stdio(struct chardev *cd, const struct dev_env *env, struct tvm_error *err)
{
	int r;

	if (!env->mux)
		return err_set(err, -EINVAL, "%s: this machine has no terminal", cd->name);
	r = chardev_mux_attach(env->mux, cd, &cd->out, err);
	if (!r)
		cd->mux = env->mux;
	return r;
}

static int open_peer(struct chardev *cd, const struct dev_env *env,
	const struct chardev_opts *opts, struct tvm_error *err)
{
	int r = chardev_out_create(env->loop, env->log, cd->name, -1, false, &cd->out, err);

	if (r < 0)
		return r;
	return opts->kind == CHARDEV_UNIX ?
		chardev_unix_open(cd, env, cd->out, opts->path, &cd->peer, err) :
		chardev_pty_open(cd, env, cd->out, opts->path, &cd->peer, err);
}

int chardev_open(const struct dev_env *env, const struct chardev_opts *opts, const char *name,
	const struct chardev_handler *handler, void *opaque, struct chardev **out,
	struct tvm_error *err)
{
	struct chardev *cd = calloc(1, sizeof(*cd));
	int r = 0;

	if (!cd)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	cd->handler = handler;
	cd->opaque = opaque;
	cd->name = name;
	cd->loop = env->loop;
	switch (opts->kind) {
	case CHARDEV_NULL:
		break;
	case CHARDEV_STDIO:
		r = open_stdio(cd, env, err);
		break;
	case CHARDEV_FILE:
		r = open_file(cd, env, opts->path, err);
		break;
	case CHARDEV_UNIX:
	case CHARDEV_PTY:
		r = open_peer(cd, env, opts, err);
		break;
	default:
		r = err_set(err, -EINVAL, "%s: unknown character backend", name);
	}
	if (r < 0) {
		chardev_close(cd);
		return r;
	}
	*out = cd;
	return 0;
}

void chardev_close(struct chardev *cd)
{
	if (!cd)
		return;
	if (cd->mux) {
		chardev_out_flush(cd->out);
		chardev_mux_detach(cd->mux, cd);
	} else {
		if (cd->peer) {
			chardev_out_flush(cd->out);
			cd->peer->ops->destroy(cd->peer);
		}
		chardev_out_destroy(cd->out);
	}
	free(cd);
}

void chardev_write(struct chardev *cd, const void *buf, size_t n)
{
	if (cd->out)
		chardev_out_write(cd->out, buf, n);
}

void chardev_flush(struct chardev *cd)
{
	if (cd->out)
		chardev_out_flush(cd->out);
}

size_t chardev_room(const struct chardev *cd)
{
	return RX_SIZE - cd->rx_len;
}

const char *chardev_name(const struct chardev *cd)
{
	return cd->name;
}

void chardev_input(struct chardev *cd, uint8_t byte)
{
	cd->rx[(cd->rx_head + cd->rx_len++) % RX_SIZE] = byte;
}

void chardev_deliver(struct chardev *cd)
{
	size_t n, take;

	while (cd->rx_len) {
		/*
		 * Before the question, not after: a vCPU that makes room between the answer
		 * and the store would find nobody waiting, and the bytes would stay for ever.
		 */
		atomic_store(&cd->rx_waiting, true);
		take = cd->handler->can_receive(cd->opaque);
		if (!take)
			return;
		n = RX_SIZE - cd->rx_head;
		n = n < cd->rx_len ? n : cd->rx_len;
		n = n < take ? n : take;
		cd->handler->receive(cd->opaque, cd->rx + cd->rx_head, n);
		cd->rx_head = (cd->rx_head + n) % RX_SIZE;
		cd->rx_len -= n;
	}
	atomic_store(&cd->rx_waiting, false);
}

void chardev_accept_input(struct chardev *cd)
{
	/* What waits in a source waits because rx is full, so rx_waiting tells of it too. */
	if (!atomic_load(&cd->rx_waiting) || !atomic_exchange(&cd->rx_waiting, false))
		return;
	if (cd->mux)
		chardev_mux_resume(cd->mux);
	else if (cd->peer)
		chardev_peer_resume(cd->peer);
}

/* ---- The other end ------------------------------------------------------------------- */

void chardev_changed(struct chardev *cd)
{
	if (cd->handler->changed)
		cd->handler->changed(cd->opaque);
}

bool chardev_connected(const struct chardev *cd)
{
	return !cd->peer || cd->peer->fd >= 0;
}

bool chardev_tty_size(int fd, uint16_t *cols, uint16_t *rows)
{
	struct winsize ws;

	if (fd < 0 || ioctl(fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_col || !ws.ws_row)
		return false;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
	return true;
}

bool chardev_size(const struct chardev *cd, uint16_t *cols, uint16_t *rows)
{
	if (cd->mux)
		return chardev_mux_size(cd->mux, cols, rows);
	return cd->peer && cd->peer->ops->path && chardev_tty_size(cd->peer->fd, cols, rows);
}

const char *chardev_pty(const struct chardev *cd)
{
	return cd->peer && cd->peer->ops->path ? cd->peer->ops->path(cd->peer) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of a program that knows AF_VSOCK, answered with the unix sockets of a hybrid vsock: the
 * host's end of the kernel's vsock_test is linked with this by the linker's --wrap (assets.sh).
 * $VSOCK_PATH is the device's socket; port N of the host is $VSOCK_PATH_N. Its peer is the guest
 * whose address is $VSOCK_CID.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

int __real_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __real_accept(int fd, struct sockaddr *sa, socklen_t *len);

int __wrap_socket(int domain, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_accept(int fd, struct sockaddr *sa, socklen_t *len);

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		fprintf(stderr, "vsock_hybrid: %s is not set\n", name);
		exit(1);
	}
	return value;
}

static struct sockaddr_un unix_address(const char *suffix)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s%s", setting("VSOCK_PATH"), suffix);
	return sa;
}

int __wrap_socket(int domain, int type, int protocol)
{
	if (domain != AF_VSOCK)
		return __real_socket(domain, type, protocol);
	if (type != SOCK_STREAM) {
		errno = ESOCKTNOSUPPORT;
		return -1;
	}
	return __real_socket(AF_UNIX, type, 0);
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_un un;
	char suffix[16];

	if (sa->sa_family != AF_VSOCK)
		return __real_bind(fd, sa, len);
	snprintf(suffix, sizeof(suffix), "_%u", ((const struct sockaddr_vm *)sa)->svm_port);
	un = unix_address(suffix);
	unlink(un.sun_path); /* of the test before */
	return __real_bind(fd, (struct sockaddr *)&un, sizeof(un));
}

/* "OK <port>\n"; no byte behind it is taken. */
static int read_answer(int fd)
{
	char c = 0;

	while (c != '\n')
		if (read(fd, &c, 1) != 1)
			return -1;
	return 0;
}

int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_un un;

	if (sa->sa_family != AF_VSOCK)
		return __real_connect(fd, sa, len);
	un = unix_address("");
	if (__real_connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -1;
	if (dprintf(fd, "CONNECT %u\n", ((const struct sockaddr_vm *)sa)->svm_port) > 0 &&
		!read_answer(fd))
		return 0;
	errno = ECONNRESET; /* what the guest's RST is for AF_VSOCK */
	return -1;
}

int __wrap_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK };
	int domain = 0, conn;
	socklen_t size = sizeof(domain);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	if (domain != AF_UNIX || !sa)
		return __real_accept(fd, sa, len);
	conn = __real_accept(fd, NULL, NULL);
	if (conn < 0)
		return conn;
	/* The port that the guest calls from is known to the device alone. */
	vm.svm_cid = (unsigned int)atoi(setting("VSOCK_CID"));
	vm.svm_port = VMADDR_PORT_ANY;
	memcpy(sa, &vm, *len < sizeof(vm) ? *len : sizeof(vm));
	*len = sizeof(vm);
	return conn;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libtvm: a minimal virtual machine monitor on KVM, as a library.
 *
 * A machine goes through
 *
 *	config -> tvm_prepare() -> tvm_start() -> ... -> tvm_stop() -> tvm_free()
 *
 * Functions return 0 (or a count) or a negative errno value; those that take a
 * struct tvm_error also say in words what was asked, what failed and what helps.
 * The library installs no signal handler, never ends the process, prints nothing and keeps
 * no global state: any number of machines may live in one process.
 *
 * Threads: a struct tvm_config belongs to one thread at a time. All functions on a
 * struct tvm_vm may be called from any thread, except that tvm_free() must be the last call.
 */
#ifndef TVM_H
#define TVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TVM_API __attribute__((visibility("default")))

/* What went wrong, in words. Owned by the caller; every err parameter may be NULL. */
struct tvm_error {
	int code;	/* negative errno value, as returned */
	char msg[512];	/* one line without a newline: "kvm: cannot open /dev/kvm: ..." */
};

/* Release of the library, e.g. "0.1.0". */
TVM_API const char *tvm_version(void);

/*
 * Whether this build and this host offer a feature: "kvm" (usable now), "io_uring",
 * "arch:x86_64", "tee:none", ... Unknown names are simply absent.
 */
TVM_API bool tvm_has(const char *feature);

/* ---- Configuration ------------------------------------------------------------------- */

struct tvm_config;

/* A configuration with every default in place, or NULL when memory is out. */
TVM_API struct tvm_config *tvm_config_new(void);
TVM_API void tvm_config_free(struct tvm_config *cfg); /* NULL is fine */

/*
 * Set one key as a command line would: tvm_config_set(cfg, "memory", "512M", &err),
 * tvm_config_set(cfg, "disk", "path=root.img,ro", &err). Keys that may repeat ("disk",
 * "initrd") append. The value is copied. -EINVAL names the key and what is allowed.
 */
TVM_API int tvm_config_set(struct tvm_config *cfg, const char *key, const char *value,
	struct tvm_error *err);

/* The same keys from a JSON object of len bytes (need not end in NUL). */
TVM_API int tvm_config_set_json(struct tvm_config *cfg, const char *json, size_t len,
	struct tvm_error *err);

/* The configuration as JSON, defaults included; the caller frees *json_out with free(). */
TVM_API int tvm_config_get_json(const struct tvm_config *cfg, char **json_out,
	struct tvm_error *err);

/*
 * One scalar as text, in buf of len bytes: "memory", "tee.kind", "console.0.kind". -ENOENT:
 * there is no such key, or it is not set; -ENOSPC: buf is too small.
 */
TVM_API int tvm_config_get(const struct tvm_config *cfg, const char *key, char *buf, size_t len);

/* Whether a machine can be built from it, as far as that can be told without the host. */
TVM_API int tvm_config_check(const struct tvm_config *cfg, struct tvm_error *err);

/* One key of the configuration, for help texts and completion. */
struct tvm_config_key {
	size_t size;		/* in: sizeof(struct tvm_config_key) */
	const char *name;	/* "disk" */
	const char *arg;	/* "path=FILE[,ro][,direct]", or NULL for a switch */
	const char *help;	/* one sentence */
	bool repeats;
};

/* The index-th key, in the order of the manual; -ENOENT past the last. */
TVM_API int tvm_config_key(unsigned int index, struct tvm_config_key *out);

/* ---- Logging ------------------------------------------------------------------------- */

enum tvm_log_level { TVM_LOG_ERROR, TVM_LOG_WARN, TVM_LOG_INFO, TVM_LOG_DEBUG };

/* Called from any thread of the machine, one line without newline at a time. */
typedef void tvm_log_fn(void *opaque, enum tvm_log_level level, const char *line);

struct tvm_host {
	size_t size;		/* sizeof(struct tvm_host) */
	tvm_log_fn *log;	/* NULL: silence */
	void *log_opaque;
	enum tvm_log_level log_level;
};

/* ---- Machines ------------------------------------------------------------------------ */

struct tvm_vm;

enum tvm_state {
	TVM_PREPARED,	/* memory populated, no vCPU has run */
	TVM_RUNNING,
	TVM_PAUSED,
	TVM_STOPPED,	/* for good: see struct tvm_exit */
};

enum tvm_exit_reason {
	TVM_EXIT_NONE,		/* still alive */
	TVM_EXIT_POWEROFF,	/* the guest powered off */
	TVM_EXIT_RESET,		/* the guest reset, and "no-reboot" is set */
	TVM_EXIT_PANIC,		/* the guest kernel reported a panic (pvpanic) */
	TVM_EXIT_CRASH,		/* triple fault, or a state KVM cannot continue from */
	TVM_EXIT_HOST_ERROR,	/* the host failed: message tells */
	TVM_EXIT_STOPPED,	/* tvm_stop() */
	TVM_EXIT_CONSOLE_QUIT,	/* Ctrl-A x on a stdio console */
	TVM_EXIT_REFUSED,	/* measured firmware refused what it was given to boot */
	TVM_EXIT_VIOLATION,	/* a realm touched what is not its own: tee key violation=stop */
};

struct tvm_exit {
	enum tvm_exit_reason reason;
	char msg[256];		/* one line for people */
};

/*
 * Build a machine and load its boot images. cfg is copied and may be freed or reused.
 * host may be NULL. On failure nothing is left behind and *out is untouched.
 */
TVM_API int tvm_prepare(const struct tvm_config *cfg, const struct tvm_host *host,
	struct tvm_vm **out, struct tvm_error *err);

/*
 * The device tree of such a machine on aarch64, as a confidential guest gets it and as its launch
 * measures it; a plain guest finds random seeds in it as well. Reads kernel and initrds for their
 * sizes, needs no KVM. The caller frees *out. -EOPNOTSUPP on x86_64.
 */
TVM_API int tvm_device_tree(const struct tvm_config *cfg, void **out, size_t *len_out,
	struct tvm_error *err);

/* ---- Confidential machines ----------------------------------------------------------- */

/*
 * A prepared confidential machine is "measured": nothing of it has run, its measurement can be
 * read and secrets can be injected. tvm_start() ends that. Plain machines: -EOPNOTSUPP.
 */
struct tvm_measurement {
	size_t size;		/* in: sizeof(struct tvm_measurement) */
	const char *kind;	/* "sev", "csv", ... */
	bool soft;		/* the soft platform made it: not confidential */
	uint8_t api_major, api_minor, build; /* of the secure processor's firmware */
	uint32_t policy;
	size_t blob_len;
	uint8_t blob[64];	/* SEV, CSV: measure[32], nonce[16] */
};

TVM_API int tvm_measurement(struct tvm_vm *vm, struct tvm_measurement *out,
	struct tvm_error *err);

/*
 * Inject a packet that the guest owner made for this measurement. gpa 0: the secret area that
 * the firmware names. -EKEYREJECTED when the secure processor refuses it.
 */
TVM_API int tvm_inject_secret(struct tvm_vm *vm, const void *header, size_t header_len,
	const void *secret, size_t len, uint64_t gpa, struct tvm_error *err);

/* Attestation report over a nonce; *len is the room in buf, then the report's length. */
TVM_API int tvm_report(struct tvm_vm *vm, const uint8_t nonce[16], void *buf, size_t *len,
	struct tvm_error *err);

/*
 * The exchange that the configuration names: write the measurement to its file, wait for the
 * secret's files and inject them. Nothing to do without such keys. Gives up with -ECANCELED
 * when cancel_fd (or -1) becomes readable.
 */
TVM_API int tvm_exchange(struct tvm_vm *vm, int cancel_fd, struct tvm_error *err);

/*
 * What a launch of this configuration would measure, as JSON: parts in their order with their
 * hashes, and the expected launch digest. Needs no KVM. The caller frees *json_out.
 */
TVM_API int tvm_manifest(const struct tvm_config *cfg, char **json_out, struct tvm_error *err);

/* Let the vCPUs run; returns at once. -EALREADY when started before. */
TVM_API int tvm_start(struct tvm_vm *vm, struct tvm_error *err);

/* Stop all vCPUs between two instructions / let them go on. Idempotent. */
TVM_API int tvm_pause(struct tvm_vm *vm, struct tvm_error *err);
TVM_API int tvm_resume(struct tvm_vm *vm, struct tvm_error *err);

/* Press the power button; what follows is the guest's decision. */
TVM_API int tvm_powerdown(struct tvm_vm *vm, struct tvm_error *err);

/*
 * Ask the guest, whose configuration has "balloon" on, to give back bytes of its memory in all.
 * It does so in its own time, or not: tvm_balloon_get() tells how much it says it has given.
 */
TVM_API int tvm_balloon_set(struct tvm_vm *vm, uint64_t bytes, struct tvm_error *err);
TVM_API int tvm_balloon_get(struct tvm_vm *vm, uint64_t *bytes_out, struct tvm_error *err);

/*
 * The terminal on descriptor 0 has another size now: a console that uses it tells the guest.
 * (A library catches no SIGWINCH.)
 */
TVM_API int tvm_terminal_resized(struct tvm_vm *vm);

/*
 * Path of the pseudo-terminal that was made for a console: 0, 1, ... in the order of the
 * configuration, -1: the serial port. -ENOENT when it has none.
 */
TVM_API int tvm_console_pty(struct tvm_vm *vm, int console, char *buf, size_t len);

/* Reset the machine as its reset line would: memory is cleared, images are loaded again. */
TVM_API int tvm_reset(struct tvm_vm *vm, struct tvm_error *err);

/* End the machine: vCPUs leave, devices finish. Idempotent; tvm_wait() then returns. */
TVM_API int tvm_stop(struct tvm_vm *vm);

/*
 * Wait until the machine is TVM_STOPPED; timeout_ms < 0 waits for ever. 0 with *out
 * filled (may be NULL), or -ETIMEDOUT.
 */
TVM_API int tvm_wait(struct tvm_vm *vm, int timeout_ms, struct tvm_exit *out);

TVM_API enum tvm_state tvm_status(struct tvm_vm *vm);

enum tvm_event_type {
	TVM_EVENT_NONE,
	TVM_EVENT_STARTED,
	TVM_EVENT_PAUSED,
	TVM_EVENT_RESUMED,
	TVM_EVENT_RESET,	/* the guest was reset and runs again */
	TVM_EVENT_STOPPED,
};

struct tvm_event {
	size_t size;		/* in: sizeof(struct tvm_event) */
	enum tvm_event_type type;
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
};

/* Readable while events wait. Owned by the machine; poll it, do not read or close it. */
TVM_API int tvm_event_fd(struct tvm_vm *vm);

/* Take the oldest event: 1, or 0 when there is none. */
TVM_API int tvm_next_event(struct tvm_vm *vm, struct tvm_event *out);

/* Thread id of vCPU index, for placement into cgroups; -ENOENT past the last. */
TVM_API pid_t tvm_vcpu_tid(struct tvm_vm *vm, unsigned int index);

/* Counters as one JSON object; the caller frees *json_out with free(). */
TVM_API int tvm_metrics(struct tvm_vm *vm, char **json_out);

/* Stop if needed and release everything. NULL is fine. */
TVM_API void tvm_free(struct tvm_vm *vm);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of tvm.h for machines: check arguments, call the rest. */
#include "tvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tee/tee.h"
#include "vmm/vm.h"

const char *tvm_version(void)
{
	return TVM_VERSION;
}

static bool has_kvm(void)
{
	struct kvm_vm kvm = KVM_VM_NONE;
	bool ok = kvm_open(&kvm, NULL) == 0;

	kvm_close(&kvm);
	return ok;
}

bool tvm_has(const char *feature)
{
	struct utsname u;

	if (!strcmp(feature, "kvm"))
		return has_kvm();
	if (!strncmp(feature, "tee:", 4))
		return tee_find(feature + 4, NULL);
	if (!strncmp(feature, "arch:", 5))
		return !uname(&u) && !strcmp(u.machine, feature + 5);
	return false;
}

int tvm_device_tree(const struct tvm_config *cfg, void **out, size_t *len_out,
	struct tvm_error *err)
{
	if (!cfg || !out || !len_out)
		return err_set(err, -EINVAL, "device tree: no configuration or result");
	return vm_device_tree(cfg, out, len_out, err);
}

int tvm_prepare(const struct tvm_config *cfg, const struct tvm_host *host, struct tvm_vm **out,
	struct tvm_error *err)
{
	struct tvm_host known = { 0 };
	struct vm *vm;
	int r;

	if (!cfg || !out)
		return err_set(err, -EINVAL, "prepare: no configuration or result");
	if (host)
		memcpy(&known, host, host->size < sizeof(known) ? host->size : sizeof(known));
	r = vm_create(cfg, &known, &vm, err);
	if (r < 0)
		return r;
	*out = (struct tvm_vm *)vm;
	return 0;
}

int tvm_start(struct tvm_vm *vm, struct tvm_error *err)
{
	return run_start(vm_of(vm), err);
}

int tvm_pause(struct tvm_vm *vm, struct tvm_error *err)
{
	return run_pause(vm_of(vm), err);
}

int tvm_resume(struct tvm_vm *vm, struct tvm_error *err)
{
	return run_resume(vm_of(vm), err);
}

int tvm_powerdown(struct tvm_vm *vm, struct tvm_error *err)
{
	if (run_state(vm_of(vm)) == TVM_STOPPED)
		return err_set(err, -ESHUTDOWN, "powerdown: the machine has ended");
	machine_event(vm_of(vm), "power-button");
	return 0;
}

int tvm_balloon_set(struct tvm_vm *vm, uint64_t bytes, struct tvm_error *err)
{
	if (run_state(vm_of(vm)) == TVM_STOPPED)
		return err_set(err, -ESHUTDOWN, "balloon: the machine has ended");
	if (machine_balloon(vm_of(vm), &bytes, NULL) < 0)
		return err_set(err, -ENODEV, "balloon: the machine has none");
	return 0;
}

int tvm_balloon_get(struct tvm_vm *vm, uint64_t *bytes_out, struct tvm_error *err)
{
	if (machine_balloon(vm_of(vm), NULL, bytes_out) < 0)
		return err_set(err, -ENODEV, "balloon: the machine has none");
	return 0;
}

int tvm_terminal_resized(struct tvm_vm *vm)
{
	if (run_state(vm_of(vm)) == TVM_STOPPED)
		return -ESHUTDOWN;
	machine_event(vm_of(vm), "terminal-size");
	return 0;
}

int tvm_console_pty(struct tvm_vm *vm, int console, char *buf, size_t len)
{
	const char *path = machine_pty(vm_of(vm), console);

	if (!path)
		return -ENOENT;
	return snprintf(buf, len, "%s", path) < (int)len ? 0 : -ENOSPC;
}

int tvm_reset(struct tvm_vm *vm, struct tvm_error *err)
{
	return run_reset(vm_of(vm), err);
}

int tvm_stop(struct tvm_vm *vm)
{
	run_quit(vm_of(vm), TVM_EXIT_STOPPED, "stopped");
	return 0;
}

int tvm_wait(struct tvm_vm *vm, int timeout_ms, struct tvm_exit *out)
{
	return run_join(vm_of(vm), timeout_ms, out);
}

enum tvm_state tvm_status(struct tvm_vm *vm)
{
	return run_state(vm_of(vm));
}

int tvm_event_fd(struct tvm_vm *vm)
{
	return vm_of(vm)->run.event_fd;
}

int tvm_next_event(struct tvm_vm *vm, struct tvm_event *out)
{
	return run_next_event(vm_of(vm), out);
}

pid_t tvm_vcpu_tid(struct tvm_vm *vm, unsigned int index)
{
	return index < vm_of(vm)->nr_vcpus ? vm_of(vm)->vcpus[index].tid : -ENOENT;
}

static void print_vcpu(FILE *f, struct vcpu *vcpu)
{
	static const char *const names[VCPU_NR_COUNTERS] = {
		[VCPU_EXIT_PIO] = "pio",
		[VCPU_EXIT_MMIO] = "mmio",
		[VCPU_EXIT_SIGNAL] = "signal",
		[VCPU_EXIT_OTHER] = "other",
		[VCPU_UNCLAIMED] = "unclaimed",
	};

	for (unsigned int i = 0; i < VCPU_NR_COUNTERS; i++)
		fprintf(f, "%s\"%s\":%llu", i ? "," : "{", names[i],
			(unsigned long long)atomic_load_explicit(&vcpu->counters[i],
				memory_order_relaxed));
	fputc('}', f);
}

int tvm_metrics(struct tvm_vm *handle, char **json_out)
{
	struct vm *vm = vm_of(handle);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	fputs("{\"vcpus\":[", f);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		fputs(i ? "," : "", f);
		print_vcpu(f, &vm->vcpus[i]);
	}
	fputc(']', f);
	if (vm->tee->metrics)
		vm->tee->metrics(vm, f);
	fputc('}', f);
	if (fclose(f)) {
		free(text);
		return -ENOMEM;
	}
	*json_out = text;
	return 0;
}

void tvm_free(struct tvm_vm *vm)
{
	vm_destroy(vm_of(vm));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a machine, in the one order that works:
 *
 *	files -> KVM -> memory -> TEE -> interrupts -> devices -> vCPUs -> boot images -> threads
 *
 * Destruction is the reverse and stands right below. A reset repeats the parts of it that a
 * guest can have changed.
 */
#include "vmm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "tee/tee.h"
#include "vmm/bus.h"
#include "vmm/gmem.h"

static int open_initrd(const char *path, struct initrd *out, struct tvm_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "initrd: cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "initrd: '%s' is a directory; give a cpio archive",
			path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "initrd: '%s' is not a regular file", path);
	if (!st.st_size)
		return err_set(err, -ENODATA, "initrd: '%s' is empty", path);
	*out = (struct initrd){ .fd = take_fd(&fd), .size = (uint64_t)st.st_size };
	return 0;
}

uint64_t initrd_total(const struct vm *vm)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < vm->nr_initrds; i++)
		total = align_up(total, 4) + vm->initrds[i].size;
	return total;
}

static int open_files(struct vm *vm, struct tvm_error *err)
{
	const struct tvm_config *cfg = vm->cfg;
	const struct board *board = arch_board();
	int r = image_open(cfg->kernel, board->elf_machine, board->unpack, &vm->kernel, err);

	if (r < 0)
		return r;
	if (!cfg->initrd.nr)
		return 0;
	vm->initrds = calloc(cfg->initrd.nr, sizeof(*vm->initrds));
	if (!vm->initrds)
		return err_set(err, -ENOMEM, "initrd: out of memory");
	for (unsigned int i = 0; i < cfg->initrd.nr; i++) {
		r = open_initrd(cfg->initrd.items[i], &vm->initrds[i], err);
		if (r < 0)
			return r;
		vm->nr_initrds++;
	}
	return 0;
}

static int populate_hook(void *opaque, gpa_t gpa, size_t len, struct tvm_error *err)
{
	struct vm *vm = opaque;

	return vm->tee->populate(vm, gpa, len, err);
}

static int add_slots(struct vm *vm, struct tvm_error *err)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < gmem_nr_slots(vm->gmem); i++) {
		const struct gmem_slot *s = gmem_slot(vm->gmem, i);

		r = vm->tee->mem_add ? vm->tee->mem_add(vm, s, i, err) :
			kvm_add_slot(&vm->kvm, i, s->gpa, s->size, s->hva, err);
	}
	return r;
}

static int add_ram(struct vm *vm, const struct gmem_opts *opts, struct tvm_error *err)
{
	const struct board *board = arch_board();
	uint64_t low = board->ram_hole - board->ram_base, size = vm->cfg->memory;
	int r = gmem_create(opts, &vm->gmem, err);

	if (r < 0)
		return r;
	r = gmem_add(vm->gmem, board->ram_base, size < low ? size : low, err);
	if (!r && size > low)
		r = gmem_add(vm->gmem, board->ram_hole_end, size - low, err);
	return r;
}

static int add_memory(struct vm *vm, struct tvm_error *err)
{
	int r = add_ram(vm, &vm->cfg->gmem, err);

	if (!r)
		r = arch_firmware(vm->cfg, vm->tee->confidential, &vm->fw, err);
	if (!r && vm->fw.image)
		r = gmem_add_rom(vm->gmem, vm->fw.gpa, vm->fw.size, err);
	if (r < 0)
		return r;
	if (vm->tee->populate)
		gmem_set_populate_hook(vm->gmem, populate_hook, vm);
	return add_slots(vm, err);
}

static int create_kvm(struct vm *vm, struct tvm_error *err)
{
	int r = kvm_open(&vm->kvm, err);
	unsigned long type;

	if (r < 0)
		return r;
	type = arch_vm_type(&vm->kvm);
	if (vm->tee->probe)
		r = vm->tee->probe(vm, &type, err);
	if (!r)
		r = kvm_create_vm(&vm->kvm, type, err);
	if (!r)
		r = kvm_require(&vm->kvm, KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", err);
	if (!r)
		r = kvm_require(&vm->kvm, KVM_CAP_IRQFD, "KVM_CAP_IRQFD", err);
	if (!r && vm->tee->vm_init)
		r = vm->tee->vm_init(vm, err);
	return r;
}

static int create_irq(struct vm *vm, struct tvm_error *err)
{
	struct kvm_irq_routing_entry routes[256];
	unsigned int n;
	int r = arch_vm_init(vm, err);

	if (r < 0)
		return r;
	n = arch_irq_routes(routes, ARRAY_SIZE(routes));
	return irq_kvm_create(&vm->kvm, arch_board()->nr_gsi, routes, n, &vm->irq, err);
}

static int create_vcpus(struct vm *vm, struct tvm_error *err)
{
	vm->vcpus = calloc(vm->cfg->cpus, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return err_set(err, -ENOMEM, "vCPUs: out of memory");
	for (unsigned int i = 0; i < vm->cfg->cpus; i++) {
		int r;

		vm->vcpus[i].fd = -1;
		vm->nr_vcpus = i + 1;
		r = vcpu_init(&vm->vcpus[i], vm, i, err);
		if (!r && vm->tee->vcpu_init)
			r = vm->tee->vcpu_init(&vm->vcpus[i], err);
		if (r < 0)
			return r;
	}
	return arch_vcpus_created(vm, err);
}

/* Initial contents, in the order that a measurement depends on. */
static int load(struct vm *vm, struct tvm_error *err)
{
	int r = arch_load_boot(vm, err);

	if (!r && vm->tee->finalize)
		r = vm->tee->finalize(vm, err);
	if (!r)
		gmem_seal(vm->gmem);
	return r;
}

static int start_threads(struct vm *vm, struct tvm_error *err)
{
	int r = loop_start(vm->loop, "tvm-io", err);

	for (unsigned int i = 0; !r && i < vm->nr_vcpus; i++)
		r = vcpu_start_thread(&vm->vcpus[i], err);
	return r;
}

static int build(struct vm *vm, struct tvm_error *err)
{
	int r;

	vm->tee = tee_find(vm->cfg->tee.kind, err);
	if (!vm->tee)
		return -EINVAL;
	r = open_files(vm, err);
	if (!r)
		r = create_kvm(vm, err);
	if (!r)
		r = add_memory(vm, err);
	if (!r)
		r = loop_create(&vm->loop, err);
	if (!r)
		r = bus_create(&vm->bus, err);
	if (!r)
		r = create_irq(vm, err);
	if (!r)
		r = machine_create(vm, err);
	if (!r)
		r = create_vcpus(vm, err);
	if (!r)
		r = load(vm, err);
	if (!r)
		r = start_threads(vm, err);
	return r;
}

/* A machine of which nothing exists but a valid configuration. */
static int begin(const struct tvm_config *cfg, const struct tvm_host *host, struct vm **out,
	struct tvm_error *err)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (!vm)
		return err_set(err, -ENOMEM, "machine: out of memory");
	vm->kvm = KVM_VM_NONE;
	vm->kernel.fd = -1;
	vm->run.event_fd = -1;
	log_init(&vm->log, host);
	r = run_init(&vm->run, err);
	if (r < 0)
		goto fail;
	vm->cfg = config_copy(cfg);
	if (!vm->cfg) {
		r = err_set(err, -ENOMEM, "machine: out of memory");
		goto fail;
	}
	r = config_validate(vm->cfg, err);
	if (r < 0)
		goto fail;
	*out = vm;
	return 0;
fail:
	vm_destroy(vm);
	return r;
}

int vm_create(const struct tvm_config *cfg, const struct tvm_host *host, struct vm **out,
	struct tvm_error *err)
{
	struct vm *vm;
	int r = begin(cfg, host, &vm, err);

	if (r < 0)
		return r;
	r = build(vm, err);
	if (r < 0) {
		vm_destroy(vm);
		return r;
	}
	*out = vm;
	return 0;
}

/* Memory is only asked where its ends are. */
static int describe(struct vm *vm, void **out, size_t *len_out, struct tvm_error *err)
{
	static const struct gmem_opts small = { .pages = GMEM_PAGES_SMALL };
	int r;

	vm->tee = tee_find(vm->cfg->tee.kind, err);
	if (!vm->tee)
		return -EINVAL;
	if (vm->cfg->transport == TRANSPORT_MMIO) {
		vm->machine.mmio = arch_board()->mmio;
		vm->machine.mmio.nr = machine_nr_virtio(vm->cfg);
		if (vm->machine.mmio.nr > vm->machine.mmio.max)
			return err_set(err, -ENOSPC, "virtio: more than %u devices on MMIO",
				vm->machine.mmio.max);
	}
	r = open_files(vm, err);
	if (!r)
		r = add_ram(vm, &small, err);
	return r ? r : arch_device_tree(vm, out, len_out, err);
}

int vm_device_tree(const struct tvm_config *cfg, void **out, size_t *len_out,
	struct tvm_error *err)
{
	struct vm *vm;
	int r = begin(cfg, NULL, &vm, err);

	if (r < 0)
		return r;
	r = describe(vm, out, len_out, err);
	vm_destroy(vm);
	return r;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->nr_vcpus)
		run_quit(vm, TVM_EXIT_STOPPED, "stopped");
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_join(&vm->vcpus[i]);
	if (vm->loop)
		loop_stop(vm->loop);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_fini(&vm->vcpus[i]);
	free(vm->vcpus);
	machine_destroy(vm);
	irq_kvm_destroy(&vm->irq);
	arch_vm_fini(vm);
	bus_destroy(vm->bus);
	loop_destroy(vm->loop);
	if (vm->tee && vm->tee->destroy)
		vm->tee->destroy(vm);
	kvm_close(&vm->kvm);
	gmem_destroy(vm->gmem);
	for (unsigned int i = 0; i < vm->nr_initrds; i++)
		close_fd(&vm->initrds[i].fd);
	free(vm->initrds);
	image_close(&vm->kernel);
	tvm_config_free(vm->cfg);
	run_fini(&vm->run);
	free(vm);
}

int vm_reset(struct vm *vm, struct tvm_error *err)
{
	int r;

	log_info(&vm->log, "reset");
	machine_reset(vm);
	r = gmem_clear(vm->gmem, err);
	if (!r)
		r = arch_reset(vm, err);
	if (!r)
		r = load(vm, err);
	return r;
}

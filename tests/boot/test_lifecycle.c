/* SPDX-License-Identifier: Apache-2.0 */
/* One machine, from tvm_prepare() to tvm_free(): every way to end it, and to interrupt it. */
#include <json-c/json.h>

#include "tests/boot/vm.h"

static char serial_path[] = "/tmp/tvm-lifecycle-XXXXXX";

/* A guest whose serial port is the (emptied) file at serial_path. */
static struct tvm_config *config_with_serial(const char *guest, const char *cmdline)
{
	struct tvm_config *cfg = config(guest, cmdline);
	char value[64];

	CHECK_INT(truncate(serial_path, 0), 0);
	snprintf(value, sizeof(value), "file=%s", serial_path);
	set(cfg, "serial", value);
	return cfg;
}

/* ---- Ends ---------------------------------------------------------------------------- */

static void check_end(const char *guest, const char *cmdline, bool no_reboot,
	enum tvm_exit_reason wanted)
{
	struct tvm_config *cfg = config(guest, cmdline);
	struct tvm_exit end = { 0 };
	struct tvm_vm *vm;

	if (no_reboot)
		set(cfg, "no-reboot", "on");
	vm = launch(cfg);
	REQUIRE(vm);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, wanted);
	CHECK(end.msg[0] && !strchr(end.msg, '\n'));
	CHECK_INT(tvm_status(vm), TVM_STOPPED);
	CHECK_INT(next_event(vm), TVM_EVENT_STARTED);
	CHECK_INT(next_event(vm), TVM_EVENT_STOPPED);
	CHECK_INT(next_event(vm), TVM_EVENT_NONE);

	/* What may still be asked of a machine that has ended. */
	CHECK_INT(tvm_start(vm, &last_error), -ESHUTDOWN);
	CHECK_INT(tvm_pause(vm, &last_error), -ESHUTDOWN);
	CHECK_INT(tvm_resume(vm, &last_error), -ESHUTDOWN);
	CHECK_INT(tvm_reset(vm, &last_error), -ESHUTDOWN);
	CHECK_INT(tvm_powerdown(vm, &last_error), -ESHUTDOWN);
	CHECK_INT(tvm_terminal_resized(vm), -ESHUTDOWN);
	CHECK_INT(tvm_balloon_set(vm, 0, &last_error), -ESHUTDOWN);
	CHECK_INT(tvm_stop(vm), 0);
	CHECK_INT(tvm_wait(vm, 0, &end), 0);
	CHECK_INT(end.reason, wanted);
	tvm_free(vm);
}

static void test_poweroff(void)
{
	check_end("hello", "end=poweroff", false, TVM_EXIT_POWEROFF);
	check_end("hello-pvh", "end=poweroff", false, TVM_EXIT_POWEROFF);
	check_end("hello.bz", "end=poweroff", false, TVM_EXIT_POWEROFF);
}

static void test_reset_no_reboot(void)
{
	check_end("hello", "end=reset", true, TVM_EXIT_RESET);
	check_end("hello", "end=acpi-reset", true, TVM_EXIT_RESET);
}

static void test_panic(void)
{
	check_end("hello", "end=panic", false, TVM_EXIT_PANIC);
}

static void test_triple_fault(void)
{
	check_end("hello", "end=triple", false, TVM_EXIT_CRASH);
	check_end("hello-pvh", "end=triple", true, TVM_EXIT_CRASH);
}

/* A halted, a spinning and a ticking guest; stop answers for itself. */
static void test_stop(void)
{
	static const char *const kinds[][2] = { { "hello", "end=halt" }, { "hello", "end=spin" },
		{ "timer", "forever=1" } };

	for (int i = 0; i < 3; i++) {
		struct tvm_vm *vm = launch(config(kinds[i][0], kinds[i][1]));
		struct tvm_exit end = { 0 };

		REQUIRE(vm);
		usleep(20000);
		CHECK_INT(tvm_status(vm), TVM_RUNNING);
		CHECK_INT(tvm_stop(vm), 0);
		CHECK_INT(tvm_stop(vm), 0);
		CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
		CHECK_INT(end.reason, TVM_EXIT_STOPPED);
		tvm_free(vm);
	}
}

static void test_stop_before_start(void)
{
	struct tvm_vm *vm = prepare(config("hello", ""));
	struct tvm_exit end = { 0 };

	REQUIRE(vm);
	CHECK_INT(tvm_status(vm), TVM_PREPARED);
	CHECK_INT(tvm_stop(vm), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_STOPPED);
	CHECK_INT(tvm_start(vm, &last_error), -ESHUTDOWN);
	CHECK_INT(next_event(vm), TVM_EVENT_STOPPED);
	tvm_free(vm);
}

static void test_start_twice(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=spin"));

	REQUIRE(vm);
	CHECK_INT(tvm_start(vm, &last_error), -EALREADY);
	CHECK(last_error.msg[0]);
	tvm_free(vm);
}

static void test_free(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=spin"));

	tvm_free(NULL);
	tvm_free(vm);
	vm = launch(config("hello", "end=halt"));
	REQUIRE(vm);
	CHECK_INT(tvm_pause(vm, NULL), 0);
	tvm_free(vm);
	tvm_free(prepare(config("hello", "")));
}

/* ---- Pause --------------------------------------------------------------------------- */

static void test_pause_before_start(void)
{
	struct tvm_vm *vm = prepare(config("hello", "end=poweroff"));
	struct tvm_exit end = { 0 };

	REQUIRE(vm);
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	CHECK_INT(tvm_status(vm), TVM_PREPARED);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(tvm_status(vm), TVM_PAUSED);
	CHECK_INT(tvm_wait(vm, 50, NULL), -ETIMEDOUT);
	CHECK_INT(tvm_resume(vm, &last_error), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_POWEROFF);
	tvm_free(vm);
}

/* Paused and resumed before the start: as if nothing had been said. */
static void test_resume_before_start(void)
{
	struct tvm_vm *vm = prepare(config("hello", "end=poweroff"));

	REQUIRE(vm);
	CHECK_INT(tvm_resume(vm, &last_error), 0);
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	CHECK_INT(tvm_resume(vm, &last_error), 0);
	CHECK_INT(tvm_status(vm), TVM_PREPARED);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, NULL), 0);
	tvm_free(vm);
}

static void pause_often(struct tvm_vm *vm)
{
	for (int i = 0; i < 100; i++) {
		CHECK_INT(tvm_pause(vm, &last_error), 0);
		CHECK_INT(tvm_pause(vm, &last_error), 0);
		CHECK_INT(tvm_status(vm), TVM_PAUSED);
		CHECK_INT(tvm_resume(vm, &last_error), 0);
		CHECK_INT(tvm_resume(vm, &last_error), 0);
		CHECK_INT(tvm_status(vm), TVM_RUNNING);
		usleep((useconds_t)(rand() % 2000));
	}
}

static void test_pause_spinning(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=spin"));
	long before;

	REQUIRE(vm);
	pause_often(vm);
	before = thread_ticks(tvm_vcpu_tid(vm, 0));
	usleep(300000);
	CHECK(thread_ticks(tvm_vcpu_tid(vm, 0)) > before);
	CHECK_INT(tvm_pause(vm, NULL), 0);
	before = thread_ticks(tvm_vcpu_tid(vm, 0));
	usleep(300000);
	CHECK(thread_ticks(tvm_vcpu_tid(vm, 0)) <= before + 1);
	tvm_free(vm);
}

/* Interrupts are neither lost nor stuck: the guest still ticks after a hundred pauses. */
static void test_pause_ticking(void)
{
	struct tvm_vm *vm = launch(config_with_serial("timer", "forever=1"));
	int dots;

	REQUIRE(vm);
	CHECK(await_text(serial_path, "timer: 20 ticks", 1));
	pause_often(vm);
	dots = count_text(serial_path, ".");
	CHECK(await_text(serial_path, ".", dots + 2));
	CHECK_INT(count_text(serial_path, "timer: 20 ticks"), 1);
	tvm_free(vm);
}

/* ---- Reset --------------------------------------------------------------------------- */

/* The guest looks itself whether all is as it was, and panics if not. */
static void test_reboots(void)
{
	struct tvm_vm *vm = launch(config_with_serial("reboots", "end=reset"));
	struct tvm_exit end = { 0 };

	REQUIRE(vm);
	for (int i = 0; i < 25; i++)
		REQUIRE(await_event(vm, TVM_EVENT_RESET));
	CHECK_INT(tvm_stop(vm), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_STOPPED);
	CHECK(count_text(serial_path, "reboots\n") >= 25);
	CHECK_INT(count_text(serial_path, " is 0x"), 0);
	tvm_free(vm);
}

static void test_reset_running(void)
{
	struct tvm_vm *vm = launch(config_with_serial("hello", "end=spin"));

	REQUIRE(vm);
	for (int i = 1; i <= 10; i++) {
		CHECK(await_text(serial_path, "hello", i));
		CHECK_INT(tvm_reset(vm, &last_error), 0);
		CHECK_INT(tvm_status(vm), TVM_RUNNING);
		CHECK(await_event(vm, TVM_EVENT_RESET));
	}
	CHECK(await_text(serial_path, "hello", 11));
	tvm_free(vm);
}

/* Paused before, paused after; the next instruction is the first of the guest. */
static void test_reset_paused(void)
{
	struct tvm_vm *vm = launch(config_with_serial("hello", "end=halt"));

	REQUIRE(vm);
	CHECK(await_text(serial_path, "hello", 1));
	CHECK_INT(tvm_pause(vm, &last_error), 0);
	CHECK_INT(tvm_reset(vm, &last_error), 0);
	CHECK_INT(tvm_status(vm), TVM_PAUSED);
	usleep(100000);
	CHECK_INT(count_text(serial_path, "hello"), 1);
	CHECK_INT(tvm_resume(vm, &last_error), 0);
	CHECK(await_text(serial_path, "hello", 2));
	tvm_free(vm);
}

static void test_reset_before_start(void)
{
	struct tvm_vm *vm = prepare(config_with_serial("hello", "end=poweroff"));

	REQUIRE(vm);
	CHECK_INT(tvm_reset(vm, &last_error), 0);
	CHECK_INT(tvm_status(vm), TVM_PREPARED);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, NULL), 0);
	CHECK_INT(count_text(serial_path, "hello"), 1);
	tvm_free(vm);
}

/* All other processors wait for their start again. */
static void test_reset_smp(void)
{
	struct tvm_config *cfg = config_with_serial("smp", "cpus=4 end=spin");
	struct tvm_vm *vm;

	set(cfg, "cpus", "4");
	vm = launch(cfg);
	REQUIRE(vm);
	for (int i = 1; i <= 5; i++) {
		CHECK(await_text(serial_path, "smp: 4 processors", i));
		CHECK_INT(tvm_reset(vm, &last_error), 0);
	}
	CHECK(await_text(serial_path, "smp: 4 processors", 6));
	pause_often(vm);
	tvm_free(vm);
}

/* ---- Looking at it ------------------------------------------------------------------- */

static void test_events(void)
{
	struct tvm_vm *vm = prepare(config("hello", "end=spin"));
	struct pollfd pfd = { .events = POLLIN };
	struct tvm_event ev = { .size = sizeof(ev) };
	uint64_t before = now_ms();

	REQUIRE(vm);
	pfd.fd = tvm_event_fd(vm);
	CHECK_INT(poll(&pfd, 1, 0), 0);
	CHECK_INT(tvm_next_event(vm, &ev), 0);
	CHECK_INT(tvm_start(vm, NULL), 0);
	CHECK_INT(poll(&pfd, 1, PATIENCE_MS), 1);
	CHECK_INT(tvm_next_event(vm, &ev), 1);
	CHECK_INT(ev.type, TVM_EVENT_STARTED);
	CHECK(ev.time_ns / 1000000 >= before && ev.time_ns / 1000000 <= now_ms());
	CHECK_INT(poll(&pfd, 1, 0), 0);
	tvm_pause(vm, NULL);
	tvm_resume(vm, NULL);
	tvm_stop(vm);
	tvm_wait(vm, -1, NULL);
	CHECK_INT(next_event(vm), TVM_EVENT_PAUSED);
	CHECK_INT(next_event(vm), TVM_EVENT_RESUMED);
	CHECK_INT(next_event(vm), TVM_EVENT_STOPPED);
	CHECK_INT(poll(&pfd, 1, 0), 0);
	tvm_free(vm);
}

/* Nobody takes them: the latest are kept, the descriptor agrees with the list. */
static void test_events_overflow(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=spin"));
	struct pollfd pfd = { .events = POLLIN };
	enum tvm_event_type type, last = TVM_EVENT_NONE;
	int n = 0;

	REQUIRE(vm);
	pfd.fd = tvm_event_fd(vm);
	for (int i = 0; i < 100; i++) {
		tvm_pause(vm, NULL);
		tvm_resume(vm, NULL);
	}
	tvm_stop(vm);
	tvm_wait(vm, -1, NULL);
	while (poll(&pfd, 1, 0) == 1 && (type = next_event(vm)) != TVM_EVENT_NONE) {
		last = type;
		n++;
	}
	CHECK(n >= 4 && n < 200);
	CHECK_INT(last, TVM_EVENT_STOPPED);
	CHECK_INT(next_event(vm), TVM_EVENT_NONE);
	tvm_free(vm);
}

static void test_vcpu_tid(void)
{
	struct tvm_config *cfg = config("hello", "end=halt");
	char path[64], name[32] = "", wanted[32];
	struct tvm_vm *vm;
	FILE *f;

	set(cfg, "cpus", "3");
	vm = prepare(cfg);
	REQUIRE(vm);
	for (unsigned int i = 0; i < 3; i++) {
		snprintf(wanted, sizeof(wanted), "tvm-vcpu%u\n", i);
		snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tvm_vcpu_tid(vm, i));
		f = fopen(path, "re");
		REQUIRE(f && fgets(name, sizeof(name), f));
		fclose(f);
		CHECK(!strcmp(name, wanted));
	}
	CHECK_INT(tvm_vcpu_tid(vm, 3), -ENOENT);
	tvm_free(vm);
}

static void test_metrics(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=poweroff"));
	struct json_object *root, *vcpus, *pio;
	char *text = NULL;

	REQUIRE(vm);
	CHECK_INT(tvm_wait(vm, PATIENCE_MS, NULL), 0);
	CHECK_INT(tvm_metrics(vm, &text), 0);
	root = text ? json_tokener_parse(text) : NULL;
	REQUIRE(root);
	REQUIRE(json_object_object_get_ex(root, "vcpus", &vcpus));
	CHECK_INT(json_object_array_length(vcpus), 1);
	REQUIRE(json_object_object_get_ex(json_object_array_get_idx(vcpus, 0), "pio", &pio));
	CHECK(json_object_get_int64(pio) > 50);
	json_object_put(root);
	free(text);
	tvm_free(vm);
}

static void test_wait(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=halt"));
	struct tvm_exit end = { .reason = TVM_EXIT_PANIC };
	uint64_t before = now_ms(), took;

	REQUIRE(vm);
	CHECK_INT(tvm_wait(vm, 0, &end), -ETIMEDOUT);
	CHECK_INT(tvm_wait(vm, 150, &end), -ETIMEDOUT);
	took = now_ms() - before;
	CHECK(took >= 149 && took < 5000);
	CHECK_INT(end.reason, TVM_EXIT_PANIC);
	tvm_stop(vm);
	CHECK_INT(tvm_wait(vm, -1, NULL), 0);
	tvm_free(vm);
}

/* The guest may ignore the button, and this one does. */
/* What the host asks of devices, without a driver on the other side. */
static void test_device_calls(void)
{
	struct tvm_config *cfg = config("hello", "end=halt");
	uint64_t given = 1;
	struct tvm_vm *vm;
	char path[64];

	set(cfg, "balloon", "on");
	set(cfg, "console", "null");
	set(cfg, "console", "pty");
	vm = launch(cfg);
	REQUIRE(vm);
	CHECK_INT(tvm_balloon_set(vm, 1 << 20, &last_error), 0);
	CHECK_INT(tvm_balloon_get(vm, &given, &last_error), 0);
	CHECK_INT(given, 0);
	CHECK_INT(tvm_terminal_resized(vm), 0);
	CHECK_INT(tvm_console_pty(vm, -1, path, sizeof(path)), -ENOENT);
	CHECK_INT(tvm_console_pty(vm, 0, path, sizeof(path)), -ENOENT);
	CHECK_INT(tvm_console_pty(vm, 2, path, sizeof(path)), -ENOENT);
	CHECK_INT(tvm_console_pty(vm, 1, path, 4), -ENOSPC);
	CHECK_INT(tvm_console_pty(vm, 1, path, sizeof(path)), 0);
	CHECK(!strncmp(path, "/dev/pts/", 9));
	tvm_free(vm);
	vm = launch(config("hello", "end=halt"));
	REQUIRE(vm);
	CHECK_INT(tvm_balloon_get(vm, &given, &last_error), -ENODEV);
	CHECK_HAS(last_error.msg, "balloon: the machine has none");
	tvm_free(vm);
}

static void test_powerdown(void)
{
	struct tvm_vm *vm = launch(config("hello", "end=halt"));

	REQUIRE(vm);
	CHECK_INT(tvm_powerdown(vm, &last_error), 0);
	CHECK_INT(tvm_wait(vm, 50, NULL), -ETIMEDOUT);
	CHECK_INT(tvm_pause(vm, NULL), 0);
	CHECK_INT(tvm_powerdown(vm, &last_error), 0);
	tvm_free(vm);
}

int main(void)
{
	int fd;

	if (cannot_run())
		return 0;
	fd = mkstemp(serial_path);
	close(fd);
	RUN_LIMITED(test_poweroff);
	RUN_LIMITED(test_reset_no_reboot);
	RUN_LIMITED(test_panic);
	RUN_LIMITED(test_triple_fault);
	RUN_LIMITED(test_stop);
	RUN_LIMITED(test_stop_before_start);
	RUN_LIMITED(test_start_twice);
	RUN_LIMITED(test_free);
	RUN_LIMITED(test_pause_before_start);
	RUN_LIMITED(test_resume_before_start);
	RUN_LIMITED(test_pause_spinning);
	RUN_LIMITED(test_pause_ticking);
	RUN_LIMITED(test_reboots);
	RUN_LIMITED(test_reset_running);
	RUN_LIMITED(test_reset_paused);
	RUN_LIMITED(test_reset_before_start);
	RUN_LIMITED(test_reset_smp);
	RUN_LIMITED(test_events);
	RUN_LIMITED(test_events_overflow);
	RUN_LIMITED(test_vcpu_tid);
	RUN_LIMITED(test_metrics);
	RUN_LIMITED(test_wait);
	RUN_LIMITED(test_device_calls);
	RUN_LIMITED(test_powerdown);
	unlink(serial_path);
	return tests_done();
}

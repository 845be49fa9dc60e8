/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realm without a guest, for the scripts beside this file: launched on the software realm
 * manager page by page, then its token fetched call by call as a guest's driver does.
 *
 *	realm DIR legacy|current sha256|sha512 RPV CHALLENGE REM TOKEN MEMORY ENTRY X0
 *		[ADDRESS=FILE]...
 *
 * RPV and CHALLENGE are 64 bytes in hexadecimal; REM extends the first extensible measurement,
 * 32 bytes, or "-". Memory begins at 2 GiB, has break- and watchpoints as tvm gives them, and
 * numbers are as strtoull() reads them. Files must be in ascending order, each on a page of its
 * own. The token goes to file TOKEN, the RIM to the standard output.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/rim_launch.h"
#include "attest/text.h"
#include "base/le.h"
#include "tee/virtcca/soft/platform.h"
#include "tee/virtcca/soft/rmm.h"
#include "tvm.h"

#define BUFFER RIM_TVM_RAM	/* the token's page: its content is not needed any more */

static struct {
	struct rmm_platform *platform;
	uint8_t page[RMM_PAGE];
} world;

static struct tvm_error err;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "realm: %s: %s\n", what, err.msg[0] ? err.msg : "failed");
	exit(1);
}

static int read_page(void *ctx, uint64_t ipa, void *dst, size_t len)
{
	return -1;
}

static int write_page(void *ctx, uint64_t ipa, const void *src, size_t len)
{
	must(ipa >= BUFFER && ipa - BUFFER + len <= RMM_PAGE, "wrote elsewhere");
	memcpy(world.page + (ipa - BUFFER), src, len);
	return 0;
}

static int convert(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to)
{
	return 0;
}

static int token(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf, size_t *len)
{
	return rmm_platform_token(world.platform, claims, buf, len);
}

static const struct rmm_host host = { read_page, write_page, convert, token, NULL };

static void load(struct rmm *rmm, const char *arg)
{
	uint8_t page[RMM_PAGE];
	char *path;
	uint64_t ipa = strtoull(arg, &path, 0);
	FILE *f = fopen(path + 1, "rbe");
	size_t n;

	must(f, arg);
	for (;;) {
		memset(page, 0, sizeof(page));
		n = fread(page, 1, sizeof(page), f);
		if (!n)
			break;
		must(!rmm_data_create(rmm, ipa, page, true), arg);
		ipa += RMM_PAGE;
	}
	fclose(f);
}

static uint64_t call(struct rmm *rmm, enum rsi_call n, uint64_t x[RMM_REGS])
{
	x[0] = RSI_FID_FIRST + (uint64_t)n;
	rmm_call(rmm, 0, true, x);
	return x[0];
}

static void fetch(struct rmm *rmm, const char *challenge, FILE *out)
{
	uint8_t bytes[64];
	uint64_t x[RMM_REGS] = { 0 }, offset = 0, s;

	must(text_unhex(challenge, bytes, sizeof(bytes)), "challenge");
	for (unsigned int i = 0; i < 8; i++)
		x[1 + i] = le_load(bytes + 8 * i, 8);
	must(call(rmm, RSI_ATTESTATION_TOKEN_INIT, x) == RSI_SUCCESS && x[1], "token init");
	do {
		x[1] = BUFFER;
		x[2] = offset;
		x[3] = RMM_PAGE - offset < 700 ? RMM_PAGE - offset : 700;
		s = call(rmm, RSI_ATTESTATION_TOKEN_CONTINUE, x);
		must(s == RSI_INCOMPLETE || s == RSI_SUCCESS, "token continue");
		must(fwrite(world.page + offset, 1, x[1], out) == x[1], "write");
		offset = (offset + x[1]) % RMM_PAGE;
	} while (s == RSI_INCOMPLETE);
}

static void extend(struct rmm *rmm, const char *rem)
{
	uint64_t x[RMM_REGS] = { 0, 1, 32 };
	uint8_t bytes[32];

	must(text_unhex(rem, bytes, sizeof(bytes)), "rem");
	for (unsigned int i = 0; i < 4; i++)
		x[3 + i] = le_load(bytes + 8 * i, 8);
	must(call(rmm, RSI_MEASUREMENT_EXTEND, x) == RSI_SUCCESS, "extend");
}

int main(int argc, char **argv)
{
	struct rmm_params params = { .realm = { .num_bps = 1, .num_wps = 1 } };
	struct rim_rec rec = { .runnable = true };
	uint8_t rim[RIM_MAX];
	char hex[2 * RIM_MAX + 1];
	struct rmm *rmm = NULL;
	uint64_t top, next;
	FILE *out;

	must(argc > 10, "usage");
	top = RIM_TVM_RAM + strtoull(argv[8], NULL, 0);
	rec.pc = strtoull(argv[9], NULL, 0);
	rec.gprs[0] = strtoull(argv[10], NULL, 0);
	params.realm.s2sz = rim_width(top);
	must(rim_hash_find(argv[3], &params.realm.hash), "hash");
	must(text_unhex(argv[4], params.rpv, sizeof(params.rpv)), "rpv");
	must(!rmm_platform_open(argv[1], strcmp(argv[2], "legacy") ? CCA_CURRENT : CCA_LEGACY,
		&world.platform, &err), "platform");
	must(!rmm_create(&params, &host, NULL, &rmm), "create");
	must(!rmm_add_ram(rmm, RIM_TVM_RAM, top - RIM_TVM_RAM), "ram");
	must(!rmm_init_ripas(rmm, RIM_TVM_RAM, top, &next) && next == top, "ripas");
	for (int i = 11; i < argc; i++)
		load(rmm, argv[i]);
	must(!rmm_rec_create(rmm, 0, &rec) && !rmm_activate(rmm), "activate");
	if (strcmp(argv[6], "-"))
		extend(rmm, argv[6]);
	out = fopen(argv[7], "wbe");
	must(out, argv[7]);
	fetch(rmm, argv[5], out);
	must(!fclose(out), argv[7]);
	rmm_rim(rmm, rim);
	text_hex(rim, rim_hash_len(params.realm.hash), hex);
	printf("%s\n", hex);
	rmm_destroy(rmm);
	rmm_platform_close(world.platform);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cost model: launches take as long as on hardware, so that a launch that sends more
 * commands or measures more bytes shows in CI.
 *
 * No public source lists durations by command. These numbers are assumptions, of the order that
 * users of first- and second-generation EPYC report for whole launches: a command costs tens to
 * hundreds of microseconds for the mailbox alone, keys are computed by a slow core, and
 * measuring moves about 20 MB a second (a 4 MiB OVMF: about 200 ms). Compare launches with
 * them, not processors.
 */
#include "tee/csv/soft/soft.h"

#include <errno.h>
#include <time.h>

#define US 1000ULL			/* nanoseconds */
#define MS (1000 * US)

#define COST_COMMAND (100 * US)		/* mailbox, interrupt, dispatch */
#define COST_INIT (10 * MS)		/* SEV_INIT: ASID, flush of caches and fabric */
#define COST_START (15 * MS)		/* ECDH, KDF, ACTIVATE with WBINVD */
#define COST_MEASURE (1 * MS)
#define COST_SECRET (1 * MS)
#define COST_FINISH (1 * MS)
#define COST_SIGN (20 * MS)		/* P-384 signature */
#define COST_KEYGEN (50 * MS)
#define COST_BYTE 50ULL			/* hash and encrypt */

static void wait_ns(uint64_t ns)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	ns += (uint64_t)end.tv_nsec;
	end.tv_sec += (time_t)(ns / 1000000000);
	end.tv_nsec = (long)(ns % 1000000000);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
}

void soft_delay(const struct soft_psp *psp, enum sev_guest_cmd id, uint64_t len)
{
	uint64_t ns = COST_COMMAND + len * COST_BYTE;

	if (!psp->delays)
		return;
	switch (id) {
	case SEV_CMD_INIT:
	case SEV_CMD_ES_INIT:
	case SEV_CMD_INIT2:
		ns += COST_INIT;
		break;
	case SEV_CMD_LAUNCH_START:
		ns += COST_START;
		break;
	case SEV_CMD_LAUNCH_MEASURE:
		ns += COST_MEASURE;
		break;
	case SEV_CMD_LAUNCH_SECRET:
		ns += COST_SECRET;
		break;
	case SEV_CMD_LAUNCH_FINISH:
		ns += COST_FINISH;
		break;
	case SEV_CMD_GET_ATTESTATION_REPORT:
		ns += COST_SIGN;
		break;
	default:
		break;
	}
	wait_ns(ns);
}

void soft_delay_platform(const struct soft_psp *psp, enum sev_platform_cmd cmd)
{
	uint64_t ns = COST_COMMAND;

	if (!psp->delays)
		return;
	switch (cmd) {
	case SEV_PLATFORM_FACTORY_RESET:
		ns += 3 * COST_KEYGEN + 4 * COST_SIGN;
		break;
	case SEV_PLATFORM_PEK_GEN:
		ns += 2 * COST_KEYGEN + 3 * COST_SIGN;
		break;
	case SEV_PLATFORM_PDH_GEN:
	case SEV_PLATFORM_PEK_CERT_IMPORT:
		ns += COST_KEYGEN + COST_SIGN;
		break;
	default:
		break;
	}
	wait_ns(ns);
}

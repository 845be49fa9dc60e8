/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware status codes in words (SEV API specification, status codes). */
#include "tee/csv/backend.h"

#include "base/cleanup.h"

static const struct {
	const char *name, *remedy;
} codes[] = {
	[SEV_RET_SUCCESS] = { "SUCCESS", "" },
	[SEV_RET_INVALID_PLATFORM_STATE] = { "INVALID_PLATFORM_STATE",
		"the platform is not initialised; load the ccp module or reset the platform" },
	[SEV_RET_INVALID_GUEST_STATE] = { "INVALID_GUEST_STATE",
		"the command does not belong to this step of the launch" },
	[SEV_RET_INVALID_CONFIG] = { "INVALID_CONFIG", "the platform is not configured for this" },
	[SEV_RET_INVALID_LEN] = { "INVALID_LEN", "a length is wrong; secrets are 16 to 4096 bytes "
		"in multiples of 16" },
	[SEV_RET_ALREADY_OWNED] = { "ALREADY_OWNED", "the platform has an owner already" },
	[SEV_RET_INVALID_CERTIFICATE] = { "INVALID_CERTIFICATE",
		"give the dh-cert that was made with the session, for this platform" },
	[SEV_RET_POLICY_FAILURE] = { "POLICY_FAILURE",
		"the guest policy does not allow it on this platform (API version, debug, ES)" },
	[SEV_RET_INACTIVE] = { "INACTIVE", "the guest has no ASID" },
	[SEV_RET_INVALID_ADDRESS] = { "INVALID_ADDRESS",
		"addresses must lie in guest memory and be multiples of 16" },
	[SEV_RET_BAD_SIGNATURE] = { "BAD_SIGNATURE", "a signature does not verify" },
	[SEV_RET_BAD_MEASUREMENT] = { "BAD_MEASUREMENT", "a MAC does not verify: session, policy "
		"and secret must be made for this platform and this launch" },
	[SEV_RET_ASID_OWNED] = { "ASID_OWNED", "the ASID belongs to another guest" },
	[SEV_RET_INVALID_ASID] = { "INVALID_ASID", "the ASID is out of range" },
	[SEV_RET_WBINVD_REQUIRED] = { "WBINVD_REQUIRED", "the host must flush its caches" },
	[SEV_RET_DFFLUSH_REQUIRED] = { "DFFLUSH_REQUIRED", "the host must flush the data fabric" },
	[SEV_RET_INVALID_GUEST] = { "INVALID_GUEST", "there is no guest of that handle" },
	[SEV_RET_INVALID_COMMAND] = { "INVALID_COMMAND", "the firmware does not know the command" },
	[SEV_RET_ACTIVE] = { "ACTIVE", "the guest is still active" },
	[SEV_RET_HWSEV_RET_PLATFORM] = { "HWERROR_PLATFORM", "the hardware failed" },
	[SEV_RET_HWSEV_RET_UNSAFE] = { "HWERROR_UNSAFE", "the hardware failed; reset the machine" },
	[SEV_RET_UNSUPPORTED] = { "UNSUPPORTED", "this firmware does not support it" },
	[SEV_RET_INVALID_PARAM] = { "INVALID_PARAM", "a parameter is wrong" },
	[SEV_RET_RESOURCE_LIMIT] = { "RESOURCE_LIMIT",
		"the firmware is out of guests; end another one" },
	[SEV_RET_SECURE_DATA_INVALID] = { "SECURE_DATA_INVALID",
		"the secret packet was used before, or the processor's stored data are damaged" },
};

const char *sev_status_name(uint32_t status)
{
	if (status < ARRAY_SIZE(codes) && codes[status].name)
		return codes[status].name;
	return status == (uint32_t)SEV_RET_NO_FW_CALL ? "NO_FW_CALL" : "an unknown status";
}

const char *sev_status_remedy(uint32_t status)
{
	if (status < ARRAY_SIZE(codes) && codes[status].remedy)
		return codes[status].remedy;
	return "see the host kernel's log";
}

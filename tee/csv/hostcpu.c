/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID of the CPU that runs this. */
#include "tee/csv/hostcpu.h"

#include <cpuid.h>

bool csv_host_cpuid(uint32_t leaf, struct csv_cpuid *out)
{
	return __get_cpuid_count(leaf, 0, &out->eax, &out->ebx, &out->ecx, &out->edx);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and names of a CCA token, for cca_token.c and cca_build.c. */
#ifndef ATTEST_CCA_CLAIMS_H
#define ATTEST_CCA_CLAIMS_H

enum {
	/* the envelope */
	CCA_TAG_LEGACY = 399,
	CCA_TAG_CMW = 907,
	CCA_CMW_CWT = 263,		/* CoAP content format application/eat+cwt */
	CCA_PLATFORM = 44234,
	CCA_REALM = 44241,
	/* both halves */
	CLAIM_CHALLENGE = 10,
	CLAIM_PROFILE = 265,
	/* platform */
	CLAIM_INSTANCE = 256,
	CLAIM_LIFECYCLE = 2395,
	CLAIM_IMPLEMENTATION = 2396,
	CLAIM_COMPONENTS = 2399,
	CLAIM_SERVICE = 2400,
	CLAIM_CONFIG = 2401,
	CLAIM_HASH = 2402,
	/* a component */
	COMPONENT_TYPE = 1,
	COMPONENT_MEASUREMENT = 2,
	COMPONENT_VERSION = 4,
	COMPONENT_SIGNER = 5,
	COMPONENT_HASH = 6,
	/* realm */
	CLAIM_RPV = 44235,
	CLAIM_REALM_HASH = 44236,
	CLAIM_RAK = 44237,
	CLAIM_RIM = 44238,
	CLAIM_REM = 44239,
	CLAIM_RAK_HASH = 44240,
};

#define CCA_PROFILE_LEGACY "http://arm.com/CCA-SSD/1.0.0"
#define CCA_PROFILE_PLATFORM_1 "tag:arm.com,2023:cca_platform#1.0.0"
#define CCA_PROFILE_PLATFORM_2 "tag:arm.com,2024:cca_platform#2.0.0"
#define CCA_PROFILE_REALM_1 "tag:arm.com,2023:realm#1.0.0"
#define CCA_PROFILE_REALM_2 "tag:arm.com,2024:realm#2.0.0"

#endif

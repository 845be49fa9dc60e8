/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software secure processor against worked vectors (SEV: session, digest, measurement,
 * secret packet; CSV: digest, measurement, packet), with fixed keys put into it. What has a
 * fresh nonce is computed a second time here, straight from libcrypto.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/unit/test_soft.h"

static void unhex(const char *hex, void *out, size_t len)
{
	uint8_t *p = out;
	unsigned int v;

	for (size_t i = 0; i < len; i++) {
		if (sscanf(hex + 2 * i, "%2x", &v) != 1)
			printf("# bad hex\n");
		p[i] = (uint8_t)v;
	}
}

static bool is_hex(const void *p, const char *hex)
{
	uint8_t want[256];
	size_t len = strlen(hex) / 2;

	unhex(hex, want, len);
	return !memcmp(p, want, len);
}

static void count(void *p, uint8_t from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)p)[i] = (uint8_t)(from + i);
}

/* "fw" at 0, the hash table at 0x3000. */
static const char table[] =
	"06d63894224fc94cb479a793d411fd21a800"
	"d82dd09720bd944caa78e7714d36ab2a3200"
	"f18aae9b3c09e55bc3047ad361e2442d7c53372470b2958fb83293209a784f71"
	"31f7ba442f3ad74b9af141e29169781d3200"
	"f5e3dba158c542884540793cb24e361afb19e6874c5934e2a0304203b7626fe4"
	"3794e74dd2ab7f42b835d5b172d2045b3200"
	"a204d4ad1de3e9b07751899e5cf4d4a3017328c41372c70fdcc8db9587bb38fb"
	"0000000000000000";

static const char secret_table[] =
	"42f5741edd71664d963eef4287ff173b40000000e5696873f084734992ec06879ce3da0b1f000000"
	"7061737370687261736500" "00000000000000000000000000";

static void update(struct host *h)
{
	count(h->ram, 0, 0x1000);
	unhex(table, h->ram + 0x3000, 176);
	CHECK_INT(host_update(h, 0, 0x1000), 0);
	CHECK_INT(host_update(h, 0x3000, 176), 0);
}

/* The launch digest, as the report says it. */
static void check_digest(struct host *h, const char *hex)
{
	struct sev_report rep = { 0 };
	struct sev_attestation_report a = { .uaddr = (uintptr_t)&rep, .len = sizeof(rep) };

	CHECK_INT(host_op(h, SEV_CMD_GET_ATTESTATION_REPORT, &a), 0);
	CHECK(is_hex(rep.digest, hex));
}

/*
 * The measurement over the message of the vector, which begins with head, ends with the nonce
 * and has the digest between. m is the platform's, with its own nonce.
 */
static void check_measure(const EVP_MD *md, const char *head, const char *digest,
	const struct sev_measure *m, const char *vector)
{
	uint8_t tik[16], msg[8 + 32 + 16], mac[32];
	unsigned int len = 0;

	count(tik, 0x40, 16);
	unhex(head, msg, 8);
	unhex(digest, msg + 8, 32);
	count(msg + 40, 0x50, 16);
	HMAC(md, tik, 16, msg, sizeof(msg), mac, &len);
	CHECK_INT(len, 32);
	CHECK(is_hex(mac, vector));
	memcpy(msg + 40, m->mnonce, 16);
	HMAC(md, tik, 16, msg, sizeof(msg), mac, &len);
	CHECK(!memcmp(mac, m->measure, 32));
}

/* A packet for a launch whose measurement is the vector's. */
static void check_packet(struct host *h, const char *measure, const char *mac, const char *ct)
{
	struct packet p = { .len = 64 };

	unhex(measure, host_guest(h)->measure.measure, 32);
	count(p.hdr.iv, 0x60, 16);
	unhex(mac, p.hdr.mac, 32);
	unhex(ct, p.data, 64);
	CHECK_INT(packet_send(&p, h, 0x5000), 0);
	CHECK(is_hex(h->priv + 0x5000, secret_table));
}

static void test_sev(void)
{
	static const char digest[] =
		"ea3645a6f498c0eb0e770a06a3873fc00a082af211f77f733e07313db0a94a43";
	static const char measure[] =
		"e95793741bbc84b92e12c4aeea6528f2bed417918d3533758a52a825ba5f02e9";
	uint8_t d[48], keys[32];
	struct key *godh = NULL, *pdh = NULL;
	static struct host h;
	struct sev_measure m;
	struct owner o = { .policy = 5, .session_len = 128 };

	REQUIRE(host_open(&h, NULL, false));
	unhex("10288cdc338f65d9faf8f782e98cbdda1f9c9a3461539e532331861c857e7079"
		"b8b7d197fe4b85f2ab9bb318650d4966", d, 48);
	REQUIRE(!key_from_scalar(KEY_P384, d, 48, &pdh));
	key_free(host_psp(&h)->keys->pdh);
	host_psp(&h)->keys->pdh = pdh;
	unhex("2d08a612f25ef386ae904f0c325649da09b1ccc9dff71ee1fec9a42bc05bb488"
		"899ea849f25217d566ca068f88939818", d, 48);
	REQUIRE(!key_from_scalar(KEY_P384, d, 48, &godh));
	CHECK_INT(sev_cert_build(&o.godh, ATTEST_SEV, SEV_USAGE_PDH, godh, 1, 0), 0);
	count(o.session, 0x10, 16);
	unhex("a2d5757b72efcd84acebb8947e704b00a83ae7e850cd4c546f9a0a7fd87b6582",
		o.session + 16, 32);
	count(o.session + 48, 0x20, 16);
	unhex("1721b5840784197beada1512709117a06f02fc517d5851885b719ecf50a3cc7c",
		o.session + 64, 32);
	unhex("aedbe16253b873e081df31a0032d9a6bfd3a78548911da34aebba1a5e1726d77",
		o.session + 96, 32);
	CHECK_INT(host_op(&h, SEV_CMD_ES_INIT, NULL), 0);
	CHECK_INT(host_reg(&h), 0);
	CHECK_INT(owner_start(&o, &h), 0);
	REQUIRE(host_guest(&h));
	count(keys, 0x30, 32);
	CHECK(!memcmp(&host_guest(&h)->tk, keys, 32));
	update(&h);
	check_digest(&h, digest);
	CHECK_INT(host_measure(&h, &m), 0);
	check_measure(EVP_sha256(), "0401371505000000", digest, &m, measure);
	check_packet(&h, measure,
		"f38fe389ce25b4cd00c02185ab5aa4c4768f2615c33bfe0f0d972184557b72a7",
		"d1ee50d069924667076e4ce82ce91faf9385b3d9a0616d6038346c38b483dbd2"
		"1d84a5afcc031969ecc9f8eb3cbb1b8fc578914a2b735643c3793df1a617f207");
	host_close(&h);
	key_free(godh);
}

/* VMSA pages are measured behind the rest, in vCPU order. */
static void test_vmsa(void)
{
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	h.vcpus = 2;
	CHECK_INT(host_begin(&h, 5), 0);
	update(&h);
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), 0);
	check_digest(&h, "b51d99de639d58d92b3969d16b163befbd7e9c525622c39978251340fb00fb0b");
	host_close(&h);
}

static void test_csv(void)
{
	static const char digest[] =
		"8db36ae6e6fd40a2a1227027096339eb085c06e8e94efdb5c956eb0bac42c37c";
	static const char measure[] =
		"31b0dea67ebe301511bd3adf1cb6ba84130e3cc0c5591cae6c39ac309d441eeb";
	static struct host h;
	struct sev_measure m;

	REQUIRE(host_open(&h, NULL, true));
	CHECK_INT(host_begin(&h, 5), 0);
	count(&host_guest(&h)->tk, 0x30, 32);
	update(&h);
	check_digest(&h, digest);
	CHECK_INT(host_measure(&h, &m), 0);
	check_measure(EVP_sm3(), "0401030605000000", digest, &m, measure);
	check_packet(&h, measure,
		"531cbd99077d0377694fab6f4e3fa1c4a91a37d6ebe44d164b23e007c0486ce5",
		"7f36148210992486e2321cf0ddb9835c4c828b9ced9e2f2f41537858a6d4b810"
		"48f19891892df8cc6297582fd50b8696310107658096e225536cb1de00184fc0");
	host_close(&h);
}

int main(void)
{
	RUN(test_sev);
	RUN(test_vmsa);
	RUN(test_csv);
	return tests_done();
}

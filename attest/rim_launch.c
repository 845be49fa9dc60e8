/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/rim_launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/le.h"

#define PAGE ((uint64_t)RIM_PAGE)

static uint64_t extent(const struct rim_part *p)
{
	return p->space > p->len ? p->space : p->len;
}

static int by_ipa(const void *a, const void *b)
{
	uint64_t x = ((const struct rim_part *)a)->ipa, y = ((const struct rim_part *)b)->ipa;

	return x < y ? -1 : x > y;
}

static int check(const struct rim_launch *l, struct tvm_error *err)
{
	/* virtCCA's addresses have no bit for what is shared. */
	uint64_t half = BIT(l->tec ? l->params.s2sz : l->params.s2sz - 1), after = 0;

	if (!l->nr_rams)
		return err_set(err, -EINVAL, "realm: no memory");
	for (unsigned int i = 0; i < l->nr_rams; i++) {
		const struct rim_range *ram = &l->rams[i];

		if (!ram->size || (ram->base | ram->size) & (PAGE - 1) ||
		    !range_within(ram->base, ram->size, after, half - after))
			return err_set(err, -EINVAL, "realm: memory of 0x%llx bytes at 0x%llx does "
				"not fit into %s%u address bits", (unsigned long long)ram->size,
				(unsigned long long)ram->base, l->tec ? "" : "the lower half of ",
				l->params.s2sz);
		after = ram->base + ram->size;
	}
	for (unsigned int i = 0; i < l->nr_parts; i++) {
		const struct rim_part *p = &l->parts[i];
		bool inside = false;

		for (unsigned int j = 0; j < l->nr_rams; j++)
			inside |= range_within(p->ipa, extent(p), l->rams[j].base,
				l->rams[j].size);
		if (!inside)
			return err_set(err, -EINVAL, "%s: 0x%llx bytes at 0x%llx do not lie in RAM",
				p->name, (unsigned long long)extent(p),
				(unsigned long long)p->ipa);
		if (i && p->ipa - l->parts[i - 1].ipa < extent(&l->parts[i - 1]))
			return err_set(err, -EINVAL, "%s and %s overlap at 0x%llx",
				l->parts[i - 1].name, p->name, (unsigned long long)p->ipa);
	}
	return 0;
}

/* What part i and those behind it put into the page at ipa. */
static void fill(const struct rim_launch *l, unsigned int i, uint64_t ipa, uint8_t page[RIM_PAGE])
{
	memset(page, 0, PAGE);
	for (; i < l->nr_parts && l->parts[i].ipa < ipa + PAGE; i++) {
		const struct rim_part *p = &l->parts[i];
		uint64_t from = p->ipa > ipa ? p->ipa : ipa, end = p->ipa + p->len;

		if (end > ipa + PAGE)
			end = ipa + PAGE;
		if (from < end)
			memcpy(page + (from - ipa), (const uint8_t *)p->data + (from - p->ipa),
				end - from);
	}
}

static int measure_range(const struct rim_launch *l, unsigned int part, uint64_t at, uint64_t end,
	struct rim *rim, uint64_t *pages)
{
	uint8_t page[RIM_PAGE];
	int r = 0;

	for (; !r && at < end; at += PAGE, ++*pages) {
		while (part < l->nr_parts && l->parts[part].ipa + l->parts[part].len <= at)
			part++;
		fill(l, part, at, page);
		r = rim_data(rim, at, page);
	}
	return r;
}

static int measure_pages(const struct rim_launch *l, struct rim *rim, uint64_t *pages)
{
	uint64_t next = 0;	/* first page not measured yet */
	int r = 0;

	for (unsigned int i = 0; !r && i < l->nr_parts; i++) {
		const struct rim_part *p = &l->parts[i];
		uint64_t at = align_down(p->ipa, PAGE), end = align_up(p->ipa + extent(p), PAGE);

		r = measure_range(l, i, at < next ? next : at, end, rim, pages);
		next = end > next ? end : next;
	}
	return r;
}

int rim_split(const struct rim_range *parts, unsigned int nr, uint64_t ram,
	struct rim_range out[2])
{
	uint64_t end, widest = 0, first = 0, second = 0;

	if (!nr || parts[0].base < ram)
		return -EINVAL;
	end = align_up(parts[0].base + parts[0].size, PAGE);
	for (unsigned int i = 1; i < nr; i++) {
		uint64_t base = align_down(parts[i].base, PAGE);
		uint64_t after = align_up(parts[i].base + parts[i].size, PAGE);

		if (base > end && base - end > widest) {
			widest = base - end;
			first = end;
			second = base;
		}
		end = after > end ? after : end;
	}
	if (!widest)	/* in one piece: the last page is the second one */
		first = second = end - PAGE;
	out[0] = (struct rim_range){ ram, first - ram };
	out[1] = (struct rim_range){ second, end - second };
	return 0;
}

static int measure_split(const struct rim_launch *l, struct rim *rim, uint64_t *pages)
{
	struct rim_range parts[RIM_PARTS_MAX], ranges[2];
	int r;

	for (unsigned int i = 0; i < l->nr_parts; i++)
		parts[i] = (struct rim_range){ l->parts[i].ipa, extent(&l->parts[i]) };
	r = rim_split(parts, l->nr_parts, l->rams[0].base, ranges);
	for (unsigned int i = 0; !r && i < 2; i++)
		r = measure_range(l, 0, ranges[i].base, ranges[i].base + ranges[i].size, rim,
			pages);
	return r;
}

static int measure_vcpus(const struct rim_launch *l, struct rim *rim)
{
	const struct rim_rec waiting = { 0 };
	int r = l->tec ? rim_tec(rim, &l->boot) : rim_rec(rim, &l->boot);

	for (unsigned int i = 1; !r && l->tec && i < l->vcpus; i++)
		r = rim_tec(rim, &waiting);
	return r;
}

int rim_launch(struct rim_launch *launch, uint8_t out[RIM_MAX], uint64_t *pages_out,
	struct tvm_error *err)
{
	uint64_t pages = 0;
	struct rim rim;
	int r;

	qsort(launch->parts, launch->nr_parts, sizeof(launch->parts[0]), by_ipa);
	r = check(launch, err);
	if (r < 0)
		return r;
	if (launch->split && (!launch->nr_parts || launch->nr_rams > 1))
		return err_set(err, -EINVAL, "realm: parts in one range of memory are needed");
	r = rim_create(&rim, &launch->params);
	for (unsigned int i = 0; !r && launch->ripas && i < launch->nr_rams; i++)
		r = rim_ripas(&rim, launch->rams[i].base,
			launch->rams[i].base + launch->rams[i].size);
	if (!r)
		r = (launch->split ? measure_split : measure_pages)(launch, &rim, &pages);
	r = r < 0 ? r : measure_vcpus(launch, &rim);
	if (r < 0)
		return err_set(err, r, "realm: libcrypto failed");
	memcpy(out, rim.value, RIM_MAX);
	*pages_out = pages;
	return 0;
}

uint8_t rim_width(uint64_t ram_end)
{
	uint8_t width = 33;

	while (width < 63 && ram_end > BIT(width - 1))
		width++;
	return width;
}

void rim_virtcca_stub(uint64_t dtb, uint64_t entry, uint8_t out[RIM_VIRTCCA_STUB_LEN])
{
	/* ldr x0, =dtb; x1 to x3 = xzr; ldr x4, =entry; br x4 */
	static const uint32_t code[] = {
		0x580000c0, 0xaa1f03e1, 0xaa1f03e2, 0xaa1f03e3, 0x58000084, 0xd61f0080,
	};

	for (unsigned int i = 0; i < 6; i++)
		le_store(out + 4 * i, 4, code[i]);
	le_store(out + 24, 8, dtb);
	le_store(out + 32, 8, entry);
}

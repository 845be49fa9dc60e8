/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_table.h"

#include <errno.h>
#include <string.h>

#include "attest/sev_secret.h"
#include "base/err.h"
#include "base/le.h"
#include "tvm.h"

struct head {
	struct guid guid;
	le32 len;		/* with this head */
};

_Static_assert(sizeof(struct head) == 20, "table layout");

static const struct guid table_guid = GUID_INIT(0x1e74f542, 0x71dd, 0x4d66, 0x96, 0x3e, 0xef,
	0x42, 0x87, 0xff, 0x17, 0x3b);
static const struct guid null_guid;

/* Without padding; 0: too long. */
static size_t bare_size(const struct sev_table_entry *entries, unsigned int nr)
{
	size_t size = sizeof(struct head);

	for (unsigned int i = 0; i < nr; i++) {
		if (entries[i].len > SEV_SECRET_MAX)
			return 0;
		size += sizeof(struct head) + entries[i].len;
		if (size > SEV_SECRET_MAX)
			return 0;
	}
	return size;
}

size_t sev_table_size(const struct sev_table_entry *entries, unsigned int nr)
{
	return (bare_size(entries, nr) + 15) & ~(size_t)15;
}

static int check(const struct sev_table_entry *entries, unsigned int nr, struct tvm_error *err)
{
	char text[GUID_TEXT_LEN];

	if (!nr)
		return err_set(err, -EINVAL, "secret: no entry");
	for (unsigned int i = 0; i < nr; i++) {
		if (guid_equal(&entries[i].guid, &null_guid))
			return err_set(err, -EINVAL, "secret: a GUID of zeros marks "
				"an erased entry");
		for (unsigned int k = 0; k < i; k++) {
			if (!guid_equal(&entries[i].guid, &entries[k].guid))
				continue;
			guid_format(&entries[i].guid, text);
			return err_set(err, -EINVAL, "secret: GUID %s is given twice", text);
		}
	}
	return 0;
}

int sev_table_write(const struct sev_table_entry *entries, unsigned int nr, void *out,
	size_t size, struct tvm_error *err)
{
	size_t bare = bare_size(entries, nr);
	struct head head = { table_guid, le32_make((uint32_t)bare) };
	uint8_t *p = out;
	int r = check(entries, nr, err);

	if (r < 0)
		return r;
	if (!bare || size != sev_table_size(entries, nr))
		return err_set(err, -EINVAL, "secret: the entries need more than %u bytes",
			SEV_SECRET_MAX);
	memset(p, 0, size);
	memcpy(p, &head, sizeof(head));
	p += sizeof(head);
	for (unsigned int i = 0; i < nr; i++) {
		head.guid = entries[i].guid;
		head.len = le32_make((uint32_t)(sizeof(head) + entries[i].len));
		memcpy(p, &head, sizeof(head));
		p += sizeof(head);
		if (entries[i].len)
			memcpy(p, entries[i].data, entries[i].len);
		p += entries[i].len;
	}
	return 0;
}

/*
 * The kernel's rules (drivers/virt/coco/efi_secret): entries as long as there is room for
 * a head; what is shorter is padding. Erased entries are stepped over here.
 */
int sev_table_next(const void *table, size_t size, size_t *pos, struct sev_table_entry *entry)
{
	const uint8_t *p = table;
	struct head head;
	size_t end, len;

	if (size < sizeof(head))
		return -EINVAL;
	memcpy(&head, p, sizeof(head));
	end = le32_get(head.len);
	if (!guid_equal(&head.guid, &table_guid) || end < sizeof(head) || end > size)
		return -EINVAL;
	if (!*pos)
		*pos = sizeof(head);
	while (*pos <= end && end - *pos >= sizeof(head)) {
		memcpy(&head, p + *pos, sizeof(head));
		len = le32_get(head.len);
		if (len < sizeof(head) || len > end - *pos)
			return -EINVAL;
		*entry = (struct sev_table_entry){ head.guid, p + *pos + sizeof(head),
			len - sizeof(head) };
		*pos += len;
		if (!guid_equal(&head.guid, &null_guid))
			return 1;
	}
	return 0;
}

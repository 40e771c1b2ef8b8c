/* fold.c - case by table; see casemap.def. */
#include "engine/fold.h"
#include "base/utf8.h"

/* Eight bytes a row: the tables are a large part of what the browser loads. */
struct run_row {
	uint32_t first : 24, span : 8; /* span: last - first */
	int32_t distance : 24;
	uint32_t stride : 8;
};

static const struct run_row lower_rows[] = {
#define LOWER(first, last, stride, distance) {first, (last) - (first), distance, stride},
#define UPPER(first, last, stride, distance)
#include "engine/casemap.def"
#undef LOWER
#undef UPPER
};
static const struct run_row upper_rows[] = {
#define LOWER(first, last, stride, distance)
#define UPPER(first, last, stride, distance) {first, (last) - (first), distance, stride},
#include "engine/casemap.def"
#undef LOWER
#undef UPPER
};

/* Whether c, moved back by `distance`, lies in a run. */
static bool in_run(const struct run_row *row, uint32_t c, int32_t distance)
{
	uint32_t from = row->first + (uint32_t)distance;

	return c >= from && c - from <= row->span && (c - from) % row->stride == 0;
}

uint32_t fold_lower(uint32_t c)
{
	size_t from = 0, to = countof(lower_rows);

	if (c < 128)
		return c >= 'A' && c <= 'Z' ? c | 32 : c;
	while (from < to) {
		size_t middle = (from + to) / 2;

		if (lower_rows[middle].first + lower_rows[middle].span < c)
			from = middle + 1;
		else
			to = middle;
	}
	/* runs of every second code point may lie inside one another: look at the neighbours too */
	for (size_t i = from; i < countof(lower_rows) && i < from + 3; i++)
		if (in_run(&lower_rows[i], c, 0))
			return c + (uint32_t)lower_rows[i].distance;
	return c;
}

uint32_t fold_upper(uint32_t c)
{
	if (c < 128)
		return c >= 'a' && c <= 'z' ? c & ~32u : c;
	for (size_t i = 0; i < countof(upper_rows); i++)
		if (in_run(&upper_rows[i], c, 0))
			return c + (uint32_t)upper_rows[i].distance;
	for (size_t i = 0; i < countof(lower_rows); i++)
		if (in_run(&lower_rows[i], c, lower_rows[i].distance))
			return c - (uint32_t)lower_rows[i].distance;
	return c;
}

static void put(struct buf *b, struct str s, uint32_t (*fold)(uint32_t))
{
	char bytes[4];

	for (size_t at = 0; at < s.n;)
		buf_add(b, str_make(bytes, utf8_put(bytes, fold(utf8_next(s, &at)))));
}

void fold_put_lower(struct buf *b, struct str s)
{
	put(b, s, fold_lower);
}

void fold_put_upper(struct buf *b, struct str s)
{
	put(b, s, fold_upper);
}

int fold_cmp(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	while (i < a.n && k < b.n) {
		uint32_t x = fold_lower(utf8_next(a, &i)), y = fold_lower(utf8_next(b, &k));

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (i < a.n) - (k < b.n);
}

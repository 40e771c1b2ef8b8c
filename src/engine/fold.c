/* fold.c - case by table; see casemap.def. */
#include "engine/fold.h"
#include "base/utf8.h"

struct run_row {
	uint32_t first, last;
	int32_t stride, distance;
};

static const struct run_row lower_rows[] = {
#define LOWER(first, last, stride, distance) {first, last, stride, distance},
#define UPPER(first, last, stride, distance)
#include "engine/casemap.def"
#undef LOWER
#undef UPPER
};
static const struct run_row upper_rows[] = {
#define LOWER(first, last, stride, distance)
#define UPPER(first, last, stride, distance) {first, last, stride, distance},
#include "engine/casemap.def"
#undef LOWER
#undef UPPER
};

static uint32_t map(const struct run_row *rows, size_t n, uint32_t c)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (rows[middle].last < c)
			from = middle + 1;
		else
			to = middle;
	}
	/* runs of every second code point may lie inside one another: look at the neighbours too */
	for (size_t i = from; i < n && i < from + 3; i++)
		if (c >= rows[i].first && c <= rows[i].last && (c - rows[i].first) % (uint32_t)rows[i].stride == 0)
			return c + (uint32_t)rows[i].distance;
	return c;
}

uint32_t fold_lower(uint32_t c)
{
	if (c < 128)
		return c >= 'A' && c <= 'Z' ? c | 32 : c;
	return map(lower_rows, countof(lower_rows), c);
}

uint32_t fold_upper(uint32_t c)
{
	if (c < 128)
		return c >= 'a' && c <= 'z' ? c & ~32u : c;
	return map(upper_rows, countof(upper_rows), c);
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

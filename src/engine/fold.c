/* fold.c - case by table; see casemap.def. */
#include "engine/fold.h"
#include "base/utf8.h"
#include "engine/engine.h"

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

#define SHARP_S 0xdf
#define SHARP_S_CAPITAL 0x1e9e
#define SIGMA_CAPITAL 0x3a3
#define SIGMA_FINAL 0x3c2

static void put(struct buf *b, uint32_t c)
{
	char bytes[4];

	if (c < 0x80)
		buf_char(b, (char)c);
	else
		buf_add(b, str_make(bytes, utf8_put(bytes, c)));
}

static bool has_case(uint32_t c)
{
	return fold_lower(c) != c || fold_upper(c) != c;
}

void fold_put_lower(struct buf *b, struct str s)
{
	uint32_t before = 0;

	for (size_t at = 0; at < s.n;) {
		uint32_t c = utf8_next(s, &at);

		if (c == SIGMA_CAPITAL && has_case(before) && !has_case(utf8_next(s, &(size_t){at})))
			put(b, SIGMA_FINAL);
		else
			put(b, fold_lower(c));
		before = c;
	}
}

void fold_put_upper(struct buf *b, struct str s)
{
	for (size_t at = 0; at < s.n;) {
		uint32_t c = utf8_next(s, &at);

		put(b, c == SHARP_S ? 'S' : fold_upper(c));
		if (c == SHARP_S)
			buf_char(b, 'S');
	}
}

struct keys {
	struct str s;
	size_t at;
	bool again; /* the second half of a sharp s */
};

/* The next code point of a key; 0 at the end. */
static uint32_t next_key(struct keys *k)
{
	uint32_t c = k->again ? 's' : utf8_next(k->s, &k->at);

	k->again = c == SHARP_S || c == SHARP_S_CAPITAL;
	if (k->again)
		return 's';
	for (size_t i = 0; c >= 128 && i < countof(upper_rows); i++)
		if (in_run(&upper_rows[i], c, 0))
			return fold_lower(c + (uint32_t)upper_rows[i].distance);
	return fold_lower(c);
}

void fold_put_key(struct buf *b, struct str s)
{
	struct keys k = {.s = s};

	for (uint32_t c; (c = next_key(&k));)
		put(b, c);
}

int fold_cmp(struct str a, struct str b)
{
	struct keys x = {.s = a}, y = {.s = b};
	uint32_t c, d;

	do {
		c = next_key(&x);
		d = next_key(&y);
	} while (c && c == d);
	return (c > d) - (c < d);
}

void text_put_key(struct buf *b, struct str text)
{
	bool first = true;
	size_t at = 0;

	while (at < text.n) {
		size_t from = at, end;

		/* as far as the next white space */
		while (end = at, utf8_next(text, &at) && utf8_trim(str_sub(text, end, at - end)).n > 0)
			;
		if (end == from)
			continue;
		if (!first)
			buf_char(b, ' ');
		first = false;
		fold_put_key(b, str_sub(text, from, end - from));
	}
}

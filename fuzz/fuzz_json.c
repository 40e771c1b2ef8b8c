/* The JSON reader and writer. What is read is written, read again and has to be the same; the canonical text of that is a
 * fixed point; what is refused names a place inside the text, an existing pointer syntax and a sentence. The first byte picks
 * the limits and the arena's size, so that limits and exhausted memory are met as well. */
#include "base/json.h"
#include "base/utf8.h"
#include "fuzz.h"

static void check_error(struct str text, const struct json_error *why)
{
	must(why->at <= text.n);
	must(why->line >= 1 && why->column >= 1);
	must(why->what[0]);
	must(why->pointer.n == 0 || why->pointer.p[0] == '/');
	must(utf8_valid(why->pointer));
}

static struct str write_again(struct arena *a, const struct json *doc, bool canonical)
{
	struct buf b;
	struct json_out w;
	struct str out;

	buf_init(&b, a, 16 * MB);
	json_out_init(&w, &b);
	if (canonical)
		json_put_canonical(&w, doc);
	else
		json_put(&w, doc);
	must(buf_done(&b, &out) == OK);
	must(utf8_valid(out));
	must(!str_find(out, S("</"), NULL));
	return out;
}

static void check_value(struct arena *a, const struct json *doc)
{
	struct json_error why;
	struct json *plain, *sorted;
	struct str canonical;

	must(json_read(a, write_again(a, doc, false), &json_limits_default, &plain, &why) == OK);
	must(json_same(doc, plain) && json_same(plain, doc));
	canonical = write_again(a, doc, true);
	must(json_read(a, canonical, &json_limits_default, &sorted, &why) == OK);
	must(json_same(doc, sorted));
	must(str_eq(write_again(a, sorted, true), canonical));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct json_limits tight = {.depth = 3, .keys = 12, .values = 60, .number_chars = 9};
	const struct json_limits *limits = &json_limits_default;
	size_t memory = 64 * MB;
	struct arena a;
	struct json_error why;
	struct json *doc;
	struct str text;
	enum err e;

	if (size == 0)
		return 0;
	if (data[0] == 't')
		limits = &tight;
	else if (data[0] >= 0xc0)
		memory = (size_t)(data[0] - 0xbf) * 512;
	text = str_make((const char *)data + 1, size - 1);
	arena_init(&a, &arena_malloc, memory);
	e = json_read(&a, text, limits, &doc, &why);
	must(e == OK || e == ERR_UNREADABLE || e == ERR_MEMORY);
	must(e != ERR_MEMORY || memory < 64 * MB);
	if (e == ERR_UNREADABLE)
		check_error(text, &why);
	if (e == OK && memory == 64 * MB)
		check_value(&a, doc);
	arena_free(&a);
	return 0;
}

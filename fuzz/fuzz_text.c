/* The small readers of base/: whatever they take, they write back as something that reads the same. */
#include "base/hash.h"
#include "base/html.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "fuzz.h"

static void check_url(struct arena *a, struct str s)
{
	struct str plain, coded, again;
	struct buf b;

	for (int form = 0; form < 2; form++) {
		if (url_decode(a, s, form, &plain))
			continue;
		must(utf8_valid(plain) && !str_find_char(plain, '\0', NULL));
		buf_init(&b, a, 16 * MB);
		url_encode(&b, plain);
		must(buf_done(&b, &coded) == OK);
		must(url_decode(a, coded, form, &again) == OK);
		must(str_eq(plain, again));
	}
}

static void check_base64(struct arena *a, struct str s)
{
	struct str plain, coded;
	struct buf b;

	if (base64url_read(a, s, &plain))
		return;
	buf_init(&b, a, 16 * MB);
	base64url_put(&b, (const unsigned char *)plain.p, plain.n);
	must(buf_done(&b, &coded) == OK);
	must(str_eq(coded, s));
}

static void check_time(struct str s)
{
	char text[TIME_TEXT_BYTES];
	int64_t ms, again;
	int32_t days, same, seconds;
	struct uuid id;

	if (time_read(s, &ms)) {
		time_text(ms, text);
		must(time_read(str_make(text, sizeof(text)), &again) && again == ms);
	}
	if (date_read(s, &days)) {
		date_text(days, text);
		must(str_eq(str_make(text, 10), s));
		must(date_read(s, &same) && same == days);
	}
	if (clock_read(s, &seconds))
		must(seconds >= 0 && seconds < 86400);
	if (uuid_read(s, &id)) {
		char out[UUID_TEXT_BYTES];

		uuid_text(&id, out);
		must(str_eq_nocase(str_make(out, sizeof(out)), s));
	}
}

/* Nothing that comes from a text may end its attribute or open a tag. */
static void check_html(struct arena *a, struct str s)
{
	struct buf b;
	struct html h;
	struct str out;

	buf_init(&b, a, 16 * MB);
	html_init(&h, &b);
	html_open(&h, "a");
	html_attr_url(&h, "href", s);
	html_text(&h, s);
	must(buf_done(&b, &out) == OK);
	must(str_starts(out, S("<a href=\"")));
	out = str_sub(out, 9, out.n);
	for (size_t i = 0, quotes = 0; i < out.n; i++) {
		quotes += out.p[i] == '"';
		must(quotes <= 1 && out.p[i] != '<' && out.p[i] != '\'');
	}
}

static void check_utf8(struct str s)
{
	size_t at = 0, points = 0;
	bool valid = true;

	while (at < s.n) {
		size_t from = at;
		char out[4];
		uint32_t c = utf8_next(s, &at);
		unsigned n = utf8_put(out, c);

		must(at > from && n > 0);
		valid = valid && str_eq(str_make(out, n), str_sub(s, from, at - from));
		points++;
	}
	must(valid == utf8_valid(s));
	must(points == utf8_length(s));
	must(str_eq(utf8_clip(s, points), s));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	struct arena a;

	arena_init(&a, &arena_malloc, 64 * MB);
	check_url(&a, s);
	check_base64(&a, s);
	check_time(s);
	check_html(&a, s);
	check_utf8(s);
	arena_free(&a);
	return 0;
}

/* utf8, percent-encoding, HTML and ids */
#include "base/html.h"
#include "base/test.h"
#include "base/utf8.h"
#include "base/uuid.h"

/* Every scalar value there and back; everything else refused. */
static void utf8_goes_round(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110400; c++) {
		char out[4];
		unsigned n = utf8_put(out, c);
		size_t at = 0;

		if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(utf8_next(str_make(out, n), &at), c);
		assert_int_equal(at, n);
		assert_true(utf8_valid(str_make(out, n)));
		assert_false(n > 1 && utf8_valid(str_make(out, n - 1)));
	}
}

static void utf8_counts_and_clips(void **state)
{
	struct str s = S("a\xe1\xba\xbf\xf0\x9f\x98\x80z"), broken = S("a\xff\xc3");
	size_t at = 0;

	(void)state;
	assert_int_equal(utf8_length(s), 4);
	assert_int_equal(utf8_length(S("")), 0);
	assert_str(utf8_clip(s, 2), "a\xe1\xba\xbf");
	assert_str(utf8_clip(s, 0), "");
	assert_str(utf8_clip(s, 9), "a\xe1\xba\xbf\xf0\x9f\x98\x80z");
	assert_true(utf8_valid(S("12345678\xe1\xba\xbf 12345678")));
	assert_false(utf8_valid(S("12345678\xe1\xba 12345678")));
	assert_int_equal(utf8_length(broken), 3);
	assert_int_equal(utf8_next(broken, &at), 'a');
	assert_int_equal(utf8_next(broken, &at), 0xfffd);
	assert_int_equal(at, 2);
	assert_int_equal(utf8_next(broken, &at), 0xfffd);
	assert_int_equal(utf8_next(broken, &at), 0);
	assert_int_equal(at, 3);
}

static void percent_encoding(void **state)
{
	static const char *const bad[] = {"%", "%4", "%4g", "%g4", "a%00b", "%ff", "%c3", "%ed%a0%80", "%+1", "%%41"};
	struct str out;
	struct buf b;

	assert_int_equal(url_decode(*state, S("a%20b+c%2B%C3%a9"), false, &out), OK);
	assert_str(out, "a b+c+\xc3\xa9");
	assert_int_equal(url_decode(*state, S("a+b%2b%2520"), true, &out), OK);
	assert_str(out, "a b+%20");
	assert_int_equal(url_decode(*state, S(""), true, &out), OK);
	assert_int_equal(out.n, 0);
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(url_decode(*state, str_from(bad[i]), false, &out), ERR_UNREADABLE);
	assert_int_equal(url_decode(*state, S("a\0b"), false, &out), ERR_UNREADABLE);
	buf_init(&b, *state, 1024);
	url_encode(&b, S("aZ09-._~ /?&=+%\xc3\xa9"));
	assert_int_equal(buf_done(&b, &out), OK);
	assert_str(out, "aZ09-._~%20%2F%3F%26%3D%2B%25%C3%A9");
}

static void html_escapes(void **state)
{
	struct buf b;
	struct html h;
	struct str out;

	buf_init(&b, *state, 4096);
	html_init(&h, &b);
	html_doctype(&h);
	html_open(&h, "p");
	html_attr(&h, "title", S("\"a\" & 'b' <c>"));
	html_attr_int(&h, "data-n", -3);
	html_attr_bool(&h, "hidden", true);
	html_attr_bool(&h, "inert", false);
	html_text(&h, S("1 < 2 & \"q\"</p>"));
	html_open(&h, "br");
	html_close_void(&h);
	html_raw(&h, S("<b>x</b>"));
	html_open(&h, "a");
	html_attr_url(&h, "href", S("javascript:alert(1)"));
	html_close(&h, "a");
	html_open(&h, "a");
	html_attr_url(&h, "href", S("/s/x?a=1&b=2"));
	html_close(&h, "a");
	html_close(&h, "p");
	assert_int_equal(buf_done(&b, &out), OK);
	assert_str(out, "<!DOCTYPE html>\n<p title=\"&quot;a&quot; &amp; &#39;b&#39; &lt;c&gt;\" data-n=\"-3\" hidden>"
			"1 &lt; 2 &amp; &quot;q&quot;&lt;/p&gt;<br><b>x</b><a href=\"#\"></a><a "
			"href=\"/s/x?a=1&amp;b=2\"></a></p>");
	html_attr(&h, "class", S("late"));
	assert_int_equal(buf_done(&b, &out), ERR_INTERNAL);
}

static void html_urls(void **state)
{
	static const char *const good[] = {"", "#", "/a", "a/b", "?x=:", "a/b:c", "./a:b", "//host/x", "http://x",
	    "HTTPS://x", "mailto:a@b.example", "tel:+841234", "/a b"};
	static const char *const bad[] = {"javascript:x", "JavaScript:x", " javascript:x", "java\nscript:x",
	    "\x01javascript:x", "data:text/html,x", "vbscript:x", "blob:x", "ftp://x", "httpsx:y", "x:y", ":x",
	    "http ://x", "/a\tb", "x\x7f"};

	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		if (!html_url_allowed(str_from(good[i])))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < countof(bad); i++)
		if (html_url_allowed(str_from(bad[i])))
			fail_msg("%s was allowed", bad[i]);
	assert_false(html_url_allowed(S("\0javascript:x")));
}

static void uuids(void **state)
{
	static const char *const bad[] = {"", "0192f0c1-2345-7abc-8def-0123456789a",
	    "0192f0c1-2345-7abc-8def-0123456789abc", "0192f0c1_2345-7abc-8def-0123456789ab",
	    "0192f0c1-2345-7abc-8def-0123456789ag", "{192f0c1-2345-7abc-8def-0123456789ab",
	    "0192f0c12345-7abc-8def-0123456789ab-", "0192f0c1-2345-7abc-8def-01234567-9ab"};
	const unsigned char random[10] = {0xff, 1, 0xff, 3, 4, 5, 6, 7, 8, 9};
	struct uuid id, same;

	for (size_t i = 0; i < countof(bad); i++)
		assert_false(uuid_read(str_from(bad[i]), &id));
	assert_true(uuid_read(S("0192F0C1-2345-7abc-8DEF-0123456789ab"), &id));
	assert_str(uuid_str(*state, &id), "0192f0c1-2345-7abc-8def-0123456789ab");
	assert_false(uuid_is_nil(&id));
	assert_true(uuid_read(S("00000000-0000-0000-0000-000000000000"), &same) && uuid_is_nil(&same));
	assert_false(uuid_eq(&id, &same));
	/* the instant of RFC 9562's example of version 7 */
	id = uuid_v7(0x017f22e279b0, random);
	assert_str(uuid_str(*state, &id), "017f22e2-79b0-7f01-bf03-040506070809");
	assert_true(uuid_read(uuid_str(*state, &id), &same) && uuid_eq(&id, &same));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(utf8_goes_round),
	    cmocka_unit_test(utf8_counts_and_clips),
	    with_arena(percent_encoding),
	    with_arena(html_escapes),
	    cmocka_unit_test(html_urls),
	    with_arena(uuids),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}

/* Words and messages: what stands in a mail, and what cannot get into it. */
#include "base/test.h"
#include "io/clock.h"
#include "mail/mail.h"
#include "mail/mail_message.h"

#define LINK "https://collect.example/x?token=abc"

static const char *const kind_names[MAIL_KINDS] = {
#define MAIL(name, text, link, values) #text,
#include "core/mails.def"
#undef MAIL
};
static const struct mail_value all[] = {{"minutes", {"30", 2}}, {"days", {"7", 1}}, {"by", {"Ana", 3}},
    {"tenant", {"Acme", 4}}, {"device", {"Firefox", 7}}, {"address", {"192.0.2.1", 9}}, {"time", {"12:00", 5}}};

static struct mail mail_of(enum mail_kind kind, const char *language)
{
	return (struct mail){.kind = kind,
	    .to = S("ana@acme.example"),
	    .language = str_from(language),
	    .values = all,
	    .value_count = countof(all)};
}

static unsigned count(struct str text, const char *part)
{
	unsigned n = 0;
	size_t at;

	while (str_find(text, str_from(part), &at)) {
		text = str_sub(text, at + 1, text.n);
		n++;
	}
	return n;
}

/* ---- templates ---- */

/* Each uses the values of its row and no others, and has the link that its row says. */
static void test_templates(void **state)
{
	static const char *const languages[] = {"en", "vi"};

	(void)state;
	for (size_t kind = 0; kind < MAIL_KINDS; kind++)
		for (size_t l = 0; l < countof(languages); l++) {
			struct str spoken,
			    text = mail_text_template((enum mail_kind)kind, str_from(languages[l]), &spoken);
			struct str rest = str_from(mail_kind_values((enum mail_kind)kind)), name;
			unsigned values = 0;
			bool more = true;

			assert_str(spoken, languages[l]);
			while (more) {
				char mark[40];

				name = str_cut(&rest, ' ', &more);
				snprintf(mark, sizeof mark, "{{%.*s}}", STR_ARGS(name));
				if (count(text, mark) == 0)
					fail_msg("%s.%s lacks %s", kind_names[kind], languages[l], mark);
				values += count(text, mark);
			}
			assert_int_equal(count(text, "{{"), values);
			assert_int_equal(count(text, "\n["), mail_kind_has_link((enum mail_kind)kind));
			assert_true(text.n > 0 && text.p[0] != '\n');
		}
}

static void test_words(void **state)
{
	struct mail m = mail_of(MAIL_INVITATION, "en-GB");
	struct mail_text text;

	assert_int_equal(mail_text_make(*state, &m, S(LINK), &text), OK);
	assert_str(text.language, "en");
	assert_str(text.subject, "Invitation to Acme");
	assert_true(str_find(text.plain, S("\n\nAna invites you to work with Acme in Cimigo Collect. "), NULL));
	assert_true(str_find(text.plain, S("\n\n" LINK "\n\n"), NULL));
	assert_true(str_find(text.html, S("<p><a href=\"" LINK "\">Accept the invitation</a></p>"), NULL));
	assert_true(str_starts(text.html, S("<!DOCTYPE html>")) && str_find(text.html, S("<html lang=\"en\">"), NULL));
	m.language = S("VI");
	assert_int_equal(mail_text_make(*state, &m, S(LINK), &text), OK);
	assert_str(text.subject, "Lời mời tham gia Acme");
	m.language = S("fr");
	assert_int_equal(mail_text_make(*state, &m, S(LINK), &text), OK);
	assert_str(text.language, "en");
	m.value_count = 1;
	assert_int_equal(mail_text_make(*state, &m, S(LINK), &text), ERR_INVALID);
}

/* ---- values that somebody else chose ---- */

static void test_inert(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"Ana", "Ana"}, {"  Ana B. ", "Ana B."}, {"Dr. A. B.", "Dr. A. B."},
	    {"a\r\nBcc: x@y.example", "a  Bcc: x@\u2060y.\u2060"
				      "example"},
	    {"https://evil.example/x", "https:\u2060//evil.\u2060"
				       "example/x"},
	    {"www.evil.example", "www.\u2060"
				 "evil.\u2060"
				 "example"},
	    {"192.0.2.1", "192.0.2.1"}, {"12:30", "12:30"}, {"a\tb", "a b"},
	    {"\u202e"
	     "evil",
		" evil"},
	    {"e\u200bvil", "e vil"}, {"{{by}}", "{{by}}"}, {"Nguyễn Văn Ánh", "Nguyễn Văn Ánh"},
	    {"evil.việt", "evil.\u2060việt"}};
	char longer[1000];
	struct str out;

	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(mail_text_inert(*state, str_from(rows[i].in), &out), OK);
		assert_str(out, rows[i].out);
	}
	memset(longer, 'x', sizeof longer);
	assert_int_equal(mail_text_inert(*state, str_make(longer, sizeof longer), &out), OK);
	assert_int_equal(out.n, MAIL_VALUE_MAX_CHARS);
	assert_int_equal(mail_text_inert(*state, S("a\xff"), &out), ERR_INVALID);
}

static void test_hostile_values(void **state)
{
	static const char *const hostile[] = {"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
	    "</p><a href='https://evil.example'>x</a>", "https://evil.example",
	    "x\r\nBcc: victim@x.example\r\n\r\nbody", "{{tenant}}", "[Click]", "=?UTF-8?B?eA==?=", "\n.\n", "a\nb"};
	const struct uuid id = uuid_new();

	for (size_t i = 0; i < countof(hostile); i++) {
		const struct mail_value values[] = {
		    {"by", str_from(hostile[i])}, {"tenant", str_from(hostile[i])}, {"days", S("7")}};
		struct mail m = mail_of(MAIL_INVITATION, "en");
		struct mail_text text;
		struct mail_message message = {
		    .from = {S("Collect"), S("collect@x.example")}, .to = m.to, .text = &text, .id = &id};
		struct str out;
		size_t head;

		m.values = values;
		m.value_count = countof(values);
		assert_int_equal(mail_text_make(*state, &m, S(LINK), &text), OK);
		assert_false(str_find(text.html, S("<script"), NULL) || str_find(text.html, S("<img"), NULL));
		assert_int_equal(count(text.html, "<a "), 1);
		assert_false(str_find(text.plain, S("https://evil"), NULL));
		assert_false(str_find_char(text.subject, '\n', NULL) || str_find_char(text.subject, '\r', NULL));
		assert_int_equal(mail_message_write(*state, &message, &out), OK);
		assert_true(str_find(out, S("\r\n\r\n"), &head));
		assert_false(str_find(str_sub(out, 0, head), S("\nBcc"), NULL));
		/* From, To, Subject, Date, Message-ID, MIME-Version, Auto-Submitted, Content-Language, Content-Type, and folded lines */
		assert_int_equal(count(str_sub(out, 0, head), "\r\n") - count(str_sub(out, 0, head), "\r\n "), 8);
	}
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	static const char *const good[] = {
	    "a@b", "ana@acme.example", "a.b+c@x-y.example", "!#$%&'*+-/=?^_`{|}~@x.example"};
	static const char *const bad[] = {"", "a", "@b", "a@", "a@b@c", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b c",
	    "a@-b", "a@b-", "a@b.", "a@.b", "a@b..c", "a\r\nRCPT TO:<x@y>@b", "a@b\r\nX: y", "a@b>", "<a@b",
	    "\"a b\"@c", "a@[127.0.0.1]", "a,b@c", "a@b,c@d", "\xc3\xa9@b", "a@\xc3\xa9",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b"};
	struct mail_address from;
	char longer[300] = "a@";

	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		assert_true(mail_address_fits(str_from(good[i])));
	for (size_t i = 0; i < countof(bad); i++)
		if (mail_address_fits(str_from(bad[i])))
			fail_msg("%s is taken for an address", bad[i]);
	assert_false(mail_address_fits(S("a@b\0c")));
	for (size_t i = 2; i < 260; i += 2)
		memcpy(longer + i, "b.", 3);
	longer[259] = 'b';
	assert_false(mail_address_fits(str_from(longer)));
	assert_true(mail_address_read(S(" Cimigo \"Collect\", Ltd <collect@x.example> "), &from));
	assert_str(from.name, "Cimigo \"Collect\", Ltd");
	assert_str(from.address, "collect@x.example");
	assert_true(mail_address_read(S("collect@x.example"), &from));
	assert_int_equal(from.name.n, 0);
	assert_false(mail_address_read(S("Collect <collect>"), &from));
	assert_false(mail_address_read(S("Collect collect@x.example"), &from));
}

/* ---- encodings ---- */

static void test_header_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"Set a new password", "Set a new password"}, {"=?x", "=?UTF-8?B?PT94?="},
	    {"\u0110\u1eb7t", "=?UTF-8?B?xJDhurd0?="}, {"", ""}};
	struct str out, longer;
	struct buf b, source;

	for (size_t i = 0; i < countof(rows); i++) {
		buf_init(&b, *state, KB);
		mail_header_text(&b, str_from(rows[i].in), 9);
		assert_int_equal(buf_done(&b, &out), OK);
		assert_str(out, rows[i].out);
	}
	buf_init(&source, *state, 4 * KB);
	for (int i = 0; i < 300; i++)
		buf_add(&source, S("\u1ec7"));
	assert_int_equal(buf_done(&source, &longer), OK);
	buf_init(&b, *state, 16 * KB);
	mail_header_text(&b, longer, 9);
	assert_int_equal(buf_done(&b, &out), OK);
	while (out.n > 0) {
		struct str line = str_cut(&out, '\n', NULL);

		assert_true(
		    line.n <= 77 && str_starts(str_trim(line), S("=?UTF-8?B?")) && str_ends(str_trim(line), S("?=")));
	}
}

static void test_quoted_printable(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"plain", "plain"}, {"a=b", "a=3Db"}, {"end \nx", "end=20\r\nx"}, {"tab\tx", "tab=09x"},
	    {"\xc3\xa9", "=C3=A9"}, {"a\n\nb", "a\r\n\r\nb"}, {"last ", "last=20"}, {"\r", "=0D"}};
	struct str out;
	struct buf b;

	for (size_t i = 0; i < countof(rows); i++) {
		buf_init(&b, *state, KB);
		mail_quoted_printable(&b, str_from(rows[i].in));
		assert_int_equal(buf_done(&b, &out), OK);
		assert_str(out, rows[i].out);
	}
	buf_init(&b, *state, 16 * KB);
	for (int i = 0; i < 100; i++)
		mail_quoted_printable(&b, S(""));
	mail_quoted_printable(
	    &b, S("01234567890123456789012345678901234567890123456789012345678901234567890123456789\xc3\xa9\xc3\xa9"));
	assert_int_equal(buf_done(&b, &out), OK);
	assert_str(
	    out, "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n56789=C3=A9=C3=A9");
}

static void test_message(void **state)
{
	struct mail m = mail_of(MAIL_PASSWORD_RESET, "vi");
	const struct uuid id = uuid_new();
	struct mail_text text;
	struct mail_message message = {.from = {S("Cimigo \u1ec7 Collect"), S("collect@x.example")},
	    .to = m.to,
	    .text = &text,
	    .id = &id,
	    .date_ms = 1763838245123};
	struct str out, rest, line;

	assert_int_equal(mail_text_make(*state, &m, S(LINK), &text), OK);
	assert_int_equal(mail_message_write(*state, &message, &out), OK);
	assert_true(str_find(out, S("\r\nDate: Sat, 22 Nov 2025 19:04:05 +0000\r\n"), NULL));
	assert_true(str_find(out, S("\r\nTo: <ana@acme.example>\r\n"), NULL));
	for (rest = out; rest.n > 0;) {
		line = str_cut(&rest, '\n', NULL);
		assert_true(line.n > 0 && line.p[line.n - 1] == '\r' && line.n <= 78);
		for (size_t i = 0; i + 1 < line.n; i++)
			assert_true(line.p[i] >= ' ' && line.p[i] <= '~');
	}
	message.to = S("a@b\r\nBcc: x@y");
	assert_int_equal(mail_message_write(*state, &message, &out), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_templates), with_arena(test_words),
	    with_arena(test_inert), with_arena(test_hostile_values), cmocka_unit_test(test_addresses),
	    with_arena(test_header_text), with_arena(test_quoted_printable), with_arena(test_message)};

	return cmocka_run_group_tests_name("mail message", tests, NULL, NULL);
}

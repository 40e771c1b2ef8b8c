#include "mail/mail_message.h"

#include "base/limits.h"
#include "base/time.h"
#include "base/utf8.h"
#include "io/clock.h"

#define LINE_MAX_BYTES 76
#define LOCAL_MAX_BYTES 64
#define LABEL_MAX_BYTES 63
#define ADDRESS_MAX_BYTES 254
#define WORD_START "=?UTF-8?B?"
#define WORD_END "?="
#define WORD_OVERHEAD (sizeof WORD_START - 1 + sizeof WORD_END - 1)

/* ---- addresses ---- */

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool local_fits(struct str s)
{
	if (s.n == 0 || s.n > LOCAL_MAX_BYTES || s.p[0] == '.' || s.p[s.n - 1] == '.' || str_find(s, S(".."), NULL))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter_or_digit(s.p[i]) && !str_find_char(S("!#$%&'*+-/=?^_`{|}~."), s.p[i], NULL))
			return false;
	return true;
}

static bool domain_fits(struct str s)
{
	bool more = true;

	while (more) {
		struct str label = str_cut(&s, '.', &more);

		if (label.n == 0 || label.n > LABEL_MAX_BYTES || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return true;
}

bool mail_address_fits(struct str address)
{
	struct str rest = address, local;
	bool at;

	if (address.n > ADDRESS_MAX_BYTES)
		return false;
	local = str_cut(&rest, '@', &at);
	return at && local_fits(local) && domain_fits(rest);
}

bool mail_address_read(struct str text, struct mail_address *out)
{
	size_t open;

	text = str_trim(text);
	*out = (struct mail_address){.address = text};
	if (str_ends(text, S(">")) && str_find_char(text, '<', &open)) {
		out->name = str_trim(str_sub(text, 0, open));
		out->address = str_sub(text, open + 1, text.n - open - 2);
	}
	return mail_address_fits(out->address) && utf8_valid(out->name) && out->name.n <= ADDRESS_MAX_BYTES;
}

/* ---- text in headers ---- */

static void put_base64(struct buf *b, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;

		v |= left > 1 ? (uint32_t)(unsigned char)s.p[i + 1] << 8 : 0;
		v |= left > 2 ? (unsigned char)s.p[i + 2] : 0;
		buf_char(b, digits[v >> 18]);
		buf_char(b, digits[v >> 12 & 63]);
		buf_char(b, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_char(b, left > 2 ? digits[v & 63] : '=');
	}
}

/* Printable ASCII that nobody could take for an encoded word, and that fits the line. */
static bool is_plain(struct str text, size_t room)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			return false;
	return text.n <= room && !str_find(text, S("=?"), NULL);
}

static void put_encoded(struct buf *b, struct str text, size_t column)
{
	size_t at = 0;

	while (at < text.n) {
		size_t room = (LINE_MAX_BYTES - column - WORD_OVERHEAD) / 4 * 3, end = at, next = at;

		/* a code point is never cut */
		while (next < text.n) {
			utf8_next(text, &next);
			if (next - at > room)
				break;
			end = next;
		}
		buf_add(b, S(WORD_START));
		put_base64(b, str_sub(text, at, end - at));
		buf_add(b, S(WORD_END));
		at = end;
		if (at < text.n)
			buf_add(b, S("\r\n "));
		column = 1;
	}
}

void mail_header_text(struct buf *b, struct str text, size_t column)
{
	if (is_plain(text, LINE_MAX_BYTES - column))
		buf_add(b, text);
	else
		put_encoded(b, text, column);
}

/* ---- bodies ---- */

static bool literal(struct str text, size_t i)
{
	char c = text.p[i];
	bool last = i + 1 == text.n || text.p[i + 1] == '\n';

	return c != '=' && ((c > ' ' && c <= '~') || (c == ' ' && !last));
}

void mail_quoted_printable(struct buf *b, struct str text)
{
	size_t column = 0;

	for (size_t i = 0; i < text.n; i++) {
		size_t width = literal(text, i) ? 1 : 3;

		if (text.p[i] == '\n') {
			buf_add(b, S("\r\n"));
			column = 0;
			continue;
		}
		/* one column is kept for the '=' of a soft line end */
		if (column + width > LINE_MAX_BYTES - 1) {
			buf_add(b, S("=\r\n"));
			column = 0;
		}
		if (width == 1) {
			buf_char(b, text.p[i]);
		} else {
			unsigned char c = (unsigned char)text.p[i];

			buf_char(b, '=');
			buf_char(b, "0123456789ABCDEF"[c >> 4]);
			buf_char(b, "0123456789ABCDEF"[c & 15]);
		}
		column += width;
	}
}

/* ---- the whole ---- */

static void put_line(struct buf *b, const char *name, struct str value)
{
	buf_add(b, str_from(name));
	buf_add(b, S(": "));
	buf_add(b, value);
	buf_add(b, S("\r\n"));
}

static void put_date(struct buf *b, int64_t ms)
{
	static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char months[][4] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	int32_t day = (int32_t)(ms / 86400000);
	char text[64], time[TIME_TEXT_BYTES];
	int year, month, mday;

	date_parts(day, &year, &month, &mday);
	time_text(ms, time);
	snprintf(text, sizeof text, "%s, %02d %s %04d %.8s +0000", days[date_weekday(day) - 1], mday, months[month - 1],
	    year, time + 11);
	put_line(b, "Date", str_from(text));
}

static void put_from(struct buf *b, const struct mail_address *from)
{
	buf_add(b, S("From: "));
	if (from->name.n > 0) {
		/* always encoded: quotes, commas and the like of a name mean something here */
		put_encoded(b, from->name, sizeof "From: " - 1);
		buf_add(b, S("\r\n "));
	}
	buf_char(b, '<');
	buf_add(b, from->address);
	buf_add(b, S(">\r\n"));
}

static void put_head(struct buf *b, const struct mail_message *m, struct str boundary)
{
	char id[UUID_TEXT_BYTES];
	size_t at = 0;

	put_from(b, &m->from);
	buf_add(b, S("To: <"));
	buf_add(b, m->to);
	buf_add(b, S(">\r\nSubject: "));
	mail_header_text(b, m->text->subject, sizeof "Subject: " - 1);
	buf_add(b, S("\r\n"));
	put_date(b, m->date_ms);
	uuid_text(m->id, id);
	buf_add(b, S("Message-ID: <"));
	buf_add(b, str_make(id, sizeof id));
	str_find_char(m->from.address, '@', &at);
	buf_add(b, str_sub(m->from.address, at, m->from.address.n));
	buf_add(b, S(">\r\n"));
	put_line(b, "MIME-Version", S("1.0"));
	put_line(b, "Auto-Submitted", S("auto-generated"));
	put_line(b, "Content-Language", m->text->language);
	buf_add(b, S("Content-Type: multipart/alternative;\r\n boundary=\""));
	buf_add(b, boundary);
	buf_add(b, S("\"\r\n\r\n"));
}

static void put_part(struct buf *b, struct str boundary, const char *type, struct str text)
{
	buf_add(b, S("--"));
	buf_add(b, boundary);
	buf_add(b, S("\r\nContent-Type: "));
	buf_add(b, str_from(type));
	buf_add(b, S("; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"));
	mail_quoted_printable(b, text);
	buf_add(b, S("\r\n"));
}

enum err mail_message_write(struct arena *a, const struct mail_message *m, struct str *out)
{
	/* "=_" stands in no quoted-printable text */
	char boundary_text[20] = "=_";
	struct str boundary = str_make(boundary_text, 18);
	struct buf b, tail;
	uint64_t random = random_u64();

	if (!mail_address_fits(m->to) || !mail_address_fits(m->from.address))
		return ERR_INVALID;
	buf_init(&tail, a, 16);
	buf_uint_hex(&tail, random, 16);
	if (tail.failed)
		return ERR_MEMORY;
	memcpy(boundary_text + 2, tail.p, 16);
	buf_init(&b, a, MAIL_MESSAGE_MAX_BYTES);
	put_head(&b, m, boundary);
	put_part(&b, boundary, "text/plain", m->text->plain);
	put_part(&b, boundary, "text/html", m->text->html);
	buf_add(&b, S("--"));
	buf_add(&b, boundary);
	buf_add(&b, S("--\r\n"));
	return buf_done(&b, out) ? ERR_MEMORY : OK;
}

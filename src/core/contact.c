/* contact.c - e-mail addresses and phone numbers in one form. */
#include "core/contact.h"
#include <idn2.h>
#include <string.h>

#define PHONE_DIGITS_MIN 6
#define PHONE_WITHIN_MIN 7
#define PHONE_GAP_MAX 3

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_word(char c)
{
	return is_digit(c) || (small(c) >= 'a' && small(c) <= 'z');
}

static struct str part(struct str s, size_t from, size_t to)
{
	return str_make(s.p + from, to - from);
}

/* ---- e-mail ---- */

/* Names that IDNA refuses are in use all the same (a_b.example): they stay as they are. */
static bool plain_form(struct str domain, char *out, size_t room, size_t *n)
{
	if (domain.n > room)
		return false;
	for (size_t i = 0; i < domain.n; i++) {
		if (!is_word(domain.p[i]) && domain.p[i] != '.' && domain.p[i] != '-' && domain.p[i] != '_')
			return false;
		out[i] = small(domain.p[i]);
	}
	*n = domain.n;
	return true;
}

static bool domain_form(struct str domain, char *out, size_t room, size_t *n)
{
	char text[CONTACT_MAX_BYTES + 1];
	uint8_t *ascii = NULL;
	bool fits;

	if (domain.n == 0 || domain.p[0] == '.' || domain.n > CONTACT_MAX_BYTES)
		return false;
	memcpy(text, domain.p, domain.n);
	text[domain.n] = 0;
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return plain_form(domain, out, room, n);
	*n = strlen((const char *)ascii);
	if ((fits = *n <= room))
		memcpy(out, ascii, *n);
	idn2_free(ascii);
	return fits;
}

bool contact_email(struct str written, struct contact_form *out)
{
	struct str s = str_trim(written);
	size_t at = 0, n;

	if (s.n > CONTACT_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '@')
			at = i;
	if (at == 0)
		return false;
	for (size_t i = 0; i <= at; i++)
		out->text[i] = small(s.p[i]);
	if (!domain_form(part(s, at + 1, s.n), out->text + at + 1, sizeof(out->text) - at - 1, &n))
		return false;
	out->n = at + 1 + n;
	return true;
}

/* What stands before the @ ends as `local` does, and does not go on to the left. */
static bool local_ends(struct str text, size_t at, struct str local)
{
	if (at < local.n)
		return false;
	for (size_t i = 0; i < local.n; i++)
		if (small(text.p[at - local.n + i]) != local.p[i])
			return false;
	if (at == local.n)
		return true;
	char before = text.p[at - local.n - 1];

	return !is_word(before) && !strchr("._%+-", before);
}

static bool domain_same(struct str domain, struct str wanted)
{
	char text[CONTACT_MAX_BYTES];
	size_t n;

	while (domain.n > 0 && (domain.p[domain.n - 1] == '.' || domain.p[domain.n - 1] == '-'))
		domain.n--;
	return domain_form(domain, text, sizeof text, &n) && str_eq(str_make(text, n), wanted);
}

/* A domain may have letters of any script, and signs of any script may follow it: it ends with what cannot be in one, or with the first letter that is
 * not ASCII, or where the signs of general and Chinese, Japanese and Korean punctuation begin (E2 80, E2 81, E3 80, EF BC in UTF-8). */
static bool domain_begins(struct str text, size_t from, struct str wanted)
{
	size_t end = from, ascii = 0, sign = 0;

	for (; end < text.n; end++) {
		unsigned char c = (unsigned char)text.p[end];
		unsigned char next = end + 1 < text.n ? (unsigned char)text.p[end + 1] : 0;

		if (c < 0x80 && !is_word((char)c) && c != '.' && c != '-' && c != '_')
			break;
		if (c >= 0x80 && ascii == 0)
			ascii = end;
		if (sign == 0 && ((c == 0xE2 && (next == 0x80 || next == 0x81)) || (c == 0xE3 && next == 0x80) ||
				     (c == 0xEF && next == 0xBC)))
			sign = end;
	}
	return domain_same(part(text, from, end), wanted) ||
	       (ascii > from && domain_same(part(text, from, ascii), wanted)) ||
	       (sign > from && domain_same(part(text, from, sign), wanted));
}

bool contact_email_within(struct str text, struct str form)
{
	size_t at = 0;

	for (size_t i = 0; i < form.n; i++)
		if (form.p[i] == '@')
			at = i;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '@' && local_ends(text, i, part(form, 0, at)) &&
		    domain_begins(text, i + 1, part(form, at + 1, form.n)))
			return true;
	return false;
}

/* ---- phone ---- */

bool contact_phone(struct str written, int64_t country, struct contact_form *out)
{
	struct str s = str_trim(written);
	bool abroad = s.n > 0 && s.p[0] == '+';
	char digits[CONTACT_MAX_BYTES], code[4];
	size_t n = 0, from = 0, codes = 0;

	if (s.n > CONTACT_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		/* the 0 that is dialled at home: +84 (0)90 ... */
		if (abroad && s.n - i >= 3 && memcmp(s.p + i, "(0)", 3) == 0)
			i += 2;
		else if (is_digit(s.p[i]))
			digits[n++] = s.p[i];
	}
	if (!abroad && n > 2 && digits[0] == '0' && digits[1] == '0') {
		abroad = true;
		from = 2;
	} else if (!abroad && n > 0 && digits[0] == '0') {
		from = 1;
	}
	for (int64_t c = country; !abroad && c > 0 && codes < sizeof code; c /= 10)
		code[codes++] = (char)('0' + c % 10);
	if (n - from < PHONE_DIGITS_MIN || n - from + codes > CONTACT_PHONE_DIGITS_MAX)
		return false;
	for (out->n = 0; codes > 0;)
		out->text[out->n++] = code[--codes];
	memcpy(out->text + out->n, digits + from, n - from);
	out->n += n - from;
	return true;
}

static bool phone_is(struct str written, int64_t country, struct str form)
{
	struct contact_form f;

	return contact_phone(written, country, &f) && str_eq(str_make(f.text, f.n), form);
}

/* From the group of digits at `from` on, one group more each time, until there are more digits than a number has. */
static bool phone_begins(struct str text, size_t from, int64_t country, struct str form)
{
	size_t start = from > 0 && text.p[from - 1] == '+' ? from - 1 : from, digits = 0, i = from;

	while (i < text.n && digits <= CONTACT_PHONE_DIGITS_MAX + 3) {
		size_t gap = 0;

		for (; i < text.n && is_digit(text.p[i]); i++)
			digits++;
		if (digits >= PHONE_WITHIN_MIN && digits <= CONTACT_PHONE_DIGITS_MAX + 3 &&
		    phone_is(part(text, start, i), country, form))
			return true;
		for (; i < text.n && text.p[i] && strchr(" .-/()", text.p[i]); i++)
			gap++;
		if (gap == 0 || gap > PHONE_GAP_MAX)
			return false;
	}
	return false;
}

bool contact_phone_within(struct str text, int64_t country, struct str form)
{
	for (size_t i = 0; i < text.n; i++)
		if (is_digit(text.p[i]) && (i == 0 || !is_digit(text.p[i - 1])) && phone_begins(text, i, country, form))
			return true;
	return false;
}

#include "core/schema_check.h"

#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"

static void say_bound(struct req *rq, bool low, double bound, struct str pointer, const char *unit)
{
	char digits[NUM_TEXT_MAX];
	struct buf b;
	struct str text;

	buf_init(&b, rq->arena, 200);
	buf_add(&b, low ? S("This must be at least ") : S("This must be at most "));
	buf_add(&b, str_make(digits, num_text(bound, digits)));
	if (unit) {
		buf_char(&b, ' ');
		buf_add(&b, str_from(unit));
	}
	buf_char(&b, '.');
	if (!buf_done(&b, &text))
		req_error(rq, pointer, low ? S("min") : S("max"), text);
}

bool schema_check_bounds(struct req *rq, const struct field *f, int64_t n, struct str pointer, const char *unit)
{
	if (f->min == 0 && f->max == 0)
		return true;
	if (n < f->min) {
		say_bound(rq, true, f->min, pointer, unit);
		return false;
	}
	if (n > f->max) {
		say_bound(rq, false, f->max, pointer, unit);
		return false;
	}
	return true;
}

bool schema_check_number(struct req *rq, const struct field *f, double v, struct str pointer)
{
	if (f->min == 0 && f->max == 0)
		return true;
	if (v < f->min || v > f->max) {
		say_bound(rq, v < f->min, v < f->min ? f->min : f->max, pointer, NULL);
		return false;
	}
	return true;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Deliverable in shape only: one @, a dotted domain, nothing that could end a header. ASCII alone: the database folds letters beyond it when it looks an
 * account up (the Kelvin sign is a k to it), which nothing else does, and one account would be many to whoever counts its wrong passwords. */
static bool email_valid(struct str s)
{
	size_t at = 0, dots = 0;

	if (s.n > 254 || !str_find_char(s, '@', &at) || at == 0 || at > 64 || s.p[0] == '.' || s.p[at - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if (c <= ' ' || c >= 127 || c == '"' || c == '<' || c == '>' || c == ',' || c == ';' ||
		    (c == '@' && i != at))
			return false;
		if (i > at) {
			if (!is_alnum(c) && c != '-' && c != '.')
				return false;
			if (c == '.' && (s.p[i - 1] == '@' || s.p[i - 1] == '.'))
				return false;
			dots += c == '.';
		}
	}
	return dots > 0 && s.p[s.n - 1] != '.';
}

static bool url_valid(struct str s)
{
	size_t host = str_starts(s, S("https://")) ? 8 : str_starts(s, S("http://")) ? 7 : 0;

	if (host == 0 || s.n <= host || s.n > 2048)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if (c <= ' ' || c == 127 || c == '"' || c == '<' || c == '>' || c == '\\')
			return false;
	}
	return s.p[host] != '/' && s.p[host] != '?' && s.p[host] != '#' && s.p[host] != ':';
}

/* BCP 47 as far as its shape goes: a language of 2 or 3 letters, then subtags of 1 to 8 letters or digits. */
static bool language_valid(struct str s)
{
	struct str first;
	bool more;

	if (s.n > 35)
		return false;
	first = str_cut(&s, '-', &more);
	if (first.n < 2 || first.n > 3)
		return false;
	for (size_t i = 0; i < first.n; i++) {
		if (!is_alnum(first.p[i]) || (first.p[i] >= '0' && first.p[i] <= '9'))
			return false;
	}
	while (more) {
		struct str tag = str_cut(&s, '-', &more);

		if (tag.n < 1 || tag.n > 8)
			return false;
		for (size_t i = 0; i < tag.n; i++) {
			if (!is_alnum(tag.p[i]))
				return false;
		}
	}
	return true;
}

static bool choice_valid(const struct field *f, struct str s)
{
	for (size_t i = 0; f->choices && f->choices[i]; i++) {
		if (str_eq(s, str_from(f->choices[i])))
			return true;
	}
	return false;
}

static const char *format_fault(const struct field *f, struct str s)
{
	struct uuid id;
	int64_t ms;
	int32_t days;

	switch (f->type) {
	case FT_UUID:
		return uuid_read(s, &id) ? NULL : "This must be an id (a UUID).";
	case FT_TIME:
		return time_read(s, &ms) ? NULL : "This must be a time such as 2026-11-22T19:04:05Z.";
	case FT_DATE:
		return date_read(s, &days) ? NULL : "This must be a date such as 2026-11-22.";
	case FT_EMAIL:
		return email_valid(s) ? NULL : "This must be an e-mail address.";
	case FT_URL:
		return url_valid(s) ? NULL : "This must be an address that begins with http:// or https://.";
	case FT_LANGUAGE:
		return language_valid(s) ? NULL : "This must be a language tag such as vi or en-GB.";
	default:
		return NULL;
	}
}

bool schema_check_text(struct req *rq, const struct field *f, struct str text, struct str pointer)
{
	static const struct field any = {.max = SCHEMA_TEXT_MAX};
	const char *fault;

	if (f->type == FT_ENUM) {
		if (choice_valid(f, text))
			return true;
		req_error(rq, pointer, S("choice"), S("This is none of the values allowed here."));
		return false;
	}
	if (f->type == FT_TEXT || f->min || f->max) {
		if (!schema_check_bounds(rq, f->max ? f : &any, utf8_length(text), pointer, "characters"))
			return false;
	}
	if (!(fault = format_fault(f, text)))
		return true;
	req_error(rq, pointer, S("format"), str_from(fault));
	return false;
}

void schema_store_text(struct req *rq, const struct field *f, struct str text, struct str pointer, char *to)
{
	if (!schema_check_text(rq, f, text, pointer))
		return;
	if (f->type == FT_UUID)
		uuid_read(text, (struct uuid *)to);
	else if (f->type == FT_TIME)
		time_read(text, (int64_t *)to);
	else
		*(struct str *)to = text;
}

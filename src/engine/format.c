/* format.c - e-mail, web addresses, phone numbers. */
#include "engine/format.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Letters, digits, signs of names; every byte of a code point beyond ASCII counts as a letter. */
static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || (unsigned char)c >= 128;
}

/* Labels of letters, digits and inner hyphens, at least `labels` of them. */
static bool host_fits(struct str s, int labels)
{
	bool more = true;
	int n = 0;

	while (more) {
		struct str label = str_cut(&s, '.', &more);

		if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_name(label.p[i]) && label.p[i] != '-')
				return false;
		n++;
	}
	return n >= labels;
}

static bool email_fits(struct str s)
{
	struct str rest = s, local = str_cut(&rest, '@', NULL);

	if (!local.n || local.n > 64 || s.n > 254 || local.p[0] == '.' || local.p[local.n - 1] == '.')
		return false;
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '.' && local.p[i + 1] == '.')
			return false;
		if (!is_name(local.p[i]) && !str_find_char(S(".!#$%&'*+-/=?^_`{|}~"), local.p[i], NULL))
			return false;
	}
	return host_fits(rest, 2);
}

static bool url_fits(struct str s)
{
	struct str rest, host;
	size_t n = 0;

	if (str_starts(s, S("https://")))
		rest = str_sub(s, 8, s.n);
	else if (str_starts(s, S("http://")))
		rest = str_sub(s, 7, s.n);
	else
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 32 || s.p[i] == '"' || s.p[i] == '<' || s.p[i] == '>')
			return false;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	host = str_sub(rest, 0, n);
	if (str_find_char(host, ':', &n)) {
		struct str port = str_sub(host, n + 1, host.n);

		for (size_t i = 0; i < port.n; i++)
			if (!is_digit(port.p[i]))
				return false;
		host = str_sub(host, 0, n);
	}
	return host_fits(host, 2);
}

static bool tel_fits(struct str s)
{
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (is_digit(s.p[i]))
			digits++;
		else if (!(s.p[i] == '+' && i == 0) && !str_find_char(S(" -.()/"), s.p[i], NULL))
			return false;
	}
	return digits >= 5 && digits <= 20;
}

bool format_fits(enum input input, struct str s)
{
	switch (input) {
	case INPUT_EMAIL:
		return email_fits(s);
	case INPUT_URL:
		return url_fits(s);
	case INPUT_TEL:
		return tel_fits(s);
	default:
		return true;
	}
}

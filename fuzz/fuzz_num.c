/* Numbers. Eight bytes are a double: written, it has to read back as itself. Any text that num_read takes has to be what
 * strtod makes of it, and what it refuses has to break the grammar, be too long or too large. */
#include <math.h>
#include "base/num.h"
#include "fuzz.h"

static void check_double(double v)
{
	char text[NUM_TEXT_MAX + 1];
	size_t n = num_text(v, text);
	double again;

	must(n > 0 && n < NUM_TEXT_MAX);
	text[n] = '\0';
	must(num_read(str_make(text, n), &again) && again == v);
	must(strtod(text, NULL) == v);
}

static bool looks_like_a_number(struct str s)
{
	size_t i = str_starts(s, S("-"));
	size_t from = i;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	if (i == from || (s.p[from] == '0' && i > from + 1))
		return false;
	if (i < s.n && s.p[i] == '.') {
		for (from = ++i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
		if (i == from)
			return false;
	}
	if (i < s.n && (s.p[i] | 0x20) == 'e') {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		for (from = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
		if (i == from)
			return false;
	}
	return i == s.n;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	char text[128];
	double v, theirs;
	bool ok;

	if (size == 8) {
		memcpy(&v, data, 8);
		if (isfinite(v))
			check_double(v);
	}
	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	ok = num_read(s, &v);
	if (!looks_like_a_number(s) || size > 64) {
		must(!ok);
		return 0;
	}
	theirs = strtod(text, NULL);
	must(ok == (isfinite(theirs) != 0));
	must(!ok || memcmp(&v, &theirs, sizeof(v)) == 0);
	if (ok)
		check_double(v);
	return 0;
}

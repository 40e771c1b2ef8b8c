/* Patterns: the first line is the pattern, the rest the text it looks through. */
#include "base/utf8.h"
#include "engine/pattern.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = str_make((const char *)data, size), source = str_cut(&rest, '\n', NULL);
	struct pattern *p;
	const char *why = NULL;
	/* for each code point a state is met twice at most: as one that is taken and as one that comes next, or at its two ways on */
	int64_t fuel = (int64_t)(size + 1) * (PATTERN_STATES_MAX / 4 + 2);
	uint32_t at;
	struct arena a;
	bool found;
	enum err e;

	if (!utf8_valid(source))
		return 0;
	arena_init(&a, &arena_malloc, 64 * MB);
	e = pattern_compile(&a, source, &p, &why, &at);
	must(e == OK || e == ERR_INVALID || e == ERR_MEMORY);
	must(e != ERR_INVALID || (why && at <= source.n));
	if (e == OK) {
		must(pattern_find(p, rest, &a, &fuel, &found) == OK);
	}
	arena_free(&a);
	return 0;
}

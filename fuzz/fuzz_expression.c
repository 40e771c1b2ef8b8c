/* Expressions on their own: the first line is the expression, the rest the values. There is a value or an error with a code and
 * a column inside the text. */
#include "base/utf8.h"
#include "engine/engine.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = str_make((const char *)data, size), expression = str_cut(&rest, '\n', NULL), value;
	struct json *values = NULL, *back;
	struct eval_error why;
	struct json_error broken;
	struct arena a;
	enum err e;

	/* what comes by JSON is UTF-8 without NUL */
	if (!utf8_valid(expression) || str_find_char(expression, 0, NULL))
		return 0;
	arena_init(&a, &arena_malloc, 64 * MB);
	if (json_read(&a, rest, &json_limits_default, &values, &broken))
		values = NULL;
	for (enum compat compat = COMPAT_STRICT; compat <= COMPAT_SURVEYJS; compat++) {
		const struct evaluation what = {expression, values, compat, 1795000000000, size};

		e = expression_eval(&a, &what, &value, &why);
		must(e == OK || e == ERR_INVALID || e == ERR_LIMIT || e == ERR_MEMORY);
		if (e == ERR_INVALID)
			must(why.code.n == 5 && why.message.n > 0 && why.column <= utf8_length(expression) + 1);
		if (e == OK)
			must(json_read(&a, value, &json_limits_default, &back, &broken) != ERR_UNREADABLE);
	}
	arena_free(&a);
	return 0;
}

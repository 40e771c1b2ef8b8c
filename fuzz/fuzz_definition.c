/* Definitions: whatever the text, there is a verdict; what compiles without an error loads, compiles to the same bytes again, and
 * can be run, rendered and answered. The first byte picks the flags and the arena's size. */
#include "use_program.h"

static void check_diagnostics(const struct compiled *c)
{
	for (size_t i = 0; i < c->diagnostic_count; i++) {
		const struct diagnostic *d = &c->diagnostics[i];

		must(d->code.n == 5 && d->message.n > 0 && utf8_valid(d->message));
		must(d->pointer.n == 0 || d->pointer.p[0] == '/');
		must(d->column <= d->end_column);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	size_t memory = 64 * MB;
	struct compiled c, again;
	struct program *p;
	const char *why = "";
	struct arena a;
	struct str text;
	unsigned flags;
	enum err e;

	if (size == 0)
		return 0;
	if (data[0] >= 0xc0)
		memory = (size_t)(data[0] - 0xbf) * 4096;
	flags = data[0] & 1 ? COMPILE_LEAVE_OUT_UNBUILT : 0;
	text = str_make((const char *)data + 1, size - 1);
	arena_init(&a, &arena_malloc, memory);
	e = engine_compile_text(&a, text, flags, &c);
	must(e == OK || e == ERR_MEMORY);
	if (e == OK)
		check_diagnostics(&c);
	if (e == OK && c.program.n) {
		must(c.error_count == 0);
		e = program_load(&a, c.program, &p, &why);
		must(e == OK || e == ERR_MEMORY);
		if (e == OK && engine_compile_text(&a, text, flags, &again) == OK)
			must(str_eq(c.program, again.program));
		if (e == OK)
			use_program(p, &a);
	}
	arena_free(&a);
	return 0;
}

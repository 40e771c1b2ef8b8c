/* Programs from anywhere: refused with a reason, or everything can be done with them. */
#include "use_program.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct program *p;
	const char *why = NULL;
	struct arena a;
	struct buf b;
	enum err e;

	arena_init(&a, &arena_malloc, 64 * MB);
	e = program_load(&a, str_make((const char *)data, size), &p, &why);
	must(e == OK || e == ERR_INVALID || e == ERR_MEMORY);
	must(e != ERR_INVALID || why);
	if (e == OK) {
		use_program(p, &a);
		buf_init(&b, &a, 8 * MB);
		program_disasm(p, &b);
	}
	arena_free(&a);
	return 0;
}

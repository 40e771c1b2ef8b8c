/* vm.h - between vm.c and the functions. */
#ifndef ENGINE_VM_H
#define ENGINE_VM_H

#include "engine/emit.h"
#include "engine/run.h"

struct call {
	struct run *r;
	const struct value *args;
	uint32_t count;
	struct value *out; /* empty to begin with */
};
typedef void vm_function(struct call *c);

#define FN(name, result, args, meaning) vm_function function_##name;
#include "engine/functions.def"
#undef FN

void vm_problem_is(struct run *r, const char *what);
#define vm_problem(r, what) (WHY_IS_TOLD ? vm_problem_is(r, WHY(what)) : (void)0)
bool vm_contains(struct run *r, const struct value *a, const struct value *b, bool fold);

/* A list, and a record of names and values in turn. */
struct value vm_list(struct run *r, const struct value *items, uint32_t n);
struct value vm_record(struct run *r, const struct value *pairs, uint32_t n);

#endif

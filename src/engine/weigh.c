/* weigh.c - what work on values and texts costs: fuel goes down by the size of what is worked on, not by the number of steps. */
#include "engine/run.h"
#include "engine/fold.h"
#include "engine/number.h"

#define TEXT_UNIT_BYTES 64 /* as many bytes are compared in the time of a step */

/* Items weigh twice, so that the product of two weights bounds comparing lists as sets, in both directions, at any depth. */
static uint64_t weigh(const struct value *v)
{
	uint64_t sum = 0;

	if (v->kind == V_TEXT)
		return 1 + v->s.n / TEXT_UNIT_BYTES;
	for (uint32_t i = 0; v->kind == V_LIST && i < v->count; i++)
		sum += weigh(&v->items[i]);
	for (uint32_t i = 0; v->kind == V_RECORD && i < v->count; i++)
		sum += weigh(&v->fields[i].value);
	return 1 + 2 * (sum < UINT32_MAX / 4 ? sum : UINT32_MAX / 4);
}

bool run_burn_value(struct run *r, const struct value *v)
{
	return run_burn(r, (uint32_t)(weigh(v) / 4));
}

bool run_burn_pairs(struct run *r, const struct value *a, const struct value *b)
{
	uint64_t cost = weigh(a) * weigh(b) / 16;

	return run_burn(r, cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX);
}

bool run_burn_far(struct run *r, double a, double b)
{
	double far = a / b;

	return (far < 1e6 && far > -1e6 && b == number_trunc(b)) || run_burn(r, 400);
}

/* Letters beyond ASCII are looked up in the tables of fold.c. */
bool run_burn_fold(struct run *r, struct str s)
{
	size_t beyond = 0;

	for (size_t i = 0; i < s.n; i++)
		beyond += (unsigned char)s.p[i] >= 0x80;
	return run_burn(r, (uint32_t)(s.n / 4 + beyond));
}

struct str run_fold(struct run *r, struct str s)
{
	struct str out = S("");
	struct buf b;

	if (!run_burn_fold(r, s))
		return out;
	buf_init(&b, r->a, 2 * s.n + 16); /* no key is longer */
	fold_put_key(&b, s);
	if (buf_done(&b, &out) && !r->failed)
		r->failed = ERR_MEMORY;
	return out;
}

/* verify_names.c - the keys of the stored answers: one thing each, else answers would not be JSON. */
#include "engine/run.h"
#include "base/hash.h"
#include "base/limits.h"

#define PARAMETERS UINT32_MAX

struct key {
	uint32_t scope; /* the roster, + 1; 0: the interview; PARAMETERS */
	struct str name;
	bool other; /* the text of the `other` of `name` */
};

struct keys {
	struct key *table;
	uint32_t size;
	bool twice;
	uint32_t looks; /* that may still be taken: names made to fall into one place are no program of ours */
};

static bool same_key(const struct key *a, const struct key *b)
{
	size_t n = a->name.n + (a->other ? 6 : 0);

	if (a->scope != b->scope || n != b->name.n + (b->other ? 6 : 0))
		return false;
	if (a->other == b->other)
		return str_eq(a->name, b->name);
	return a->other ? str_starts(b->name, a->name) && str_ends(b->name, S("_other"))
			: str_starts(a->name, b->name) && str_ends(a->name, S("_other"));
}

static void add(struct keys *k, struct key key)
{
	/* NAME_other has the slot of NAME, whether it is a name of its own or not */
	struct str stem =
	    !key.other && str_ends(key.name, S("_other")) ? str_sub(key.name, 0, key.name.n - 6) : key.name;
	uint32_t slot = (uint32_t)hash64(stem, key.scope) & (k->size - 1);

	for (; k->table[slot].name.p && !k->twice; slot = (slot + 1) & (k->size - 1))
		k->twice = same_key(&k->table[slot], &key) || !k->looks--;
	k->table[slot] = key;
}

enum err verify_names(struct arena *a, const struct program *p, bool *sound)
{
	struct keys k = {.size = 64};
	struct arena table; /* gone again: the program stays in memory for long */

	while (k.size < 4 * (2 * p->question_count + p->calc_count + p->param_count))
		k.size *= 2;
	k.looks = 8 * k.size;
	arena_init(&table, a->source, ENGINE_ARENA_MAX_BYTES);
	if (!(k.table = arena_array(&table, struct key, k.size)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < p->question_count && !k.twice; i++) {
		struct key key = {roster_of(p, i), program_str(p, p->question[i].name), false};

		k.twice |= !key.name.n || (key.scope && str_eq(key.name, S("_item")));
		add(&k, key);
		key.other = true;
		if (p->question[i].flags & QUESTION_HAS_OTHER)
			add(&k, key);
	}
	for (uint32_t i = 0; i < p->calc_count && !k.twice; i++)
		add(&k, (struct key){0, program_str(p, p->calc[i].name), false});
	for (uint32_t i = 0; i < p->param_count && !k.twice; i++)
		add(&k, (struct key){PARAMETERS, program_str(p, p->param[i].name), false});
	*sound = !k.twice;
	arena_free(&table);
	return OK;
}

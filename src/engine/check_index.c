/* check_index.c - questions, calculated values and parameters by name. */
#include "engine/check.h"
#include "base/hash.h"

/* Names are unique within a space: the interview's questions, those of one roster, calculated values, parameters. */
enum { SPACE_INTERVIEW, SPACE_CALC = -1, SPACE_PARAM = -2 };

static uint32_t space_of(const struct def_question *roster)
{
	return roster ? roster->index + 1 : SPACE_INTERVIEW;
}

/* Entry i of the index: questions, then calculated values, then parameters. */
static struct str entry(const struct def *d, uint32_t i, uint32_t *space)
{
	if (i < d->question_count) {
		*space = space_of(d->questions[i].roster);
		return d->questions[i].name;
	}
	i -= d->question_count;
	*space = i < d->calc_count ? (uint32_t)SPACE_CALC : (uint32_t)SPACE_PARAM;
	return i < d->calc_count ? d->calcs[i].name : d->params[i - d->calc_count].name;
}

/* The place of a name, or the free one where it would stand. Of two with one name the first is found. */
static uint32_t place(const struct def *d, struct str name, uint32_t space)
{
	uint32_t at = (uint32_t)hash64(name, space) & d->index_mask, other;

	for (; d->index[at]; at = (at + 1) & d->index_mask)
		if (str_eq(entry(d, d->index[at] - 1, &other), name) && other == space)
			break;
	return at;
}

bool def_index(struct def *d)
{
	uint32_t n = d->question_count + d->calc_count + d->param_count, size = 16, space;

	while (size < 2 * n)
		size *= 2;
	d->index_mask = size - 1;
	if (!(d->index = arena_array(d->a, uint32_t, size)))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct str name = entry(d, i, &space);
		uint32_t at = place(d, name, space);

		if (!d->index[at])
			d->index[at] = i + 1;
	}
	return true;
}

struct def_question *def_question_in(const struct def *d, const struct def_question *roster, struct str name)
{
	uint32_t i = d->index[place(d, name, space_of(roster))];

	return i ? &d->questions[i - 1] : NULL;
}

struct def_question *def_question_by_name(const struct def *d, struct str name)
{
	return def_question_in(d, NULL, name);
}

struct def_calc *def_calc_by_name(const struct def *d, struct str name)
{
	uint32_t i = d->index[place(d, name, (uint32_t)SPACE_CALC)];

	return i ? &d->calcs[i - 1 - d->question_count] : NULL;
}

struct def_param *def_param_by_name(const struct def *d, struct str name)
{
	uint32_t i = d->index[place(d, name, (uint32_t)SPACE_PARAM)];

	return i ? &d->params[i - 1 - d->question_count - d->calc_count] : NULL;
}

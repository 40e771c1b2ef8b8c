/* contacts.c - which personal answers are e-mail addresses and phone numbers. */
#include "base/limits.h"
#include "engine/def.h"
#include "engine/run.h"

struct contacts {
	const struct program *p;
	struct contact *list;
	size_t n, room;
};

static void take(struct contacts *c, uint32_t input, struct str roster, struct str question, struct str item)
{
	if (input != INPUT_EMAIL && input != INPUT_TEL)
		return;
	if (c->n < c->room)
		c->list[c->n] =
		    (struct contact){roster, question, item, input == INPUT_EMAIL ? CONTACT_EMAIL : CONTACT_PHONE};
	c->n++;
}

static void look(struct contacts *c)
{
	const struct program *p = c->p;

	c->n = 0;
	for (uint32_t i = 0; i < p->question_count; i++) {
		const struct p_question *q = &p->question[i];
		struct str name = program_str(p, q->name),
			   roster = roster_of(p, i) ? program_str(p, p->question[roster_of(p, i) - 1].name) : S("");

		if (!(q->flags & QUESTION_PERSONAL))
			continue;
		if (q->type == Q_text)
			take(c, q->input, roster, name, S(""));
		for (uint32_t k = 0; q->type == Q_multi_text && k < q->rows_count; k++) {
			const struct p_choice *row = &p->choice[q->rows + k];

			if (row->item)
				take(c, p->item[row->item - 1].input, roster, name, program_str(p, row->text));
		}
	}
}

enum err program_contacts(const struct program *p, struct arena *a, struct contact **out, size_t *n)
{
	struct contacts c = {.p = p};

	look(&c);
	c.room = c.n;
	if (!(c.list = arena_array(a, struct contact, c.room + 1)))
		return ERR_MEMORY;
	look(&c);
	*out = c.list;
	*n = c.n;
	return OK;
}

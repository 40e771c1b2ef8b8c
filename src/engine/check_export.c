/* check_export.c - the columns of exports, written out as they will be: no two of one name. Those that differ by
 * case only are one name to SPSS, which exports mend: a warning. */
#include "engine/check.h"
#include "base/limits.h"

/* A heading is made of up to five pieces with _ between them. */
struct heading {
	struct str pieces[5];
	uint32_t n;
	bool renamed; /* by export.name */
};

struct place {
	uint64_t hash; /* of the name in small letters; two of one hash are taken for one name */
	const void *owner;
	struct heading heading;
};

struct exports {
	struct def *d;
	struct place *seen; /* NULL: they are only counted */
	uint32_t size, count;
	bool told; /* of this roster */
};

static struct heading longer(struct heading h, struct str piece)
{
	if (h.n < countof(h.pieces))
		h.pieces[h.n++] = piece;
	return h;
}

static uint64_t hash_of(const struct heading *h)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < h->n; i++) {
		if (i)
			hash = (hash ^ '_') * 0x100000001b3u;
		for (size_t k = 0; k < h->pieces[i].n; k++) {
			unsigned char c = (unsigned char)h->pieces[i].p[k];

			hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 32u : c)) * 0x100000001b3u;
		}
	}
	return hash | 1;
}

static struct str text_of(struct exports *x, const struct heading *h)
{
	struct str name = S("");
	struct buf b;

	buf_init(&b, x->d->a, VALUE_TEXT_MAX_BYTES);
	for (uint32_t i = 0; i < h->n; i++) {
		if (i)
			buf_char(&b, '_');
		buf_add(&b, h->pieces[i]);
	}
	x->d->diags.memory |= buf_done(&b, &name) == ERR_MEMORY;
	return name;
}

/* Names that differ by case only and stand in the definition as they are have been told before. */
static void tell(struct exports *x, const struct where *at, const struct heading *h, const struct heading *before)
{
	struct str name = text_of(x, h), other = text_of(x, before);
	bool same = str_eq(name, other);

	if (x->told || (!same && h->n == 1 && before->n == 1 && !h->renamed && !before->renamed))
		return;
	x->told = true;
	diag(&x->d->diags, same ? D_DUPLICATE_NAME : D_CASE_NAME, at, name, same ? S("column of exports") : other);
}

/* Columns of one question are told apart when they are written: a choice `other` and the words typed for it are common. */
static void column(struct exports *x, const struct where *at, const void *owner, struct heading h)
{
	uint64_t hash;
	uint32_t slot;

	if (x->count++ >= EXPORT_COLUMNS_MAX || !x->seen)
		return;
	hash = hash_of(&h);
	for (slot = (uint32_t)hash & (x->size - 1); x->seen[slot].hash; slot = (slot + 1) & (x->size - 1))
		if (x->seen[slot].hash == hash) {
			if (x->seen[slot].owner != owner)
				tell(x, at, &h, &x->seen[slot].heading);
			return;
		}
	x->seen[slot] = (struct place){hash, owner, h};
}

static void list_columns(struct exports *x, const struct where *at, const struct def_question *q, struct heading h,
    const struct def_choices *list)
{
	const struct def_choices *own = list->shared ? list->shared : list;

	for (uint32_t i = 0; i < own->count; i++) {
		struct heading one = longer(h, own->list[i].text);

		if (list == &q->rows && q->type == Q_matrix && q->cell == CELL_MULTI)
			list_columns(x, at, q, one, &q->choices);
		else
			column(x, at, q, one);
	}
}

static bool left_out(const struct def_question *q)
{
	for (; q; q = q->parent)
		if (q->left_out || q->export_skip)
			return true;
	return false;
}

static struct str heading_of(const struct def_question *q)
{
	return q->export_name.n ? q->export_name : q->name;
}

static void question_columns(struct exports *x, const struct def_question *q, struct heading h)
{
	const struct where *at = q->export_name.n ? q->export_at : q->at;
	uint32_t groups = type_rows[q->type].groups;

	if (left_out(q) || !(groups & P_ANSWER) || q->type == Q_roster)
		return;
	at = where_key(&x->d->diags, at, S("name"));
	h = longer(h, heading_of(q));
	h.renamed |= q->export_name.n > 0;
	if (groups & (P_MATRIX | P_ITEMS))
		list_columns(x, at, q, h, &q->rows);
	else if (groups & (P_SELECTED | P_RANKED))
		for (const struct def_question *from = q; from; from = from->from)
			list_columns(x, at, q, h, &from->choices);
	else
		column(x, at, q, h);
	if ((groups & P_CHOICES) && def_has_other(&q->choices))
		column(x, at, q, longer(h, S("other")));
}

static void roster_columns(struct exports *x, const struct def_question *q)
{
	x->told = false;
	for (int64_t i = 1; i <= q->at_most && !left_out(q) && x->count <= EXPORT_COLUMNS_MAX; i++) {
		struct heading h = {{heading_of(q), diag_int(&x->d->diags, i)}, 2, false};

		if (q->over_from)
			column(x, q->at, q, h);
		for (uint32_t k = 1; k <= q->span; k++)
			question_columns(x, q + k, h);
	}
}

/* Rosters first, so that what stands by itself is what is to be renamed. */
static void all_columns(struct exports *x)
{
	struct def *d = x->d;

	x->count = 0;
	for (uint32_t i = 0; i < d->question_count; i++)
		if (d->questions[i].type == Q_roster)
			roster_columns(x, &d->questions[i]);
	for (uint32_t i = 0; i < d->question_count; i++) {
		x->told = false;
		if (!d->questions[i].roster)
			question_columns(x, &d->questions[i], (struct heading){.n = 0});
	}
	for (uint32_t i = 0; i < d->calc_count; i++) {
		x->told = false;
		if (d->calcs[i].exported)
			column(x, where_key(&d->diags, d->calcs[i].at, S("name")), &d->calcs[i],
			    (struct heading){{d->calcs[i].name}, 1, false});
	}
	for (uint32_t i = 0; i < d->param_count; i++) {
		x->told = false;
		if (d->params[i].exported)
			column(x, where_key(&d->diags, d->params[i].at, S("name")), &d->params[i],
			    (struct heading){{d->params[i].name}, 1, false});
	}
}

void check_exports(struct def *d)
{
	struct exports x = {.d = d, .size = 64};

	/* names that are wrong have been told already */
	if (d->diags.errors)
		return;
	all_columns(&x);
	while (x.size < 2 * x.count && x.size < 2 * EXPORT_COLUMNS_MAX)
		x.size *= 2;
	if ((x.seen = arena_array(d->a, struct place, x.size)))
		all_columns(&x);
	else
		d->diags.memory = true;
}

/* check_limits.c - limits that no answer can meet. */
#include "engine/check.h"
#include "engine/number.h"
#include "engine/pattern.h"
#include "base/limits.h"

static void impossible(struct def *d, const struct def_question *q, struct str key, const char *why)
{
	diag(&d->diags, D_IMPOSSIBLE, where_key(&d->diags, q->at, key), key, str_from(why));
}

/* The most there can be to choose from. */
static int64_t choices_most(const struct def_question *q)
{
	int64_t n = 0;

	for (uint32_t hops = 0; q && hops < CARRIED_QUESTIONS_MAX; hops++, q = q->from)
		n += q->choices.shared ? q->choices.shared->count : q->choices.count;
	return n;
}

static void check_selected(struct def *d, const struct def_question *q)
{
	int64_t most = choices_most(q);

	if (q->from && most > QUESTION_CHOICES_MAX)
		diag(&d->diags, D_TOO_MANY, q->from_at, S("choices, with those carried forward"),
		    diag_int(&d->diags, QUESTION_CHOICES_MAX));
	if (most && q->at_least > most)
		impossible(d, q, S("min_selected"), "there are not so many choices");
	if (q->at_most == 0)
		impossible(d, q, q->type == Q_rank ? S("max_ranked") : S("max_selected"), "nothing could be chosen");
}

static void check_parts(struct def *d, const struct def_question *q)
{
	uint32_t parts = q->rows.shared ? q->rows.shared->count : q->rows.count;

	if (!q->has_total)
		return;
	if (q->has_high && q->total > q->high * parts)
		impossible(d, q, S("total"), "all parts at their max do not add up to it");
	else if (q->has_low && q->low > 0 && q->total < q->low)
		impossible(d, q, S("total"), "one part at its min is more already");
}

/* A pattern that is none is reported where it stands. */
static void check_pattern(struct def *d, const struct def_question *q)
{
	struct arena scratch;
	struct pattern *p;
	const char *why;
	int32_t least, most;
	uint32_t at;
	enum err e;

	arena_init(&scratch, d->a->source, PATTERN_ARENA_MAX_BYTES);
	if (!(e = pattern_compile(&scratch, q->pattern, &p, &why, &at)) &&
	    !(e = pattern_span(p, &scratch, &least, &most))) {
		if (most >= 0 && most < q->at_least)
			impossible(d, q, S("pattern"), "it finds nothing in texts as long as min_length");
		else if (q->at_most >= 0 && least > q->at_most)
			impossible(d, q, S("pattern"), "it finds nothing in texts as short as max_length");
	}
	d->diags.memory |= e == ERR_MEMORY;
	arena_free(&scratch);
}

static size_t words_in(const struct text *t, uint32_t language)
{
	size_t n = 0;

	for (uint32_t i = 0; t->pieces && i < t->pieces[language].count; i++)
		n += t->pieces[language].parts[i].literal.n;
	return n;
}

/* What is agreed to is kept with each answer, and travels with the pages until then. */
static void check_consent(struct def *d, const struct def_question *q)
{
	size_t room = q->roster ? CONSENT_RECORD_MAX_BYTES : CONSENT_MAX_BYTES, most = 0;

	for (uint32_t i = 0; i < d->language_count; i++) {
		size_t n = words_in(&q->title, i) + words_in(&q->description, i) + words_in(&q->html, i);

		most = n > most ? n : most;
	}
	d->consent_bytes += most;
	if (most > room)
		diag(&d->diags, D_CONSENT_LONG, q->html.at ? q->html.at : q->at, S("The words of the consent"),
		    diag_int(&d->diags, (int64_t)room));
	else if (d->consent_bytes > CONSENTS_MAX_BYTES && d->consent_bytes - most <= CONSENTS_MAX_BYTES)
		diag(&d->diags, D_CONSENT_LONG, q->html.at ? q->html.at : q->at,
		    S("The words of the survey's consents"), diag_int(&d->diags, CONSENTS_MAX_BYTES));
}

void check_limits(struct def *d, const struct def_question *q)
{
	uint32_t groups = type_rows[q->type].groups;
	const struct json *most = json_get(q->json, S("max"));

	if (groups & P_CHOICES)
		check_selected(d, q);
	if (q->type == Q_text && q->at_most == 0)
		impossible(d, q, S("max_length"), "nothing could be typed");
	if (q->type == Q_text && q->pattern.p && (q->at_least > 0 || q->at_most > 0))
		check_pattern(d, q);
	if (q->type == Q_roster && most && most->type == JSON_INT && most->i == 0)
		impossible(d, q, S("max"), "there would be no records");
	if (q->type == Q_allocation)
		check_parts(d, q);
	if (q->type == Q_consent)
		check_consent(d, q);
	if (q->type == Q_number && q->integer && q->has_low && q->has_high && q->low <= q->high &&
	    number_floor(q->high) < q->low)
		diag(&d->diags, D_IMPOSSIBLE, q->at, S("subtype"), S("no whole number lies between min and max"));
}

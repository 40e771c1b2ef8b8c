/* read_quota.c - quotas and their cells. */
#include "engine/def.h"
#include "base/limits.h"

static bool is_object(struct reader r, const char *what)
{
	if (r.json->type == JSON_OBJECT)
		return true;
	diag(&r.d->diags, D_SHAPE, r.at, str_from(what), S("an object"));
	return false;
}

static void missing(struct reader r, struct str key)
{
	if (!json_get(r.json, key))
		diag(&r.d->diags, D_MISSING, r.at, key, S(""));
}

static void read_cell(struct reader r, struct def_cell *c)
{
	static const char *const known[] = {"name", "when", "limit", NULL};

	read_keys(r, known, NULL, "a quota cell");
	c->at = r.at;
	c->name = read_name(r);
	read_formula(r, S("when"), &c->when);
	c->limit = read_count(r, S("limit"));
	missing(r, S("when"));
	missing(r, S("limit"));
}

static enum err read_cells(struct reader quota, struct def_quota *q)
{
	const struct json *list = read_array(quota, S("cells"));
	struct reader all = read_into(quota, S("cells"));

	missing(quota, S("cells"));
	if (!list || !list->count)
		return OK;
	if (!(q->cells = arena_array(quota.d->a, struct def_cell, list->count)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		struct reader r = read_item(all, i);

		if (is_object(r, "quota cell"))
			read_cell(r, &q->cells[q->cell_count++]);
	}
	return OK;
}

static enum err read_quota(struct reader r, struct def_quota *q)
{
	static const char *const known[] = {"name", "count_on", "lease_seconds", "cells", "on_full", NULL};
	static const char *const full_known[] = {"outcome", NULL};
	static const char *const counts[] = {"completed"};
	struct reader full = read_into(r, S("on_full"));

	read_keys(r, known, NULL, "a quota");
	q->at = r.at;
	q->name = read_name(r);
	read_word(r, S("count_on"), counts, countof(counts));
	read_count(r, S("lease_seconds"));
	q->outcome_at = r.at;
	q->outcome_name = S("quota_full");
	if (full.json && is_object(full, "on_full")) {
		read_keys(full, full_known, NULL, "on_full");
		missing(full, S("outcome"));
		q->outcome_at = where_key(&r.d->diags, full.at, S("outcome"));
		q->outcome_name = read_str(full, S("outcome"));
	}
	return read_cells(r, q);
}

enum err read_quotas(struct reader survey)
{
	const struct json *list = read_array(survey, S("quotas"));
	struct reader all = read_into(survey, S("quotas"));
	struct def *d = survey.d;
	enum err e = OK;

	if (!list || !list->count)
		return OK;
	if (!(d->quotas = arena_array(d->a, struct def_quota, list->count)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count && !e; i++) {
		struct reader r = read_item(all, i);

		if (is_object(r, "quota"))
			e = read_quota(r, &d->quotas[d->quota_count++]);
	}
	return e;
}

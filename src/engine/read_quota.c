/* read_quota.c - quotas and their cells. */
#include "engine/def.h"
#include "base/limits.h"

static void cell_more(struct reader r, void *out, uint32_t index)
{
	struct def_cell *c = out;

	(void)index;
	if (!json_get(r.json, S("limit")))
		c->limit = -1; /* which is not that of a cell nobody can fall into */
}

static const struct prop cell_props[] = {PROP_NEEDED(def_cell, "name", NAME, name),
    PROP_NEEDED(def_cell, "when", FORMULA, when), PROP_NEEDED(def_cell, "limit", COUNT, limit)};
static const struct shape cell_shape = {
    "a quota cell", cell_props, countof(cell_props), sizeof(struct def_cell), QUOTA_CELLS_MAX, cell_more};

static const struct prop full_props[] = {PROP_NEEDED(def_quota, "outcome", STR, outcome_name)};
static const struct shape full_shape = {"on_full", full_props, countof(full_props)};

static void read_quota(struct reader r, void *out, uint32_t index)
{
	struct def_quota *q = out;
	struct reader full = read_into(r, S("on_full"));

	(void)index;
	q->outcome_at = r.at;
	q->outcome_name = S("quota_full");
	if (full.json && read_is_object(full, full_shape.what)) {
		q->outcome_at = where_key(&r.d->diags, full.at, S("outcome"));
		q->outcome_name = (struct str){NULL, 0};
		read_props(full, &full_shape, P_ALL, P_ALL, q);
	}
	q->cells = read_objects(r, "cells", &cell_shape, &q->cell_count);
}

static const struct prop quota_props[] = {PROP_NEEDED(def_quota, "name", NAME, name),
    PROP_WORD(def_quota, "count_on", count_on, "completed"), PROP_OF(def_quota, "lease_seconds", COUNT, lease_seconds),
    PROP_NEEDED(def_quota, "cells", DONE, cells), PROP_OF(def_quota, "on_full", DONE, outcome_name)};
static const struct shape quota_shape = {
    "a quota", quota_props, countof(quota_props), sizeof(struct def_quota), QUOTAS_MAX, read_quota};

void read_quotas(struct reader survey)
{
	survey.d->quotas = read_objects(survey, "quotas", &quota_shape, &survey.d->quota_count);
}

#include "fieldwork/response_filter.h"
#include "base/num.h"
#include "base/time.h"
#include "sql.h"
#include "survey/survey.h"

#define FILTERS_MAX 16
#define FILTER_MAX_BYTES (256 * KB)
#define VERSIONS_BACK 20 /* questions that the survey does not ask any more are looked for so far back */

const char *const response_statuses[] = {
    "started", "in_progress", "completed", "screened_out", "quota_full", "partial", "rejected", NULL};

const char *const response_flags[] = {"speeder", "straight_lining", "time_travel", "duplicate_device",
    "duplicate_panelist", "duplicate_text", "honeypot", "no_proof", NULL};
static const struct field response_filter_fields[] = {
    FIELD(struct response_filter, status, FT_LIST, OPTIONAL, 1, 8, "Only responses of these statuses",
	.choices = response_statuses),
    FIELD(struct response_filter, flag, FT_LIST, OPTIONAL, 1, 8, "Only responses with one of these flags",
	.choices = response_flags),
    FIELD(struct response_filter, language, FT_LANGUAGE, OPTIONAL, 0, 0, "Only interviews in this language"),
    FIELD(struct response_filter, link_id, FT_UUID, OPTIONAL, 0, 0, "Only responses that came by this link"),
    FIELD(struct response_filter, test, FT_BOOL, OPTIONAL, 0, 0,
	"True: those that came by test links, which are left out otherwise"),
    FIELD(struct response_filter, created_from, FT_TIME, OPTIONAL, 0, 0, "Stored at or after"),
    FIELD(struct response_filter, created_to, FT_TIME, OPTIONAL, 0, 0, "Stored before"),
    FIELD(struct response_filter, completed_from, FT_TIME, OPTIONAL, 0, 0, "Completed at or after"),
    FIELD(struct response_filter, completed_to, FT_TIME, OPTIONAL, 0, 0, "Completed before"),
    FIELD(struct response_filter, survey_version, FT_INT, OPTIONAL, 1, INT32_MAX,
	"Only responses to this published version"),
    FIELD(struct response_filter, quota, FT_MAP, OPTIONAL, 0, FILTERS_MAX, "quota.NAME=CELL: which hold a place in it"),
    FIELD(struct response_filter, q, FT_TEXT, OPTIONAL, 1, 200,
	"Words, or a part of one, in open-ended answers that are not personal; case and accents do not matter"),
    FIELD(struct response_filter, answer, FT_MAP, OPTIONAL, 0, FILTERS_MAX,
	"answer.NAME=VALUE: who answered so; of several values, parted by commas, any one (a comma in a value is \\,). "
	"NAME.ROW "
	"of a matrix, ROSTER.NAME in any record"),
    FIELD(struct response_filter, answer_min, FT_MAP, OPTIONAL, 0, FILTERS_MAX,
	"answer_min.NAME=VALUE: a number, date or time of at least this"),
    FIELD(struct response_filter, answer_max, FT_MAP, OPTIONAL, 0, FILTERS_MAX,
	"answer_max.NAME=VALUE: a number, date or time of at most this"),
    FIELD(struct response_filter, answered, FT_LIST, OPTIONAL, 1, FILTERS_MAX, "Who answered these questions"),
    FIELD(
	struct response_filter, unanswered, FT_LIST, OPTIONAL, 1, FILTERS_MAX, "Who answered none of these questions"),
};
const struct shape response_filter_shape = SHAPE("ResponseFilter", struct response_filter, response_filter_fields);

/* ---- questions ---- */

struct survey_row {
	int64_t published;
	bool sealed;
};
struct looking {
	struct req *rq;
	const struct uuid *survey;
	struct survey_row row;
	struct columns_of {
		struct export_column *list;
		size_t n;
		bool read;
	} versions[VERSIONS_BACK];
};

static enum err columns_at(struct looking *l, int64_t back, struct columns_of **out)
{
	struct columns_of *c = &l->versions[back];
	const struct survey_program *survey;
	struct cache_entry *pin;
	enum err e;

	*out = c;
	if (c->read)
		return OK;
	c->read = true;
	e = survey_program_get(l->rq->app, l->rq->tx, l->survey, l->row.published - back, l->rq->arena, &survey, &pin);
	if (e)
		return e == ERR_NOT_FOUND ? OK : e;
	e = program_columns(survey->program, program_language(survey->program), l->rq->arena, &c->list, &c->n);
	/* the names stay: programs are copied out of before they are let go */
	for (size_t i = 0; !e && i < c->n; i++) {
		struct export_column *x = &c->list[i];

		x->name = str_dup(l->rq->arena, x->key.n > 0 ? x->key : x->name);
		x->roster = str_dup(l->rq->arena, x->roster);
		x->member = str_dup(l->rq->arena, x->member);
	}
	cache_release(l->rq->app->cache, pin);
	return e;
}

/* QUESTION, QUESTION.ROW, ROSTER or ROSTER.QUESTION[.ROW] */
static const struct export_column *column_named(const struct columns_of *c, struct str name)
{
	struct str rest = name, head, member;
	bool deeper, more;

	head = str_cut(&rest, '.', &deeper);
	member = str_cut(&rest, '.', &more);
	for (size_t i = 0; i < c->n; i++) {
		const struct export_column *x = &c->list[i];

		if (str_eq(x->type, S("parameter")))
			continue;
		if (x->roster.n > 0 ? str_eq(x->roster, head) && (!deeper || str_eq(x->member, member))
				    : str_eq(x->name, head) && (!deeper || x->item_count > 0))
			return x;
	}
	return NULL;
}

/* False with the fault recorded, or with *e set. */
static bool question_known(struct looking *l, const char *parameter, struct str name, enum err *e)
{
	const struct export_column *x = NULL;
	struct columns_of *c;
	struct str at;
	struct buf b;

	for (int64_t back = 0; !x && back < VERSIONS_BACK && l->row.published - back > 0; back++) {
		if ((*e = columns_at(l, back, &c)))
			return false;
		x = column_named(c, name);
	}
	if (x && !x->personal)
		return true;
	buf_init(&b, l->rq->arena, KB);
	buf_add(&b, str_from(parameter));
	buf_add(&b, name);
	if ((*e = buf_done(&b, &at)))
		return false;
	if (x)
		req_error(l->rq, json_pointer(l->rq->arena, S("/query"), at), S("personal"),
		    S("These answers are personal and stored sealed; look them up with POST "
		      "/api/v1/responses/lookup."));
	else
		req_error(l->rq, json_pointer(l->rq->arena, S("/query"), at), S("unknown"),
		    S("The survey has no question of this name."));
	return false;
}

static enum err check_names(struct looking *l, const struct response_filter *f)
{
	const struct json *const maps[] = {f->answer, f->answer_min, f->answer_max};
	const char *const map_names[] = {"answer.", "answer_min.", "answer_max."};
	const struct str_list *const lists[] = {&f->answered, &f->unanswered};
	size_t before = l->rq->error_count;
	enum err e = OK;

	for (size_t m = 0; m < countof(maps); m++)
		for (uint32_t i = 0; maps[m] && i < maps[m]->count && !e; i++)
			question_known(l, map_names[m], maps[m]->members[i].key, &e);
	for (size_t m = 0; m < countof(lists); m++)
		for (size_t i = 0; i < lists[m]->n && !e; i++)
			question_known(l, "", lists[m]->items[i], &e);
	return e ? e : l->rq->error_count > before ? ERR_INVALID : OK;
}

/* ---- what the database is told ---- */

/* The next of the values parted by commas; a backslash takes the character behind it as it is. */
static enum err next_value(struct arena *a, struct str *rest, struct str *out)
{
	struct buf b;
	size_t i = 0;

	buf_init(&b, a, rest->n + 1);
	for (; i < rest->n && rest->p[i] != ','; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		buf_char(&b, rest->p[i]);
	}
	*rest = str_sub(*rest, i, rest->n);
	return buf_done(&b, out);
}

static void put_term(struct json_out *w, struct str name, struct str value, bool with_value)
{
	json_open(w, '[');
	json_put_str(w, name);
	if (with_value)
		json_put_str(w, value);
	json_close(w, ']');
}

static enum err put_values(struct arena *a, struct json_out *w, const struct json_member *m)
{
	struct str rest = m->value.s, value;
	enum err e;

	json_open(w, '[');
	for (;;) {
		double num;

		if ((e = next_value(a, &rest, &value)))
			return e;
		put_term(w, m->key, value, true);
		if (num_read(value, &num)) { /* 2.50 is 2.5 */
			struct str plain;
			struct json_out one;
			struct buf b;

			buf_init(&b, a, 64);
			json_out_init(&one, &b);
			json_put(&one, &(struct json){.type = JSON_NUM, .num = num});
			if (!buf_done(&b, &plain) && !str_eq(plain, value))
				put_term(w, m->key, plain, true);
		}
		if (rest.n == 0)
			break;
		rest = str_sub(rest, 1, rest.n);
	}
	json_close(w, ']');
	return OK;
}

static void put_bounds(struct json_out *w, const struct json *min, const struct json *max)
{
	for (uint32_t i = 0; min && i < min->count; i++) {
		json_open(w, '{');
		json_field_str(w, S("name"), min->members[i].key);
		json_field_str(w, S("min"), min->members[i].value.s);
		json_close(w, '}');
	}
	for (uint32_t i = 0; max && i < max->count; i++) {
		json_open(w, '{');
		json_field_str(w, S("name"), max->members[i].key);
		json_field_str(w, S("max"), max->members[i].value.s);
		json_close(w, '}');
	}
}

static void put_time(struct arena *a, struct json_out *w, struct str name, int64_t ms)
{
	char text[TIME_TEXT_BYTES];

	if (!ms)
		return;
	time_text(ms, text);
	json_field_str(w, name, str_dup(a, str_make(text, sizeof(text))));
}

static enum err by_commas(struct arena *a, const struct str_list *list, struct str *out)
{
	struct buf b;

	buf_init(&b, a, KB);
	for (size_t i = 0; i < list->n; i++) {
		if (i > 0)
			buf_char(&b, ',');
		buf_add(&b, list->items[i]);
	}
	return buf_done(&b, out);
}

static enum err put_row_filters(struct arena *a, struct json_out *w, const struct response_filter *f, struct str cells)
{
	struct str flags_text;
	enum err e;

	if ((e = by_commas(a, &f->flag, &flags_text)))
		return e;
	if (flags_text.n > 0)
		json_field_str(w, S("flag"), flags_text);
	if (f->status.n > 0) {
		json_key(w, S("status"));
		json_open(w, '[');
		for (size_t i = 0; i < f->status.n; i++)
			json_put_str(w, f->status.items[i]);
		json_close(w, ']');
	}
	if (f->language.n > 0)
		json_field_str(w, S("language"), f->language);
	if (!uuid_is_nil(&f->link_id))
		json_field_str(w, S("link_id"), uuid_str(a, &f->link_id));
	if (f->test)
		json_field_bool(w, S("test"), true);
	if (f->survey_version)
		json_field_int(w, S("survey_version"), f->survey_version);
	put_time(a, w, S("created_from"), f->created_from);
	put_time(a, w, S("created_to"), f->created_to);
	put_time(a, w, S("completed_from"), f->completed_from);
	put_time(a, w, S("completed_to"), f->completed_to);
	if (cells.n > 0)
		json_field_raw(w, S("quota_cells"), cells);
	return OK;
}

static enum err search_json(struct req *rq, const struct response_filter *f, struct str cells, struct str *out)
{
	struct json_out w;
	struct buf b;
	enum err e = OK;

	buf_init(&b, rq->arena, FILTER_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	if (f->q.n > 0)
		json_field_str(&w, S("q"), f->q);
	json_key(&w, S("all"));
	json_open(&w, '[');
	for (size_t i = 0; i < f->answered.n; i++)
		put_term(&w, f->answered.items[i], S(""), false);
	json_close(&w, ']');
	json_key(&w, S("any"));
	json_open(&w, '[');
	for (uint32_t i = 0; !e && f->answer && i < f->answer->count; i++)
		e = put_values(rq->arena, &w, &f->answer->members[i]);
	json_close(&w, ']');
	json_key(&w, S("none"));
	json_open(&w, '[');
	for (size_t i = 0; i < f->unanswered.n; i++)
		json_put_str(&w, f->unanswered.items[i]);
	json_close(&w, ']');
	json_key(&w, S("between"));
	json_open(&w, '[');
	put_bounds(&w, f->answer_min, f->answer_max);
	json_close(&w, ']');
	if (e || (e = put_row_filters(rq->arena, &w, f, cells)))
		return e;
	json_close(&w, '}');
	return buf_done(&b, out);
}

static enum err cells_json(struct arena *a, const struct json *quota, struct str *out)
{
	struct json_out w;
	struct buf b;

	*out = S("");
	if (!quota)
		return OK;
	buf_init(&b, a, 16 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (uint32_t i = 0; i < quota->count; i++) {
		json_open(&w, '{');
		json_field_str(&w, S("quota"), quota->members[i].key);
		json_field_str(&w, S("cell"), quota->members[i].value.s);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	return buf_done(&b, out);
}

static enum err row_json(struct arena *a, const struct response_filter *f, struct str cells, struct str *out)
{
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, a, 32 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	if ((e = put_row_filters(a, &w, f, cells)))
		return e;
	json_close(&w, '}');
	return buf_done(&b, out);
}

enum err response_where(
    struct req *rq, const struct uuid *survey, const struct response_filter *f, struct response_where *out)
{
	static const struct pg_col cols[] = {
	    COL(struct survey_row, published, PGT_INT), COL(struct survey_row, sealed, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(survey)};
	struct looking l = {.rq = rq, .survey = survey};
	enum err e;

	*out = (struct response_where){0};
	if ((e = by_commas(rq->arena, &f->status, &out->statuses)) ||
	    (e = by_commas(rq->arena, &f->flag, &out->flags)) ||
	    (e = cells_json(rq->arena, f->quota, &out->quota_cells)) ||
	    (e = row_json(rq->arena, f, out->quota_cells, &out->row)))
		return e;
	if (f->q.n == 0 && !f->answer && !f->answer_min && !f->answer_max && f->answered.n + f->unanswered.n == 0)
		return OK;
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_response_search_survey, in, cols), &l.row)))
		return e;
	if (l.row.sealed)
		return req_fail(rq, ERR_INVALID, f->q.n > 0 ? "/query/q" : "/query/answer",
		    "all answers of this tenant are stored sealed, so they cannot be searched or filtered by their "
		    "values");
	if ((e = check_names(&l, f)))
		return e;
	return search_json(rq, f, out->quota_cells, &out->search);
}

#include "event/event.h"
#include "fieldwork/marks.h"
#include "fieldwork/quota.h"
#include "fieldwork/response_change.h"
#include "fieldwork/sealing.h"
#include "sql.h"
#include "survey/survey.h"
#include "vault/vault.h"

struct edit_row {
	struct str status, language, answers, consents, parameters, sealed, answers_sealed;
	int64_t version, survey_version, seed, sealed_key_version, answers_key_version, completed_at, text_chars;
	bool test;
};
static const struct pg_col row_cols[] = {COL(struct edit_row, status, PGT_TEXT), COL(struct edit_row, version, PGT_INT),
    COL(struct edit_row, survey_version, PGT_INT), COL(struct edit_row, language, PGT_TEXT),
    COL(struct edit_row, answers, PGT_JSON), COL(struct edit_row, consents, PGT_JSON),
    COL(struct edit_row, parameters, PGT_JSON), COL(struct edit_row, seed, PGT_INT),
    COL(struct edit_row, sealed, PGT_BYTES), COL(struct edit_row, sealed_key_version, PGT_INT),
    COL(struct edit_row, answers_sealed, PGT_BYTES), COL(struct edit_row, answers_key_version, PGT_INT),
    COL(struct edit_row, completed_at, PGT_TIME), COL(struct edit_row, test, PGT_BOOL),
    COL(struct edit_row, text_chars, PGT_INT)};

struct edit {
	struct req *rq;
	const struct uuid *survey, *id;
	struct edit_row row;
	const struct program *program;
	struct export_column *columns;
	size_t column_count;
	struct json *answers, *personal, *parameters; /* as stored */
	struct verdict verdict;
	struct str personal_after; /* with the consents that stand among it */
	bool personal_changed;
};

enum err response_change_failed(struct req *rq, enum err e)
{
	if (e != ERR_CONFLICT)
		return e;
	if (strcmp(tx_constraint(rq->tx), "quota_full") == 0)
		return req_fail(rq, e, "/status", "a quota cell that it belongs to has no room any more");
	if (strcmp(tx_constraint(rq->tx), "link_full") == 0)
		return req_fail(rq, e, "/status", "as many interviews of its link are completed as may be");
	if (strcmp(tx_constraint(rq->tx), "seal_check") == 0) {
		vault_forget(rq->app->vault, &rq->who.tenant_id);
		return ERR_BUSY;
	}
	return e;
}

/* ---- what is there ---- */

static enum err take(struct edit *x)
{
	const struct pg_param in[] = {P_UUID(x->survey), P_UUID(x->id), P_INT(PRINT_CHARS)};
	enum err e = tx_one(x->rq->tx, x->rq->arena, &Q(SQL_response_edit_take, in, row_cols), &x->row);

	if (e)
		return e;
	if (x->row.version != x->rq->if_match_version)
		return ERR_STALE;
	if (str_eq(x->row.status, S("rejected")))
		return req_fail(x->rq, ERR_CONFLICT, "/status", "it is rejected; restore it first");
	if (str_eq(x->row.status, S("in_progress")) || str_eq(x->row.status, S("started")))
		return req_fail(x->rq, ERR_CONFLICT, "/status", "the interview is not over");
	return OK;
}

static enum err read_object(struct req *rq, struct str text, struct json **out)
{
	struct json_error why;

	return json_read(rq->arena, text, &json_limits_default, out, &why) || (*out)->type != JSON_OBJECT ? ERR_INTERNAL
													  : OK;
}

static enum err open_pieces(struct edit *x)
{
	const struct sealed_piece personal = {x->row.sealed, x->row.sealed_key_version},
				  rest = {x->row.answers_sealed, x->row.answers_key_version};
	const struct answer_row at = {x->survey, x->id};
	struct req *rq = x->rq;
	struct str text = S("{}");
	enum err e = OK;

	if (personal.bytes.n > 0 && (e = event_personal_read(rq, x->survey, 1, S(""))))
		return e;
	if (personal.bytes.n > 0)
		e = personal_open(rq->app, rq->tx, &at, &personal, rq->arena, &text);
	if (!e && rest.bytes.n > 0)
		e = rest_open(rq->app, rq->tx, &at, &rest, rq->arena, &x->row.answers, &x->row.consents);
	if (e == ERR_GONE)
		return req_fail(rq, ERR_CONFLICT, "/answers", "it was sealed with a key that was destroyed");
	if (e)
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	if ((e = read_object(rq, x->row.answers, &x->answers)) || (e = read_object(rq, text, &x->personal)))
		return e;
	return read_object(rq, x->row.parameters, &x->parameters);
}

/* ---- what it is to be ---- */

static const struct export_column *column_of(const struct edit *x, struct str name)
{
	for (size_t i = 0; i < x->column_count; i++) {
		const struct export_column *c = &x->columns[i];

		if (c->roster.n > 0 ? str_eq(c->roster, name) : str_eq(c->key.n > 0 ? c->key : c->name, name))
			return c;
	}
	return NULL;
}

static enum err check_patch(struct edit *x, const struct json *patch)
{
	size_t before = x->rq->error_count;

	for (uint32_t i = 0; i < patch->count; i++) {
		const struct export_column *c = column_of(x, patch->members[i].key);
		struct str at = json_pointer(x->rq->arena, S("/answers"), patch->members[i].key);

		if (!c)
			continue; /* the engine says what is unknown */
		if (c->personal && !req_can(x->rq, PERM_RESPONSES_PERSONAL))
			return ERR_FORBIDDEN;
		if (str_eq(c->type, S("consent")))
			req_error(x->rq, at, S("consent"), S("What somebody agreed to is not changed by others."));
		if (str_eq(c->type, S("calculated")))
			req_error(x->rq, at, S("calculated"), S("This follows from other answers."));
	}
	return x->rq->error_count > before ? ERR_INVALID : OK;
}

/* What is calculated is worked out again; the words agreed to stay as they are. */
static bool is_given(const struct edit *x, struct str name)
{
	const struct export_column *c = column_of(x, name);

	return !str_eq(name, S("@consents")) && !(c && str_eq(c->type, S("calculated")));
}

static enum err merge(struct edit *x, const struct json *patch, struct json *out)
{
	const struct json *const from[] = {x->answers, x->personal};
	uint32_t room = x->answers->count + x->personal->count + patch->count + 1;

	*out = (struct json){.type = JSON_OBJECT, .members = arena_array(x->rq->arena, struct json_member, room)};
	if (!out->members)
		return ERR_MEMORY;
	for (size_t k = 0; k < countof(from); k++)
		for (uint32_t i = 0; i < from[k]->count; i++)
			if (!json_get(patch, from[k]->members[i].key) && is_given(x, from[k]->members[i].key))
				out->members[out->count++] = from[k]->members[i];
	for (uint32_t i = 0; i < patch->count; i++)
		if (patch->members[i].value.type != JSON_NULL)
			out->members[out->count++] = patch->members[i];
	return OK;
}

static enum err judge(struct edit *x, const struct json *answers)
{
	struct json *drawn;
	enum err e = program_drawn_of(x->program, answers, x->rq->arena, &drawn);
	const struct interview in = {.program = x->program,
	    .seed = (uint64_t)x->row.seed,
	    .now_ms = x->row.completed_at,
	    .language = program_language_pick(x->program, x->row.language),
	    .parameters = x->parameters,
	    .answers = answers,
	    .drawn = drawn};

	if (e || (e = interview_run(&in, RUN_COMPLETE, -1, x->rq->arena, &x->verdict)))
		return e;
	for (size_t i = 0; i < x->verdict.error_count; i++) {
		const struct answer_error *a = &x->verdict.errors[i];

		req_error(x->rq, a->pointer, a->code, a->message);
	}
	return x->verdict.error_count > 0 ? ERR_INVALID : OK;
}

static enum err canonical(struct arena *a, const struct json *object, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, RESPONSE_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	json_put_canonical(&w, object);
	return buf_done(&b, out);
}

/* Compares the personal answers before and after, and puts the consents among them back. */
static enum err compare_personal(struct edit *x)
{
	struct arena *a = x->rq->arena;
	struct json before = *x->personal, *after;
	const struct json *consents = json_get(x->personal, S("@consents"));
	struct str was, is;
	enum err e;

	if ((e = read_object(x->rq, x->verdict.personal, &after)))
		return e;
	if (consents && !(before.members = arena_array(a, struct json_member, before.count)))
		return ERR_MEMORY;
	before.count = 0;
	for (uint32_t i = 0; consents && i < x->personal->count; i++)
		if (!str_eq(x->personal->members[i].key, S("@consents")))
			before.members[before.count++] = x->personal->members[i];
	if (!consents)
		before = *x->personal;
	if ((e = canonical(a, &before, &was)) || (e = canonical(a, after, &is)))
		return e;
	x->personal_changed = !str_eq(was, is);
	x->personal_after = x->verdict.personal;
	if (!consents)
		return OK;
	struct json whole = {.type = JSON_OBJECT, .members = arena_array(a, struct json_member, after->count + 1)};

	if (!whole.members)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < after->count; i++)
		whole.members[whole.count++] = after->members[i];
	whole.members[whole.count++] = (struct json_member){.key = S("@consents"), .value = *consents};
	return canonical(a, &whole, &x->personal_after);
}

/* ---- writing ---- */

static enum err put(struct edit *x)
{
	const struct verdict *v = &x->verdict;
	const bool counted = str_eq(v->status, S("completed")) && !x->row.test;
	const struct quota_list cells = {v->cells, counted ? v->cell_count : 0};
	const struct plain_answer plain = {v->answers, x->row.consents, x->personal_after};
	struct req *rq = x->rq;
	struct sealed_answer s;
	struct str cells_text;
	enum err e;

	if ((e = answer_seal(rq->app, rq->tx, &(struct answer_row){x->survey, x->id}, &plain, rq->arena, &s)) ||
	    (e = quota_json(rq->arena, &cells, &cells_text)))
		return e;
	if (!x->personal_changed)
		s.personal = (struct sealed_piece){x->row.sealed, x->row.sealed_key_version};
	const struct pg_param in[] = {P_UUID(x->survey), P_UUID(x->id), P_JSON(s.answers), P_JSON(s.consents),
	    s.personal.bytes.n ? P_BYTES(s.personal.bytes) : P_NULL(PGT_BYTES),
	    s.personal.bytes.n ? P_INT(s.personal.key_version) : P_NULL(PGT_INT),
	    s.rest.bytes.n ? P_BYTES(s.rest.bytes) : P_NULL(PGT_BYTES),
	    s.rest.bytes.n ? P_INT(s.rest.key_version) : P_NULL(PGT_INT), P_TEXT(v->status), P_TEXT_OR_NULL(v->outcome),
	    cells.n ? P_JSON(cells_text) : P_NULL(PGT_JSON), P_UUID_OR_NULL(tx_actor(rq->tx))};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_response_edit_put, in), NULL)))
		return response_change_failed(rq, e);
	if ((e = prints_renew(rq->app, rq->tx, rq->arena, x->program, (struct uuid[2]){*x->survey, *x->id},
		 x->row.text_chars, counted ? v->answers : S("{}"))))
		return e;
	if (!x->personal_changed)
		return OK;
	const struct pg_param drop[] = {P_UUID(x->survey), P_UUID(x->id)};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_response_lookups_drop, drop), NULL)))
		return e;
	return lookups_add(rq->app, rq->tx, x->program, x->survey, x->id, v->personal, rq->arena);
}

static enum err edit_with(struct edit *x, const struct json *patch)
{
	struct json merged;
	enum err e;

	if ((e = program_columns(x->program, x->row.language, x->rq->arena, &x->columns, &x->column_count)) ||
	    (e = check_patch(x, patch)) || (e = open_pieces(x)) || (e = merge(x, patch, &merged)) ||
	    (e = judge(x, &merged)) || (e = compare_personal(x)))
		return e;
	return put(x);
}

enum err response_edit(struct req *rq, const struct json *patch)
{
	struct edit x = {.rq = rq, .survey = &rq->ids[0], .id = &rq->ids[1]};
	const struct survey_program *survey;
	struct cache_entry *pin;
	enum err e;

	if ((e = take(&x)) ||
	    (e = survey_program_get(rq->app, rq->tx, x.survey, x.row.survey_version, rq->arena, &survey, &pin)))
		return e;
	x.program = survey->program;
	e = edit_with(&x, patch);
	cache_release(rq->app->cache, pin);
	return e;
}

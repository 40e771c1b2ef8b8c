#include "fieldwork/keeping.h"
#include "base/hash.h"
#include "sql.h"
#include "vault/vault.h"

/* Another purpose of signatures has another context, so one can never pass for the other. */
static const struct str token_context = {"fieldwork/resume/1", 18};

#define TOKEN_ID_CHARS 22 /* 16 bytes in base64url */

/* ---- tokens ---- */

static enum err signed_text(struct arena *a, const struct uuid *link_id, const struct uuid *id, struct str *text)
{
	struct buf b;

	buf_init(&b, a, 128);
	buf_add(&b, uuid_str(a, link_id));
	buf_char(&b, '/');
	buf_add(&b, uuid_str(a, id));
	return buf_done(&b, text);
}

enum err resume_token(struct req *rq, const struct uuid *link_id, const struct uuid *id, struct str *token)
{
	struct str text, mac;
	struct buf b;
	enum err e;

	if ((e = signed_text(rq->arena, link_id, id, &text)) ||
	    (e = vault_token_mac(rq->app->vault, token_context, text, rq->arena, &mac)))
		return e;
	buf_init(&b, rq->arena, 128);
	base64url_put(&b, id->b, sizeof id->b);
	buf_add(&b, mac);
	return buf_done(&b, token);
}

enum err resume_read(struct req *rq, const struct uuid *link_id, struct str token, struct uuid *id)
{
	struct str raw, text;
	enum err e;

	if (token.n < TOKEN_ID_CHARS)
		return ERR_INVALID;
	if ((e = base64url_read(rq->arena, str_sub(token, 0, TOKEN_ID_CHARS), &raw)))
		return e == ERR_MEMORY ? e : ERR_INVALID;
	if (raw.n != sizeof id->b)
		return ERR_INVALID;
	memcpy(id->b, raw.p, raw.n);
	if ((e = signed_text(rq->arena, link_id, id, &text)))
		return e;
	return vault_token_check(
	    rq->app->vault, token_context, text, str_sub(token, TOKEN_ID_CHARS, token.n), rq->arena);
}

/* ---- the row ---- */

struct kept_row {
	struct uuid id;
	struct str status, outcome, idempotency_key, state, parameters;
	int64_t survey_version, version, started_at, last_at, completed_at, state_key_version;
};

static enum err open_state(struct req *rq, const struct resolved *r, const struct kept_row *row, struct kept *k)
{
	const struct link_view *link = &r->link;
	int64_t left = row->last_at ? row->last_at : row->started_at;
	const struct seal_place place = {S("responses"), S("state"), &row->id, &link->survey_id};
	struct str plain;
	enum err e;

	k->over = true;
	if (row->state.n == 0)
		return OK;
	e = vault_unseal(
	    rq->app->vault, rq->tx, VAULT_SECRET, &place, row->state_key_version, row->state, rq->arena, &plain);
	/* The tenant's keys were destroyed: nobody can go on with it. */
	if (e == ERR_GONE)
		return OK;
	if (e || (e = page_state_read(plain, rq->arena, &k->state)))
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	if (!uuid_eq(&k->state.link_id, &link->link_id))
		return ERR_INTERNAL;
	/* Rows of before may hold the id of a page that only joined them. */
	k->state.id = row->id;
	k->over = clock_now_ms() - left > r->live.abandon_ms;
	k->state.saved = true;
	return OK;
}

enum err kept_load(struct req *rq, const struct resolved *r, const struct uuid *id, struct kept *out)
{
	const struct link_view *link = &r->link;
	static const struct pg_col cols[] = {COL(struct kept_row, id, PGT_UUID), COL(struct kept_row, status, PGT_TEXT),
	    COL(struct kept_row, outcome, PGT_TEXT), COL(struct kept_row, idempotency_key, PGT_TEXT),
	    COL(struct kept_row, state, PGT_BYTES), COL(struct kept_row, survey_version, PGT_INT),
	    COL(struct kept_row, version, PGT_INT), COL(struct kept_row, started_at, PGT_TIME),
	    COL(struct kept_row, last_at, PGT_TIME), COL(struct kept_row, completed_at, PGT_TIME),
	    COL(struct kept_row, state_key_version, PGT_INT), COL(struct kept_row, parameters, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_UUID(id), P_UUID(&link->link_id)};
	struct kept_row row = {0};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_interview_get, in, cols), &row)))
		return e;
	*out = (struct kept){
	    .id = row.id,
	    .status = row.status,
	    .outcome = row.outcome,
	    .key = row.idempotency_key,
	    .parameters = row.parameters,
	    .survey_version = row.survey_version,
	    .version = row.version,
	    .started_at = row.started_at,
	    .last_at = row.last_at,
	    .completed_at = row.completed_at,
	};
	return open_state(rq, r, &row, out);
}

enum err kept_put(struct req *rq, struct page_state *state, int32_t next, struct response *r)
{
	enum err e = page_state_leave(state, clock_now_ms(), rq->arena, &r->keep.page_ms);

	state->page = next;
	r->keep.page = state;
	return e ? e : page_state_write(state, rq->arena, &r->keep.state);
}

enum err kept_consents(const struct interview *in, int32_t page, const struct interview *shown, struct arena *a,
    const struct json *kept[2])
{
	const struct consent_note note = {clock_now_ms(), {kept[0], kept[1]}, page, shown};
	struct consents given;
	struct json_error why;
	enum err e;

	if ((e = interview_consents(in, &note, a, &given)))
		return e;
	const struct str texts[] = {given.open, given.personal};

	for (int i = 0; i < 2; i++) {
		struct json *object;

		if (json_read(a, texts[i], &json_limits_default, &object, &why))
			return ERR_INTERNAL;
		kept[i] = object;
	}
	return OK;
}

enum err kept_merge(struct arena *a, const struct json *before, const struct json *patch, const struct json **out)
{
	struct json *object = arena_new(a, struct json);
	uint32_t room = (before ? before->count : 0) + (patch ? patch->count : 0) + 1;

	if (!object || !(object->members = arena_array(a, struct json_member, room)))
		return ERR_MEMORY;
	object->type = JSON_OBJECT;
	for (uint32_t i = 0; before && i < before->count; i++)
		if (!patch || !json_get(patch, before->members[i].key))
			object->members[object->count++] = before->members[i];
	for (uint32_t i = 0; patch && i < patch->count; i++)
		if (patch->members[i].value.type != JSON_NULL)
			object->members[object->count++] = patch->members[i];
	*out = object;
	return OK;
}

enum err kept_drawn(const struct verdict *v, struct arena *a, struct page_state *s)
{
	struct json_error why;
	struct json *drawn;

	if (!s->drawn)
		return OK;
	if (json_read(a, v->drawn, &json_limits_default, &drawn, &why))
		return ERR_INTERNAL;
	s->drawn = drawn;
	return OK;
}

/* ---- devices ---- */

static bool says(struct str text, const char *word)
{
	return str_find(text, str_from(word), NULL);
}

struct str device_of(struct str agent)
{
	if (agent.n == 0)
		return agent;
	if (says(agent, "iPad") || says(agent, "Tablet") || (says(agent, "Android") && !says(agent, "Mobile")))
		return S("tablet");
	if (says(agent, "Mobile") || says(agent, "iPhone"))
		return S("mobile");
	if (says(agent, "Windows NT") || says(agent, "Macintosh") || says(agent, "X11") || says(agent, "CrOS"))
		return S("desktop");
	return S("other");
}

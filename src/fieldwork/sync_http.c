/* /api/public/v1/sync: interviews that were held offline. */
#include "fieldwork/sync.h"
#include "base/limits.h"
#include "core/ratelimit.h"
#include "fieldwork/link_pass.h"

static const struct field sync_new_fields[] = {
    FIELD(struct sync_new, link, FT_TEXT, REQUIRED, 1, SLUG_MAX_BYTES, "The link that all of them came by"),
    FIELD(struct sync_new, sent_at, FT_TIME, REQUIRED, 0, 0, "What the device's clock says as it sends"),
    FIELD(struct sync_new, interviews, FT_JSON, REQUIRED, 0, 0,
	"1 to 500 of {id, survey_version, code, journal}: id a UUIDv7 made by the device, code of a single-use link "
	"only, journal "
	"{seed, now_ms, language, parameters, full, filled, events} as the engine's session took it, each event with "
	"at_ms, "
	"milliseconds since now_ms (docs/offline.md)"),
};
static const struct shape sync_new_shape = SHAPE("Sync", struct sync_new, sync_new_fields);

/* What the interviews of a slice may take together, or it is a smaller one: those of a large survey take megabytes each. */
#define SLICE_BYTES_MAX (16 * MB)

static enum err slice(struct req *rq);

/* ---- with the writers ---- */

/* Whoever takes the last one off has somebody go on; afterwards the request is another's. */
static void count_down(struct sync *s, enum err (*next)(struct req *rq))
{
	struct req *rq = s->rq;

	if (atomic_fetch_sub(&s->away, 1) == 1)
		req_again(rq, next);
}

static enum err collect(struct req *rq);

static void told(struct writing *w, enum err e)
{
	struct sync_item *x = (struct sync_item *)((char *)w - offsetof(struct sync_item, writing));

	w->error = x->error = e;
	count_down(x->sync, collect);
}

/* Those that are `due`. What can't be queued stays here with its error. */
static enum err send_off(struct sync *s, const bool *due)
{
	req_later(s->rq);
	atomic_store(&s->away, 1);
	for (size_t i = 0; i < s->count; i++) {
		struct sync_item *x = &s->items[i];
		enum err e;

		if (!due[i])
			continue;
		atomic_fetch_add(&s->away, 1);
		if ((e = writing_queue(&x->writing))) {
			x->error = e;
			atomic_fetch_sub(&s->away, 1);
		}
	}
	count_down(s, collect);
	return OK;
}

static void put_away(struct sync *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct sync_item *x = &s->items[i];

		intake_abandon(&x->rq);
		if (x->writing.pin)
			cache_release(s->rq->app->cache, x->writing.pin);
		arena_free(&x->arena);
	}
	s->count = 0;
}

/* All of the slice are back: some go once more, as a quota turned out to be full or a key to be known; else they are told. */
static enum err collect(struct req *rq)
{
	struct sync *s = rq->own;
	bool due[SYNC_SLICE] = {false}, any = false;
	enum err e = OK;

	for (size_t i = 0; i < s->count; i++) {
		struct sync_item *x = &s->items[i];

		x->over = x->over || !x->begun || !x->error || !writing_has_more(&x->writing, x->error);
		if (x->over)
			continue;
		x->error = writing_go_on(&x->writing, &due[i]);
		due[i] = due[i] && !x->error;
		x->over = !due[i];
		any |= due[i];
	}
	if (any)
		return send_off(s, due);
	for (size_t i = 0; i < s->count && !e; i++) {
		sync_item_end(&s->items[i]);
		e = sync_tell(&s->items[i]);
	}
	put_away(s);
	return e ? e : slice(rq);
}

/* ---- slices ---- */

/* Each slice is a request of its own to the rates. */
static bool has_rate(struct sync *s)
{
	const struct link_view *link = &s->link.link;
	const struct rate_subject who = {.address = s->rq->x->client_net,
	    .loopback = s->rq->x->client_loopback,
	    .tenant = &link->tenant_id,
	    .link = &link->link_id};
	struct rate_verdict now;

	ratelimit_take(s->rq->app, RATE_INTAKE, &who, &now);
	return now.allowed;
}

static void enter(struct sync *s, struct sync_item *x)
{
	*x = (struct sync_item){.sync = s, .rq = *s->rq, .in = &s->interviews->items[s->next++]};
	arena_init(&x->arena, &arena_malloc, SYNC_ARENA_MAX_BYTES);
	x->rq.arena = &x->arena;
	x->rq.tx = NULL;
	x->rq.errors = NULL;
	x->rq.error_count = 0;
	x->rq.detail = (struct str){0};
	x->clock.sent_ms = s->sent_ms;
	x->writing.told = told;
}

static enum err reply(struct sync *s)
{
	struct str json;
	enum err e;

	json_close(&s->reply, ']');
	json_close(&s->reply, '}');
	if ((e = buf_done(&s->text, &json)))
		return e;
	reply_header(s->rq, S("Cache-Control"), S("no-store"));
	return reply_json(s->rq, 200, json);
}

static enum err slice(struct req *rq)
{
	struct sync *s = rq->own;
	bool due[SYNC_SLICE] = {false};
	size_t bytes = 0;
	enum err e = OK;

	if (s->next == s->interviews->count)
		return reply(s);
	if (!has_rate(s))
		e = ERR_RATE;
	else if (s->fuel <= 0 || rq->app->draining)
		e = ERR_BUSY;
	while (s->count < SYNC_SLICE && s->next < s->interviews->count && bytes < SLICE_BYTES_MAX) {
		struct sync_item *x = &s->items[s->count];

		enter(s, x);
		if (e)
			x->error = e;
		else
			sync_item_begin(x);
		due[s->count++] = !x->error;
		bytes += x->arena.used_bytes;
	}
	return send_off(s, due);
}

static enum err sync_http(struct req *rq)
{
	const struct sync_new *in = rq->in;
	struct sync *s = arena_new(rq->arena, struct sync);
	enum err e;

	if (!s)
		return ERR_MEMORY;
	if (in->interviews->type != JSON_ARRAY || in->interviews->count == 0 ||
	    in->interviews->count > SYNC_INTERVIEWS_MAX)
		return req_fail(rq, ERR_INVALID, "/interviews", "send 1 to 500 interviews");
	if ((e = resolve(rq, in->link, RESOLVE_MAY_WAIT, &s->link)) || (e = link_pass_check(rq, &s->link.link)) ||
	    (e = req_end_tx(rq)))
		return e;
	rq->own = s;
	s->rq = rq;
	s->sent_ms = in->sent_at;
	s->now_ms = clock_now_ms();
	s->interviews = in->interviews;
	s->fuel = SYNC_STEPS_MAX;
	buf_init(&s->text, rq->arena, REQUEST_ARENA_MAX_BYTES / 2);
	json_out_init(&s->reply, &s->text);
	json_open(&s->reply, '{');
	json_key(&s->reply, S("items"));
	json_open(&s->reply, '[');
	return slice(rq);
}

const struct route sync_routes[] = {
    {HTTP_POST, "/api/public/v1/sync", PERM_NONE, RATE_INTAKE, &sync_new_shape, &sync_reply_shape, 200, sync_http,
	"Send interviews that were held offline", .flags = ROUTE_PUBLIC_DB | ROUTE_CORS_ANY,
	.also = (const int[]){401, 404, 0}},
    ROUTE_END,
};

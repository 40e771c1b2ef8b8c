/* calls_session.c - interviews that are kept between events, and replay. */
#include "calls.h"
#include "base/hash.h"

/* What depends on what is noted once for each program that has a session. */
static enum err depend(struct caller *c)
{
	return program_depend(&c->calls->programs[c->number - 1].arena, c->program);
}

enum err call_replay(struct caller *c)
{
	struct replay_fault why;
	unsigned char hash[32];
	struct buf b;
	enum err e;

	if ((e = depend(c)))
		return e;
	if ((e = interview_replay(c->calls->source, c->program, c->in, 0, hash, &why))) {
		c->out->text = str_from(why.what);
		return e;
	}
	buf_init(&b, c->a, 64);
	hex_put(&b, hash, sizeof(hash));
	return buf_done(&b, &c->out->text);
}

static void put_where(struct json_out *w, const struct session *s)
{
	json_field_int(w, S("page"), session_page(s));
	json_field_bool(w, S("over"), session_over(s));
	json_field_str(w, S("outcome"), session_outcome(s));
	json_close(w, '}');
}

static struct kept *room_for_session(struct caller *c)
{
	for (size_t i = 0; i < CALLS_SESSIONS_MAX; i++)
		if (!c->calls->sessions[i].session)
			return &c->calls->sessions[i];
	c->out->text = S("too many sessions are open");
	return NULL;
}

static enum err keep(struct caller *c, struct kept *k, struct session *s)
{
	struct reply_json r;
	struct json_out *w = reply_begin(c, &r);

	*k = (struct kept){s, c->number};
	c->calls->programs[c->number - 1].sessions++;
	json_open(w, '{');
	json_field_int(w, S("session"), k - c->calls->sessions + 1);
	put_where(w, s);
	return reply_end(c, &r);
}

enum err call_begin(struct caller *c)
{
	struct kept *k = room_for_session(c);
	struct interview start;
	struct session *s;
	enum err e;

	if (!k)
		return ERR_LIMIT;
	if ((e = caller_interview(c, &start)) || (e = depend(c)) || (e = session_begin(c->calls->source, &start, &s)))
		return e;
	return keep(c, k, s);
}

enum err call_resume(struct caller *c)
{
	struct kept *k = room_for_session(c);
	struct session *s;
	enum err e;

	if (!k)
		return ERR_LIMIT;
	if ((e = depend(c)) || (e = session_read(c->calls->source, c->program, c->in, &s)))
		return e;
	return keep(c, k, s);
}

enum err call_events(struct caller *c)
{
	struct reply_json r;
	struct json_out *w;
	const char *why = "";
	enum err e;

	for (uint32_t i = 0; c->json->type == JSON_ARRAY && i < c->json->count; i++)
		if ((e = session_event(c->session, &c->json->items[i], &why))) {
			c->out->text = str_from(why);
			return e;
		}
	w = reply_begin(c, &r);
	json_open(w, '{');
	put_where(w, c->session);
	return reply_end(c, &r);
}

enum err call_verdict(struct caller *c)
{
	const struct json *complete = json_get(c->json, S("complete"));
	enum interview_mode mode = complete && complete->type == JSON_BOOL && complete->b ? RUN_COMPLETE : RUN_PAGE;
	struct verdict v;
	enum err e = session_verdict(c->session, mode, c->a, &v);

	return e ? e : reply_verdict(c, &v);
}

enum err call_show(struct caller *c)
{
	int32_t page = session_page(c->session);
	struct page_view view;
	struct interview in;
	struct html h;
	struct buf b;
	enum err e;

	if (page < 0) {
		c->out->text = S("it has not begun");
		return ERR_CONFLICT;
	}
	buf_init(&b, c->a, PAGE_MAX_BYTES);
	html_init(&h, &b);
	if ((e = caller_view(c, &view)) || (e = session_interview(c->session, c->a, &in)) ||
	    (e = interview_render(&in, page, &view, c->a, &h)))
		return e;
	return buf_done(&b, &c->out->text);
}

enum err call_state(struct caller *c)
{
	char *hash = arena_alloc(c->a, 32);
	enum err e;

	if (!hash)
		return ERR_MEMORY;
	if ((e = session_state(c->session, c->a, &c->out->text)) ||
	    (e = session_hash(c->session, (unsigned char *)hash)))
		return e;
	c->out->bytes = str_make(hash, 32);
	return OK;
}

enum err call_write(struct caller *c)
{
	return session_write(c->session, c->a, &c->out->bytes);
}

enum err call_end(struct caller *c)
{
	struct kept *k = &c->calls->sessions[c->number - 1];

	c->calls->programs[k->program - 1].sessions--;
	session_end(k->session);
	k->session = NULL;
	return OK;
}

static enum err put_hash(struct buf *hashes, struct session *s)
{
	unsigned char hash[32];
	enum err e = session_hash(s, hash);

	buf_add(hashes, str_make((const char *)hash, sizeof(hash)));
	return e;
}

static enum err hash_events(struct session *s, const struct json *events, struct buf *hashes, struct buf *said)
{
	enum err e = put_hash(hashes, s);

	for (uint32_t i = 0; !e && events && events->type == JSON_ARRAY && i < events->count; i++) {
		const char *why = "";

		if ((e = session_event(s, &events->items[i], &why)) && e != ERR_INVALID && e != ERR_CONFLICT)
			return e;
		buf_add(said, str_from(why));
		e = put_hash(hashes, s);
	}
	return e;
}

enum err call_hashes(struct caller *c)
{
	struct buf hashes, said;
	struct interview start;
	struct session *s;
	enum err e;

	if ((e = caller_interview(c, &start)) || (e = depend(c)) || (e = session_begin(c->calls->source, &start, &s)))
		return e;
	buf_init(&hashes, c->a, CALLS_SCRATCH_MAX_BYTES);
	buf_init(&said, c->a, CALLS_SCRATCH_MAX_BYTES);
	e = hash_events(s, json_get(c->json, S("events")), &hashes, &said);
	session_end(s);
	if (e || (e = buf_done(&hashes, &c->out->bytes)))
		return e;
	return buf_done(&said, &c->out->text);
}

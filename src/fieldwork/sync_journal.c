/* sync_journal.c - an interview's events taken once more: what was answered in the end, how long each page lay open, and what of the events is kept. */
#include "fieldwork/sync.h"
#include "base/limits.h"
#include "base/time.h"

#define FAR_MS (10 * 366 * 86400000LL) /* no interview takes longer, whatever a clock did meanwhile */
#define YEAR_9999_MS 253402300799000LL

struct journey {
	struct sync_item *x;
	struct arena *a;
	struct session *s;
	struct journal journal;
	int64_t *page_ms; /* by page, 0: never left */
	int64_t entered;
	int64_t last;
};

static enum err fail(struct journey *j, struct str pointer, const char *why)
{
	return req_fail_str(&j->x->rq, ERR_INVALID, pointer, S("journal"), str_from(why));
}

static struct str event_pointer(struct journey *j, uint32_t i)
{
	return json_pointer_index(j->a, S("/journal/events"), i);
}

/* ---- the events ---- */

static void leave(struct journey *j, int32_t page, int64_t at)
{
	if (page >= 0 && at > j->entered)
		j->page_ms[page] += at - j->entered;
	j->entered = at;
}

static enum err take(struct journey *j, uint32_t i)
{
	const struct json *event = &j->journal.events->items[i], *at = json_get(event, S("at_ms"));
	int32_t page = session_page(j->s);
	const char *why = "";
	enum err e;

	if (!at || at->type != JSON_INT || at->i < -FAR_MS || at->i > FAR_MS)
		return fail(j, event_pointer(j, i), "each event has at_ms, milliseconds since the interview began");
	if ((e = session_event(j->s, event, &why)))
		return e == ERR_INVALID ? fail(j, event_pointer(j, i), why) : e;
	if (session_over(j->s) || session_page(j->s) != page)
		leave(j, page, at->i);
	if (at->i < j->last)
		j->x->clock.turned = true;
	j->last = at->i;
	return OK;
}

static enum err take_all(struct journey *j)
{
	enum err e = OK;

	for (uint32_t i = 0; !e && i < j->journal.events->count; i++)
		e = take(j, i);
	if (!e && !session_over(j->s))
		return fail(j, S("/journal/events"), "the interview is not over");
	return e;
}

/* ---- what is kept ---- */

static enum err put_page_ms(struct journey *j, struct str *text)
{
	size_t pages = program_page_count(j->journal.start.program);
	struct json_out w;
	struct buf b;

	buf_init(&b, j->a, 64 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (size_t i = 0; i < pages; i++) {
		char name[24];

		if (j->page_ms[i] > 0)
			json_field_int(
			    &w, str_make(name, (size_t)snprintf(name, sizeof name, "%zu", i)), j->page_ms[i]);
	}
	json_close(&w, '}');
	return buf_done(&b, text);
}

static void put_time(struct json_out *w, struct str name, int64_t ms)
{
	char text[TIME_TEXT_BYTES];

	time_text(ms, text);
	json_field_str(w, name, str_make(text, sizeof text));
}

/* ["answer", "age", 1200]: what happened when. What was answered stands in the answers alone, where it is sealed and erased. */
static void put_event(struct json_out *w, const struct json *event, bool answers)
{
	static const struct str kinds[] = {{"answer", 6}, {"page", 4}, {"language", 8}};
	const struct json *at = json_get(event, S("at_ms")), *what;

	for (size_t k = answers ? 0 : 1; k < countof(kinds); k++) {
		if (!(what = json_get(event, kinds[k])))
			continue;
		json_open(w, '[');
		json_put_str(w, kinds[k]);
		json_put_str(w, what->s);
		json_put_int(w, at->i);
		json_close(w, ']');
	}
}

enum kept { KEEP_ALL, KEEP_PAGES, KEEP_TIMES };

static enum err paradata(struct sync_item *x, const struct json *events, enum kept kept, struct str *text)
{
	const struct sync_clock *c = &x->clock;
	struct json_out w;
	struct buf b;

	buf_init(&b, &x->arena, PARADATA_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("offline"));
	json_open(&w, '{');
	put_time(&w, S("started_at"), c->began_ms);
	put_time(&w, S("completed_at"), c->ended_ms);
	put_time(&w, S("sent_at"), c->sent_ms);
	json_field_int(&w, S("offset_ms"), c->offset_ms);
	json_field_bool(&w, S("astray"), c->astray);
	json_field_bool(&w, S("turned"), c->turned);
	json_close(&w, '}');
	if (kept != KEEP_TIMES) {
		json_key(&w, S("events"));
		json_open(&w, '[');
		for (uint32_t i = 0; i < events->count; i++)
			put_event(&w, &events->items[i], kept == KEEP_ALL);
		json_close(&w, ']');
	}
	json_close(&w, '}');
	return buf_done(&b, text);
}

/* As much of it as there is room for. */
enum err sync_paradata(struct sync_item *x, const struct json *journal)
{
	enum err e = ERR_LIMIT;

	for (enum kept kept = KEEP_ALL; e && kept <= KEEP_TIMES; kept++)
		e = paradata(x, json_get(journal, S("events")), kept, &x->response.paradata);
	return e;
}

/* The session goes, and its answers with it. */
static enum err keep_answers(struct journey *j)
{
	struct submission *s = &j->x->submission;
	struct interview in;
	struct json_error why;
	struct json_out w;
	struct json *copy;
	struct str text;
	struct buf b;
	enum err e;

	if ((e = session_interview(j->s, j->a, &in)))
		return e;
	buf_init(&b, j->a, HTTP_BODY_API_MAX_BYTES);
	json_out_init(&w, &b);
	json_put(&w, in.answers);
	if ((e = buf_done(&b, &text)))
		return e;
	if (json_read(j->a, text, &json_limits_default, &copy, &why))
		return ERR_INTERNAL;
	*s = (struct submission){
	    .language = str_dup(j->a, in.language),
	    .answers = copy,
	    .parameters = j->journal.start.parameters,
	    .seed = in.seed,
	    .now_ms = in.now_ms,
	    .full = {(struct quota_cell *)(uintptr_t)j->journal.start.full, j->journal.start.full_count},
	    .filled = {(int64_t *)(uintptr_t)j->journal.start.filled, j->journal.start.filled_count},
	    .drawn = j->journal.start.drawn,
	};
	return s->language.p ? OK : ERR_MEMORY;
}

static enum err travel(struct journey *j)
{
	struct sync_clock *c = &j->x->clock;
	enum err e;

	if ((e = take_all(j)) || (e = keep_answers(j)) || (e = put_page_ms(j, &j->x->response.keep.page_ms)))
		return e;
	c->began_ms = j->journal.start.now_ms;
	c->ended_ms = c->began_ms + (j->last > 0 ? j->last : 0);
	return OK;
}

enum err sync_replay(struct sync_item *x, const struct program *program, const struct json *journal, int64_t *fuel)
{
	struct journey j = {.x = x, .a = &x->arena};
	enum err e = journal_read(program, journal, j.a, &j.journal);

	if (e)
		return e == ERR_INVALID ? fail(&j, S("/journal"), j.journal.why) : e;
	if (j.journal.start.now_ms < 0 || j.journal.start.now_ms > YEAR_9999_MS - FAR_MS)
		return fail(&j, S("/journal/now_ms"), "this is no time of our days");
	if (j.journal.events->count > SYNC_EVENTS_MAX)
		return fail(&j, S("/journal/events"), "more than 5000 events");
	if (x->parameters)
		j.journal.start.parameters = x->parameters;
	j.journal.start.fuel = fuel;
	if (!(j.page_ms = arena_array(j.a, int64_t, program_page_count(program) + 1)))
		return ERR_MEMORY;
	if ((e = session_begin(&arena_malloc, &j.journal.start, &j.s)))
		return e;
	e = travel(&j);
	session_end(j.s);
	return e;
}

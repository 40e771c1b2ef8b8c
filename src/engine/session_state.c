/* session_state.c - a session as canonical text, as a hash, and as bytes that make it again. */
#include "engine/session.h"
#include "base/hash.h"
#include "base/limits.h"

#define STATE_VERSION 1

/* A long survey has more answers than an object of the API may have members. */
static const struct json_limits state_limits = {.depth = JSON_DEPTH_MAX + 2,
    .keys = 2 * SURVEY_QUESTIONS_MAX,
    .values = JSON_VALUES_MAX,
    .number_chars = JSON_NUMBER_MAX_CHARS};

struct writer {
	struct run *r;
	struct json_out out;
	struct buf b;
};

static void open_writer(struct writer *w, struct run *r)
{
	w->r = r;
	buf_init(&w->b, r->a, ENGINE_ARENA_MAX_BYTES);
	json_out_init(&w->out, &w->b);
}

/* ---- the state that everyone must agree on ---- */

static void put_order(struct writer *w, const char *what, struct str path, const uint16_t *order, uint32_t n)
{
	json_open(&w->out, '[');
	json_put_str(&w->out, str_from(what));
	json_put_str(&w->out, path);
	for (uint32_t i = 0; order && i < n; i++)
		json_put_int(&w->out, order[i]);
	json_close(&w->out, ']');
}

typedef void visitor(struct writer *w, uint32_t question);

static void put_name(struct writer *w, uint32_t question)
{
	json_put_str(&w->out, question_path(w->r, question));
}

static void put_orders(struct writer *w, uint32_t question)
{
	const struct p_question *q = &w->r->p->question[question];
	const struct state *s = &w->r->states[question];
	struct str path = question_path(w->r, question);
	uint32_t n;

	if (s->choice_count && q->order != ORDER_FIXED && q->type != Q_matrix)
		put_order(w, "choices", path, display_choices(w->r, question, path), s->choice_count);
	if (s->row_count && q->type == Q_matrix && q->row_order != ORDER_FIXED)
		put_order(w, "rows", path, display_rows(w->r, question, path), s->row_count);
	if (q->type == Q_group && q->order != ORDER_FIXED) {
		const uint16_t *order = display_questions(w->r, &w->r->p->page[q->page - 1], question + 1, &n);

		put_order(w, "questions", path, order, n);
	}
}

static void each_visible(struct writer *w, visitor *visit)
{
	struct run *r = w->r;

	for (uint32_t i = 0; i < r->p->question_count && !r->failed; i++) {
		if (!r->states[i].visible || !r->on_way[r->p->question[i].page - 1])
			continue;
		visit(w, i);
		for (uint32_t k = 0; r->p->question[i].type == Q_roster && k < r->states[i].record_count; k++) {
			record_open(r, i, k);
			for (uint32_t inner = i + 1; inner <= i + r->p->question[i].span; inner++)
				if (r->states[inner].visible)
					visit(w, inner);
			record_close(r);
		}
	}
}

static void page_orders(struct writer *w)
{
	for (uint32_t i = 0; i < w->r->p->page_count; i++) {
		const struct p_page *page = &w->r->p->page[i];
		const uint16_t *order;
		uint32_t n;

		if (!w->r->on_way[i] || page->order == ORDER_FIXED)
			continue;
		order = display_questions(w->r, page, 0, &n);
		put_order(w, "page", program_str(w->r->p, page->name), order, n);
	}
}

static void put_cells(struct json_out *out, struct str key, const struct quota_cell *cells, size_t n)
{
	json_key(out, key);
	json_open(out, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(out, '[');
		json_put_str(out, cells[i].quota);
		json_put_str(out, cells[i].cell);
		json_close(out, ']');
	}
	json_close(out, ']');
}

static void put_state(struct writer *w, const struct session *s, const struct verdict *v)
{
	struct json_out *out = &w->out;

	json_open(out, '{');
	json_field_raw(out, S("answers"), v->answers);
	json_field_raw(out, S("personal"), v->personal);
	json_field_raw(out, S("parameters"), v->parameters);
	json_field_str(out, S("language"), s->in.language);
	json_field_int(out, S("page"), s->page);
	json_field_str(out, S("outcome"), session_outcome(s));
	put_cells(out, S("cells"), v->cells, v->cell_count);
	json_key(out, S("visible"));
	json_open(out, '[');
	each_visible(w, put_name);
	json_close(out, ']');
	json_key(out, S("orders"));
	json_open(out, '[');
	page_orders(w);
	each_visible(w, put_orders);
	json_close(out, ']');
	json_close(out, '}');
}

enum err session_state(struct session *s, struct arena *a, struct str *json)
{
	struct verdict v;
	struct writer w;
	struct run view;
	enum err e;

	if ((e = session_verdict(s, RUN_PAGE, a, &v)))
		return e;
	view = s->run;
	view.a = a;
	view.fuel = RUN_STEPS_MAX;
	open_writer(&w, &view);
	put_state(&w, s, &v);
	return view.failed ? view.failed : buf_done(&w.b, json);
}

enum err session_hash(struct session *s, unsigned char out[32])
{
	struct arena a;
	struct str text;
	enum err e;

	arena_init(&a, s->source, ENGINE_ARENA_MAX_BYTES);
	if (!(e = session_state(s, &a, &text)))
		sha256_of(text, out);
	arena_free(&a);
	return e;
}

/* ---- to bytes and back ---- */

static enum err program_name(const struct program *p, struct arena *a, struct str *out)
{
	unsigned char sum[32];
	struct buf b;

	sha256_of(p->bytes, sum);
	buf_init(&b, a, 64);
	hex_put(&b, sum, sizeof(sum));
	return buf_done(&b, out);
}

static enum err seed_text(uint64_t seed, struct arena *a, struct str *out)
{
	struct buf b;

	buf_init(&b, a, 16);
	buf_uint_hex(&b, seed, 16);
	return buf_done(&b, out);
}

enum err session_write(struct session *s, struct arena *a, struct str *bytes)
{
	struct str program, seed;
	struct interview in;
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = session_settle(s, s->page)) || (e = session_interview(s, a, &in)) ||
	    (e = program_name(s->program, a, &program)) || (e = seed_text(in.seed, a, &seed)))
		return e;
	buf_init(&b, a, ENGINE_ARENA_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("version"), STATE_VERSION);
	json_field_str(&w, S("program"), program);
	json_field_str(&w, S("seed"), seed);
	json_field_int(&w, S("now_ms"), in.now_ms);
	json_field_str(&w, S("language"), in.language);
	put_cells(&w, S("full"), in.full, in.full_count);
	json_key(&w, S("filled"));
	json_open(&w, '[');
	for (size_t i = 0; i < in.filled_count; i++)
		json_put_int(&w, in.filled[i]);
	json_close(&w, ']');
	if (in.drawn) {
		json_key(&w, S("drawn"));
		json_put(&w, in.drawn);
	}
	json_key(&w, S("parameters"));
	if (in.parameters)
		json_put(&w, in.parameters);
	else
		json_put_null(&w);
	json_key(&w, S("answers"));
	json_put(&w, in.answers);
	json_field_int(&w, S("page"), s->page);
	json_field_bool(&w, S("over"), s->over);
	json_close(&w, '}');
	return buf_done(&b, bytes);
}

static const struct json *member(const struct json *from, struct str key, enum json_type type)
{
	const struct json *v = json_get(from, key);

	return v && v->type == type ? v : NULL;
}

bool session_read_seed(const struct json *v, uint64_t *seed)
{
	unsigned char bytes[8];

	*seed = 0;
	if (v && v->type == JSON_INT) {
		*seed = (uint64_t)v->i;
		return v->i >= 0;
	}
	if (!v || v->type != JSON_STR || !hex_read(v->s, bytes, sizeof(bytes)))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*seed = *seed << 8 | bytes[i];
	return true;
}

enum err session_read_filled(const struct json *list, struct arena *a, struct interview *in)
{
	int64_t *filled;

	if (!list)
		return OK;
	if (list->type != JSON_ARRAY)
		return ERR_INVALID;
	if (!(filled = arena_array(a, int64_t, (size_t)list->count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i].type != JSON_INT || list->items[i].i < 0)
			return ERR_INVALID;
		filled[i] = list->items[i].i;
	}
	in->filled = filled;
	in->filled_count = list->count;
	return OK;
}

enum err session_read_drawn(const struct json *lists, struct interview *in)
{
	in->drawn = lists;
	if (lists && lists->type != JSON_OBJECT)
		return ERR_INVALID;
	for (uint32_t i = 0; lists && i < lists->count; i++)
		if (lists->members[i].value.type != JSON_ARRAY)
			return ERR_INVALID;
	return OK;
}

enum err session_read_full(const struct json *list, struct arena *a, struct interview *in)
{
	struct quota_cell *full;

	if (!list)
		return OK;
	if (list->type != JSON_ARRAY)
		return ERR_INVALID;
	if (!(full = arena_array(a, struct quota_cell, (size_t)list->count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct json *pair = &list->items[i];

		if (pair->type != JSON_ARRAY || pair->count != 2 || pair->items[0].type != JSON_STR ||
		    pair->items[1].type != JSON_STR)
			return ERR_INVALID;
		full[i] = (struct quota_cell){.quota = pair->items[0].s, .cell = pair->items[1].s};
	}
	in->full = full;
	in->full_count = list->count;
	return OK;
}

/* What was written, as an interview to begin with. */
static enum err read_start(const struct json *j, struct arena *a, struct interview *in)
{
	const struct json *version = member(j, S("version"), JSON_INT), *now = member(j, S("now_ms"), JSON_INT);
	const struct json *program = member(j, S("program"), JSON_STR), *language = member(j, S("language"), JSON_STR);
	const struct json *parameters = json_get(j, S("parameters")), *answers = member(j, S("answers"), JSON_OBJECT);
	struct str name;
	enum err e;

	if (!version || version->i != STATE_VERSION || !now || !program || !language || !parameters || !answers ||
	    !json_get(j, S("full")) || !json_get(j, S("filled")) || j->count != 11u + !!json_get(j, S("drawn")) ||
	    (parameters->type != JSON_NULL && parameters->type != JSON_OBJECT) ||
	    !session_read_seed(member(j, S("seed"), JSON_STR), &in->seed) ||
	    !str_eq(program_language_pick(in->program, language->s), language->s))
		return ERR_INVALID;
	if ((e = session_read_full(json_get(j, S("full")), a, in)) ||
	    (e = session_read_drawn(json_get(j, S("drawn")), in)) ||
	    (e = session_read_filled(json_get(j, S("filled")), a, in)) || (e = program_name(in->program, a, &name)))
		return e;
	if (!str_eq(program->s, name))
		return ERR_INVALID;
	in->now_ms = now->i;
	in->language = language->s;
	in->parameters = parameters->type == JSON_OBJECT ? parameters : NULL;
	in->answers = answers;
	return OK;
}

/* Puts the respondent where they were; whether it is over follows from the answers. */
static enum err resume(struct session *s, const struct json *j)
{
	const struct json *page = member(j, S("page"), JSON_INT), *over = member(j, S("over"), JSON_BOOL);
	bool moved;
	enum err e;

	if (!page || !over || page->i < -1 || page->i >= (int64_t)s->program->page_count)
		return ERR_INVALID;
	s->page = (int32_t)page->i;
	if ((e = session_settle(s, s->page)))
		return e;
	if (!over->b)
		return OK;
	if ((e = session_move(s, 1, &moved)))
		return e;
	return s->over ? OK : ERR_INVALID;
}

enum err session_read(
    const struct arena_source *source, const struct program *p, struct str bytes, struct session **out)
{
	struct interview in = {.program = p};
	struct json_error why;
	struct json *j;
	struct arena a;
	enum err e;

	*out = NULL;
	arena_init(&a, source, ENGINE_ARENA_MAX_BYTES);
	e = json_read(&a, bytes, &state_limits, &j, &why);
	if (!e && !(e = read_start(j, &a, &in)) && !(e = session_start(source, &in, out)) && (e = resume(*out, j))) {
		session_end(*out);
		*out = NULL;
	}
	arena_free(&a);
	return e == ERR_UNREADABLE ? ERR_INVALID : e;
}

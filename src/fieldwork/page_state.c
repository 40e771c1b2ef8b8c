#include "fieldwork/page_state.h"
#include <string.h>
#include "base/limits.h"
#include "base/num.h"
#include "vault/vault.h"

/* Another purpose of tokens has another context, so one can never pass for the other. */
static const struct str token_context = {"fieldwork/page-state/1", 22};

static void put_object(struct json_out *w, struct str key, const struct json *object)
{
	if (!object || object->count == 0)
		return;
	json_key(w, key);
	json_put(w, object);
}

static void put_times(struct json_out *w, const struct page_state *s)
{
	if (s->time_count == 0)
		return;
	json_key(w, S("times"));
	json_open(w, '[');
	for (size_t i = 0; i < s->time_count; i++) {
		json_put_int(w, s->times[i].page);
		json_put_int(w, s->times[i].ms);
	}
	json_close(w, ']');
}

enum err page_state_write(const struct page_state *s, struct arena *a, struct str *json)
{
	char id[UUID_TEXT_BYTES];
	struct json_out w;
	struct buf b;

	uuid_text(&s->link_id, id);
	buf_init(&b, a, PAGE_STATE_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("link"), str_make(id, sizeof(id)));
	json_field_int(&w, S("version"), s->survey_version);
	json_field_int(&w, S("seed"), (int64_t)s->seed);
	json_field_int(&w, S("started"), s->started_ms);
	json_field_str(&w, S("lang"), s->language);
	json_field_int(&w, S("page"), s->page);
	json_field_str(&w, S("key"), s->key);
	if (!uuid_is_nil(&s->id)) {
		uuid_text(&s->id, id);
		json_field_str(&w, S("id"), str_make(id, sizeof(id)));
	}
	json_field_int(&w, S("percent"), s->percent);
	json_field_bool(&w, S("back"), s->back);
	json_key(&w, S("shown"));
	json_open(&w, '[');
	for (size_t i = 0; i < s->shown_count; i++)
		json_put_str(&w, s->shown[i]);
	json_close(&w, ']');
	if (s->filled_count > 0) {
		json_key(&w, S("filled"));
		json_open(&w, '[');
		for (size_t i = 0; i < s->filled_count; i++)
			json_put_int(&w, s->filled[i]);
		json_close(&w, ']');
	}
	if (s->drawn) {
		json_key(&w, S("drawn"));
		json_put(&w, s->drawn);
	}
	if (s->saved)
		json_field_bool(&w, S("saved"), true);
	if (s->proved)
		json_field_bool(&w, S("proved"), true);
	if (s->trapped)
		json_field_bool(&w, S("trapped"), true);
	if (s->device_id.n > 0)
		json_field_str(&w, S("device"), s->device_id);
	if (s->shown_ms)
		json_field_int(&w, S("open_since"), s->shown_ms);
	put_times(&w, s);
	put_object(&w, S("answers"), s->answers);
	put_object(&w, S("parameters"), s->parameters);
	put_object(&w, S("consents"), s->consents[0]);
	put_object(&w, S("personal_consents"), s->consents[1]);
	json_close(&w, '}');
	return buf_done(&b, json);
}

static bool read_int(const struct json *o, struct str key, int64_t *out)
{
	const struct json *v = json_get(o, key);

	if (!v || v->type != JSON_INT)
		return false;
	*out = v->i;
	return true;
}

static bool is_true(const struct json *o, struct str key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_BOOL && v->b;
}

static bool read_object(const struct json *o, struct str key, const struct json **out)
{
	*out = json_get(o, key);
	return !*out || (*out)->type == JSON_OBJECT;
}

static enum err read_shown(const struct json *doc, struct arena *a, struct page_state *out)
{
	const struct json *shown = json_get(doc, S("shown"));

	if (!shown || shown->type != JSON_ARRAY)
		return ERR_INVALID;
	out->shown_count = shown->count;
	if (!(out->shown = arena_array(a, struct str, shown->count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < shown->count; i++) {
		if (shown->items[i].type != JSON_STR)
			return ERR_INVALID;
		out->shown[i] = shown->items[i].s;
	}
	return OK;
}

static enum err read_filled(const struct json *doc, struct arena *a, struct page_state *out)
{
	const struct json *filled = json_get(doc, S("filled"));

	if (!filled)
		return OK;
	if (filled->type != JSON_ARRAY)
		return ERR_INVALID;
	if (!(out->filled = arena_array(a, int64_t, filled->count + 1)))
		return ERR_MEMORY;
	for (; out->filled_count < filled->count; out->filled_count++) {
		if (filled->items[out->filled_count].type != JSON_INT)
			return ERR_INVALID;
		out->filled[out->filled_count] = filled->items[out->filled_count].i;
	}
	return OK;
}

/* Left out where it is not sound: nobody's answers hang on it. */
static enum err read_times(const struct json *doc, struct arena *a, struct page_state *out)
{
	const struct json *times = json_get(doc, S("times"));
	size_t n = times && times->type == JSON_ARRAY ? times->count / 2 : 0;

	if (!(out->times = arena_array(a, struct page_time, n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const struct json *page = &times->items[2 * i], *ms = page + 1;

		if (page->type == JSON_INT && ms->type == JSON_INT && page->i >= 0 && page->i < SURVEY_PAGES_MAX)
			out->times[out->time_count++] = (struct page_time){(int32_t)page->i, ms->i};
	}
	return OK;
}

enum err page_state_read(struct str json, struct arena *a, struct page_state *out)
{
	struct json_error why;
	struct json *doc;
	int64_t seed, page, percent;
	const struct json *back;
	enum err e;

	*out = (struct page_state){0};
	if ((e = json_read(a, json, &json_limits_default, &doc, &why)))
		return e == ERR_MEMORY ? e : ERR_INVALID;
	if (!uuid_read(json_str_or(doc, S("link"), S("")), &out->link_id) ||
	    !read_int(doc, S("version"), &out->survey_version) || !read_int(doc, S("seed"), &seed) ||
	    !read_int(doc, S("started"), &out->started_ms) || !read_int(doc, S("page"), &page) ||
	    !read_int(doc, S("percent"), &percent) || !(back = json_get(doc, S("back"))) || back->type != JSON_BOOL)
		return ERR_INVALID;
	if (page < 0 || page > INT32_MAX || percent < 0 || percent > 100 ||
	    !read_object(doc, S("answers"), &out->answers) || !read_object(doc, S("parameters"), &out->parameters) ||
	    !read_object(doc, S("drawn"), &out->drawn) || !read_object(doc, S("consents"), &out->consents[0]) ||
	    !read_object(doc, S("personal_consents"), &out->consents[1]))
		return ERR_INVALID;
	out->seed = (uint64_t)seed;
	out->page = (int32_t)page;
	out->percent = (int32_t)percent;
	out->back = back->b;
	out->language = json_str_or(doc, S("lang"), S(""));
	out->key = json_str_or(doc, S("key"), S(""));
	if (out->key.n == 0)
		return ERR_INVALID;
	uuid_read(json_str_or(doc, S("id"), S("")), &out->id);
	out->saved = is_true(doc, S("saved"));
	out->proved = is_true(doc, S("proved"));
	out->trapped = is_true(doc, S("trapped"));
	out->device_id = json_str_or(doc, S("device"), S(""));
	read_int(doc, S("open_since"), &out->shown_ms);
	if ((e = read_filled(doc, a, out)) || (e = read_times(doc, a, out)))
		return e;
	return read_shown(doc, a, out);
}

/* A clock that was set back, or a page of before: no time is counted. */
static enum err count_time(struct page_state *s, int64_t now_ms, struct arena *a)
{
	struct page_time *all = arena_array(a, struct page_time, s->time_count + 1);
	size_t i = 0;

	if (!all)
		return ERR_MEMORY;
	if (s->time_count > 0)
		memcpy(all, s->times, s->time_count * sizeof *all);
	while (i < s->time_count && all[i].page != s->page)
		i++;
	if (i == s->time_count)
		all[s->time_count++] = (struct page_time){s->page, 0};
	if (s->shown_ms && now_ms > s->shown_ms)
		all[i].ms += now_ms - s->shown_ms;
	s->times = all;
	s->shown_ms = now_ms;
	return OK;
}

enum err page_state_leave(struct page_state *s, int64_t now_ms, struct arena *a, struct str *page_ms)
{
	char name[NUM_TEXT_MAX];
	struct json_out w;
	struct buf b;
	enum err e;

	if ((e = count_time(s, now_ms, a)))
		return e;
	buf_init(&b, a, 256 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (size_t i = 0; i < s->time_count; i++)
		json_field_int(&w, str_make(name, num_text(s->times[i].page, name)), s->times[i].ms);
	json_close(&w, '}');
	return buf_done(&b, page_ms);
}

enum err page_state_seal(struct vault *v, const struct page_state *s, struct arena *a, struct str *token)
{
	struct str plain;
	enum err e;

	if ((e = page_state_write(s, a, &plain)))
		return e;
	return vault_token_seal(v, token_context, plain, a, token);
}

int64_t page_state_at(const struct page_state *s)
{
	return s->shown_ms > s->started_ms ? s->shown_ms : s->started_ms;
}

enum err page_state_open(struct vault *v, struct str token, const struct uuid *link_id, int64_t now_ms, struct arena *a,
    struct page_state *out)
{
	struct str plain;
	enum err e;

	if ((e = vault_token_open(v, token_context, token, a, &plain)) || (e = page_state_read(plain, a, out)))
		return e;
	if (!uuid_eq(&out->link_id, link_id) || now_ms - page_state_at(out) > PAGE_STATE_MAX_AGE_MS)
		return ERR_INVALID;
	return OK;
}

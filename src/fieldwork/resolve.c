/* From a slug to what may be answered: the link and the version of its survey that runs, both from the cache. */
#include "fieldwork/link.h"
#include "survey/survey.h"
#include "sql.h"

/* ---- cached objects ---- */

static int64_t json_int_of(const struct json *o, struct str key)
{
	const struct json *v = json_get(o, key);

	return v && v->type == JSON_INT ? v->i : 0;
}

static enum err cached_document(struct arena *a, struct str bytes, struct json **doc)
{
	struct json_error why;

	return json_read(a, bytes, &json_limits_default, doc, &why) ? ERR_INTERNAL : OK;
}

static enum err link_make(struct arena *a, struct str bytes, void **object)
{
	struct link_view *l = arena_new(a, struct link_view);
	const struct json *once;
	struct json *doc;
	enum err e;

	if (!l)
		return ERR_MEMORY;
	if ((e = cached_document(a, bytes, &doc)))
		return e;
	l->slug = json_str_or(doc, S("slug"), S(""));
	l->title = json_str_or(doc, S("title"), S(""));
	l->language = json_str_or(doc, S("language"), S(""));
	l->status = json_str_or(doc, S("status"), S(""));
	l->embed = json_str_or(doc, S("embed"), S(""));
	l->password = json_str_or(doc, S("password"), S(""));
	l->panel = json_str_or(doc, S("panel"), S(""));
	l->test = str_eq(json_str_or(doc, S("kind"), S("")), S("test"));
	once = json_get(doc, S("once_per_device"));
	l->once_per_device = once && once->type == JSON_BOOL && once->b;
	l->single_use = str_eq(json_str_or(doc, S("kind"), S("")), S("single_use"));
	l->version = json_int_of(doc, S("version"));
	l->opens_ms = json_int_of(doc, S("opens_ms"));
	l->closes_ms = json_int_of(doc, S("closes_ms"));
	l->max_completes = json_int_of(doc, S("max_completes"));
	l->proof_bits = json_int_of(doc, S("proof_bits"));
	l->proof_flags = str_eq(json_str_or(doc, S("proof_mode"), S("")), S("flag"));
	if (!uuid_read(json_str_or(doc, S("tenant_id"), S("")), &l->tenant_id) ||
	    !uuid_read(json_str_or(doc, S("id"), S("")), &l->link_id) ||
	    !uuid_read(json_str_or(doc, S("survey_id"), S("")), &l->survey_id))
		return ERR_INTERNAL;
	*object = l;
	return OK;
}

static enum err json_text_of(struct arena *a, const struct json *v, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, PAGE_MAX_BYTES);
	json_out_init(&w, &b);
	if (v)
		json_put(&w, v);
	return buf_done(&b, out);
}

static bool copy_strs(struct arena *a, struct str *const *strs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str copy = str_dup(a, *strs[i]);

		if (!copy.p && strs[i]->n > 0)
			return false;
		*strs[i] = copy;
	}
	return true;
}

/* Of the view's own: the document's texts go with it. */
static enum err live_keep(struct arena *a, struct live_view *l)
{
	struct str *strs[] = {&l->status, &l->title, &l->language};

	if (!copy_strs(a, strs, countof(strs)))
		return ERR_MEMORY;
	for (size_t i = 0; i < l->parameter_count; i++) {
		struct str *both[] = {&l->parameters[i].name, &l->parameters[i].type};

		if (!copy_strs(a, both, countof(both)))
			return ERR_MEMORY;
	}
	return OK;
}

/* Its texts stand in the bytes or in the document, unless they are made here. */
static enum err live_read(struct arena *a, const struct json *doc, struct live_view *l)
{
	const struct json *parameters, *chars = json_get(doc, S("duplicate_chars"));
	enum err e;

	l->number = json_int_of(doc, S("number"));
	l->abandon_ms = json_int_of(doc, S("abandon_hours")) * 3600000;
	if (l->abandon_ms <= 0)
		l->abandon_ms = INTERVIEW_LEFT_MS;
	l->device_answers = json_int_of(doc, S("device_answers"));
	l->duplicate_chars = chars && chars->type == JSON_INT ? chars->i : PRINT_CHARS;
	l->lease_ms = 1000 * json_int_of(doc, S("lease_s"));
	l->status = json_str_or(doc, S("status"), S(""));
	l->title = json_str_or(doc, S("title"), S(""));
	l->language = json_str_or(doc, S("language"), S(""));
	if ((e = json_text_of(a, json_get(doc, S("languages")), &l->languages)) ||
	    (e = json_text_of(a, json_get(doc, S("definition")), &l->definition)))
		return e;
	parameters = json_get(doc, S("parameters"));
	for (uint32_t i = 0; parameters && i < parameters->count && l->parameter_count < PAGE_PARAMETERS_MAX; i++) {
		struct live_parameter *p = &l->parameters[l->parameter_count++];

		p->name = json_str_or(&parameters->items[i], S("name"), S(""));
		p->type = json_str_or(&parameters->items[i], S("type"), S("text"));
	}
	return uuid_read(json_str_or(doc, S("version_id"), S("")), &l->version_id) ? OK : ERR_INTERNAL;
}

/* The document read takes several times what is wanted of it, so it does not stay. */
static enum err live_make(struct arena *a, struct str bytes, void **object)
{
	struct live_view *l = arena_new(a, struct live_view);
	struct arena scratch;
	struct json *doc;
	enum err e;

	if (!l)
		return ERR_MEMORY;
	arena_init(&scratch, &arena_malloc, CACHE_ENTRY_MAX_BYTES);
	if (!(e = cached_document(&scratch, bytes, &doc)) && !(e = live_read(a, doc, l)))
		e = live_keep(a, l);
	arena_free(&scratch);
	*object = l;
	return e;
}

const struct cache_kind link_cache = {"link", 60000, 300, link_make};
static const struct cache_kind live_cache = {SURVEY_LIVE_KIND, 60000, 300, live_make};

/* ---- loading ---- */

struct load {
	struct req *rq;
	struct str slug;
	struct uuid survey_id;
};

static enum err link_load(void *ctx, struct arena *a, struct str *bytes)
{
	struct load *load = ctx;
	struct slug_row {
		struct uuid tenant_id, link_id;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct slug_row, tenant_id, PGT_UUID), COL(struct slug_row, link_id, PGT_UUID)};
	const struct pg_param in[] = {P_TEXT(load->slug)};
	enum err e;

	if ((e = tx_one(load->rq->tx, a, &Q(SQL_slug_find, in, cols), &row)))
		return e;
	if ((e = req_bind_tenant(load->rq, &row.tenant_id)))
		return e;
	const struct pg_param by_id[] = {P_UUID(&row.link_id)};

	return tx_json(load->rq->tx, a, &Q_NO_OUT(SQL_link_resolve, by_id), bytes);
}

static enum err live_load(void *ctx, struct arena *a, struct str *bytes)
{
	struct load *load = ctx;
	const struct pg_param in[] = {P_UUID(&load->survey_id), P_INT(QUOTA_LEASE_DEFAULT_S), P_INT(QUOTA_LEASE_MAX_S)};

	return tx_json(load->rq->tx, a, &Q_NO_OUT(SQL_survey_live, in), bytes);
}

/* ---- resolving ---- */

static enum err key_of(struct arena *a, struct str head, struct str tail, struct str *key)
{
	struct buf b;

	buf_init(&b, a, 256);
	buf_add(&b, head);
	buf_char(&b, ':');
	buf_add(&b, tail);
	return buf_done(&b, key);
}

static enum err cached(
    struct load *load, const struct cache_kind *kind, struct str key, unsigned flags, struct cache_entry **out)
{
	struct cache *c = load->rq->app->cache;

	if ((*out = cache_peek(c, kind, key)))
		return OK;
	if (!(flags & RESOLVE_MAY_WAIT))
		return ERR_AGAIN;
	return cache_get(c, kind, key, load->rq->arena, kind == &link_cache ? link_load : live_load, load, out);
}

static enum err take_link(struct load *load, unsigned flags, struct link_view *out)
{
	struct str *strs[] = {
	    &out->slug, &out->title, &out->language, &out->status, &out->embed, &out->password, &out->panel};
	struct cache_entry *pin;
	struct str key;
	bool copied;
	enum err e;

	if ((e = key_of(load->rq->arena, S("slug"), load->slug, &key)) ||
	    (e = cached(load, &link_cache, key, flags, &pin)))
		return e;
	*out = *(const struct link_view *)cache_object(pin);
	copied = copy_strs(load->rq->arena, strs, countof(strs));
	cache_release(load->rq->app->cache, pin);
	return copied ? OK : ERR_MEMORY;
}

/* The link in this process' memory, to be released; NULL. */
static struct cache_entry *peek(const struct app *app, struct str slug)
{
	const struct str head = S("slug:");
	char room[CACHE_KEY_MAX_BYTES];

	if (!app->cache || !slug_ok(slug) || slug.n > sizeof(room) - head.n)
		return NULL;
	memcpy(room, head.p, head.n);
	memcpy(room + head.n, slug.p, slug.n);
	return cache_peek(app->cache, &link_cache, str_make(room, head.n + slug.n));
}

bool link_known(const struct app *app, struct str slug, struct uuid *tenant, struct uuid *link)
{
	struct cache_entry *pin = peek(app, slug);
	const struct link_view *view;

	if (!pin)
		return false;
	view = cache_object(pin);
	*tenant = view->tenant_id;
	*link = view->link_id;
	cache_release(app->cache, pin);
	return true;
}

struct str embed_known(const struct app *app, struct arena *a, struct str slug)
{
	struct cache_entry *pin = peek(app, slug);
	struct str embed;

	if (!pin)
		return (struct str){0};
	embed = str_dup(a, ((const struct link_view *)cache_object(pin))->embed);
	cache_release(app->cache, pin);
	return embed;
}

static enum err take_live(struct load *load, const struct link_view *link, unsigned flags, struct live_view *out)
{
	struct str *strs[] = {&out->status, &out->title, &out->language, &out->languages, &out->definition};
	struct arena *a = load->rq->arena;
	struct cache_entry *pin;
	struct str key;
	bool copied;
	enum err e;

	load->survey_id = link->survey_id;
	if ((e = key_of(a, uuid_str(a, &link->tenant_id), uuid_str(a, &link->survey_id), &key)) ||
	    (e = cached(load, &live_cache, key, flags, &pin)))
		return e;
	*out = *(const struct live_view *)cache_object(pin);
	if (!(flags & RESOLVE_DEFINITION))
		out->definition = (struct str){0};
	copied = copy_strs(a, strs, countof(strs));
	for (size_t i = 0; copied && i < out->parameter_count; i++) {
		struct str *of_parameter[] = {&out->parameters[i].name, &out->parameters[i].type};

		copied = copy_strs(a, of_parameter, 2);
	}
	cache_release(load->rq->app->cache, pin);
	return copied ? OK : ERR_MEMORY;
}

static enum link_gate gate_of(const struct resolved *r, int64_t now_ms)
{
	if (!str_eq(r->link.status, S("open")) || !str_eq(r->live.status, S("published")))
		return GATE_CLOSED;
	if (r->link.closes_ms && now_ms >= r->link.closes_ms)
		return GATE_CLOSED;
	if (r->link.opens_ms && now_ms < r->link.opens_ms)
		return GATE_NOT_YET;
	return GATE_OPEN;
}

enum err resolve(struct req *rq, struct str slug, unsigned flags, struct resolved *out)
{
	struct load load = {.rq = rq, .slug = slug};
	enum err e;

	out->gate = GATE_UNKNOWN;
	if (!slug_ok(slug))
		return ERR_NOT_FOUND;
	if ((e = take_link(&load, flags, &out->link)))
		return e;
	if ((flags & RESOLVE_MAY_WAIT) && (e = req_bind_tenant(rq, &out->link.tenant_id)))
		return e;
	if ((e = take_live(&load, &out->link, flags, &out->live)))
		return e;
	rq->who.tenant_id = out->link.tenant_id;
	rq->survey_label = uuid_str(rq->arena, &out->link.survey_id);
	out->gate = gate_of(out, clock_now_ms());
	return OK;
}

enum err link_full(struct req *rq, const struct link_view *link, bool *full)
{
	struct used_row {
		int64_t used;
	} row;
	static const struct pg_col cols[] = {COL(struct used_row, used, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_UUID(&link->link_id)};
	enum err e;

	*full = false;
	if (!link->max_completes)
		return OK;
	if (!rq->tx)
		return ERR_AGAIN;
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_completed, in, cols), &row)))
		return e;
	*full = row.used >= link->max_completes;
	return OK;
}

enum err resolve_gate(struct req *rq, const struct resolved *r)
{
	switch (r->gate) {
	case GATE_OPEN:
		return OK;
	case GATE_NOT_YET:
		return req_fail(rq, ERR_NOT_FOUND, "", "this link is not open yet");
	case GATE_CLOSED:
		return req_fail(rq, ERR_GONE, "", "this link is closed");
	default:
		return ERR_NOT_FOUND;
	}
}

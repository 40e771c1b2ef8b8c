#include "fieldwork/marks.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "fieldwork/link_panel.h"
#include "sql.h"
#include "vault/vault.h"

enum err marks_text(struct arena *a, unsigned marks, struct str *text)
{
	struct buf b;

	*text = (struct str){0};
	if (!marks)
		return OK;
	buf_init(&b, a, 64);
	if (marks & MARK_HONEYPOT)
		buf_add(&b, S("honeypot"));
	if (marks & MARK_NO_PROOF)
		buf_add(&b, marks & MARK_HONEYPOT ? S(",no_proof") : S("no_proof"));
	return buf_done(&b, text);
}

/* ---- one print ---- */

struct printing {
	struct app *app;
	struct tx *tx;
	struct arena *a;
	const struct uuid *survey;
	struct json_out w;
	struct buf b;
	size_t n, texts;
	int64_t chars; /* that a text has at least; 0: texts have no prints */
};

static void printing_begin(struct printing *x)
{
	buf_init(&x->b, x->a, (PRINT_TEXTS_MAX + 2) * 256);
	json_out_init(&x->w, &x->b);
	json_open(&x->w, '[');
}

static enum err printing_end(struct printing *x, struct str *json)
{
	*json = (struct str){0};
	json_close(&x->w, ']');
	return x->n > 0 ? buf_done(&x->b, json) : OK;
}

/* `chars` as it is stored; 0: it is no text. */
static enum err put_print(struct printing *x, struct str kind, struct str what, int64_t chars)
{
	unsigned char mac[32];
	int64_t version;
	struct str text, hex;
	struct buf b;
	enum err e;

	buf_init(&b, x->a, what.n + 128);
	buf_add(&b, S("print/"));
	buf_add(&b, kind);
	buf_char(&b, '/');
	buf_add(&b, uuid_str(x->a, x->survey));
	buf_char(&b, '/');
	buf_add(&b, what);
	if ((e = buf_done(&b, &text)) || (e = vault_replay(x->app->vault, x->tx, 0, text, x->a, mac, &version)))
		return e;
	buf_init(&b, x->a, 2 * sizeof(mac));
	hex_put(&b, mac, sizeof(mac));
	if ((e = buf_done(&b, &hex)))
		return e;
	json_open(&x->w, '{');
	json_field_str(&x->w, S("kind"), kind);
	json_field_str(&x->w, S("print"), hex);
	if (chars > 0)
		json_field_int(&x->w, S("chars"), chars);
	json_close(&x->w, '}');
	x->n++;
	return OK;
}

/* ---- texts ---- */

static enum err put_text(struct printing *x, const struct json *v)
{
	struct str key;
	struct buf b;
	int64_t chars;
	enum err e;

	if (!v || v->type != JSON_STR || (int64_t)v->s.n < x->chars || x->texts == PRINT_TEXTS_MAX)
		return OK;
	buf_init(&b, x->a, 3 * v->s.n + 64);
	text_put_key(&b, v->s);
	if ((e = buf_done(&b, &key)))
		return e;
	chars = (int64_t)utf8_length(key);
	if (chars < x->chars)
		return OK;
	x->texts++;
	return put_print(x, S("text"), key, chars);
}

/* A text, or those of the items. */
static enum err put_answer(struct printing *x, const struct export_column *c, const struct json *v)
{
	enum err e = OK;

	if (c->item_count == 0 || !v || v->type != JSON_OBJECT)
		return put_text(x, v);
	for (uint32_t i = 0; !e && i < v->count; i++)
		e = put_text(x, &v->members[i].value);
	return e;
}

static enum err put_column(struct printing *x, const struct export_column *c, const struct json *answers)
{
	const struct json *records;
	enum err e = OK;

	if (c->roster.n == 0)
		return put_answer(x, c, json_get(answers, c->key.n > 0 ? c->key : c->name));
	records = json_get(answers, c->roster);
	for (uint32_t i = 0; !e && records && records->type == JSON_ARRAY && i < records->count; i++)
		e = put_answer(x, c, json_get(&records->items[i], c->member));
	return e;
}

static bool is_open(const struct export_column *c)
{
	return !c->personal && c->record <= 1 &&
	       (str_eq(c->type, S("text")) || str_eq(c->type, S("other_text")) || str_eq(c->type, S("multi_text")));
}

/* Whether there is a string in it that could be such a text: of most answers none is, and the columns need not be looked at. */
static bool has_long(const struct json *v, int64_t chars)
{
	if (v->type == JSON_STR)
		return (int64_t)v->s.n >= chars;
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->count; i++)
		if (has_long(&v->members[i].value, chars))
			return true;
	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->count; i++)
		if (has_long(&v->items[i], chars))
			return true;
	return false;
}

static enum err put_texts(struct printing *x, const struct program *program, struct str text)
{
	struct export_column *columns;
	struct json_error why;
	struct json *answers;
	size_t n;
	enum err e;

	if (x->chars <= 0 || (int64_t)text.n < x->chars)
		return OK;
	if (json_read(x->a, text, &json_limits_default, &answers, &why))
		return ERR_INTERNAL;
	if (!has_long(answers, x->chars))
		return OK;
	e = program_columns(program, program_language(program), x->a, &columns, &n);
	for (size_t i = 0; !e && i < n; i++)
		if (is_open(&columns[i]))
			e = put_column(x, &columns[i], answers);
	return e;
}

/* ---- of an answer ---- */

enum err prints_rows(struct app *app, struct tx *tx, struct arena *a, const struct response *r, struct str *json)
{
	struct printing x = {.app = app, .tx = tx, .a = a, .survey = &r->link->survey_id, .chars = r->text_chars};
	struct str panelist = panelist_of(r->link, r->key);
	enum err e;

	*json = (struct str){0};
	if (r->keep.open || r->link->test || !str_eq(r->verdict->status, S("completed")))
		return OK;
	printing_begin(&x);
	if ((r->device_id.n > 0 && (e = put_print(&x, S("device"), r->device_id, 0))) ||
	    (panelist.n > 0 && (e = put_print(&x, S("panelist"), panelist, 0))) ||
	    (e = put_texts(&x, r->program, r->verdict->answers)))
		return e;
	return printing_end(&x, json);
}

enum err prints_renew(struct app *app, struct tx *tx, struct arena *a, const struct program *program,
    const struct uuid ids[2], int64_t chars, struct str answers)
{
	struct printing x = {.app = app, .tx = tx, .a = a, .survey = &ids[0], .chars = chars};
	struct str json;
	enum err e;

	printing_begin(&x);
	if ((e = put_texts(&x, program, answers)) || (e = printing_end(&x, &json)))
		return e;
	const struct pg_param in[] = {P_UUID(&ids[0]), P_UUID(&ids[1]), P_JSON(json.n > 0 ? json : S("[]"))};

	return tx_queue(tx, &Q_NO_OUT(SQL_response_prints_renew, in));
}

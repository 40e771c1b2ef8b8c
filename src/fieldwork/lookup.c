/* lookup.c - the blind index: who holds an e-mail address or a phone number finds the answers that do, and nobody reads either from the table. */
#include "base/hash.h"
#include "core/config.h"
#include "core/contact.h"
#include "event/event.h"
#include "fieldwork/sealing.h"
#include "sql.h"
#include "vault/vault.h"

#define LOOKUP_ROWS_MAX_BYTES (512 * KB)

/* ---- one form ---- */

enum err contact_normal(enum contact_kind kind, struct str text, int64_t country, struct arena *a, struct str *out)
{
	struct contact_form form;
	struct buf b;

	if (!(kind == CONTACT_EMAIL ? contact_email(text, &form) : contact_phone(text, country, &form)))
		return ERR_INVALID;
	buf_init(&b, a, sizeof form.text);
	buf_add(&b, str_make(form.text, form.n));
	return buf_done(&b, out);
}

static enum err hash(struct app *app, struct tx *tx, enum contact_kind kind, struct str normal, int64_t version,
    struct arena *a, unsigned char mac[32], int64_t *used)
{
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, a, normal.n + 16);
	buf_add(&b, kind == CONTACT_EMAIL ? S("email|") : S("phone|"));
	buf_add(&b, normal);
	if ((e = buf_done(&b, &text)))
		return e;
	return vault_index(app->vault, tx, version, text, a, mac, used);
}

/* ---- writing ---- */

struct adding {
	struct app *app;
	struct tx *tx;
	struct arena *a;
	struct json_out w;
	int64_t key_version;
	size_t n;
};

static enum err add_value(struct adding *x, const struct contact *c, const struct json *answer)
{
	const struct json *v = c->item.n > 0 ? json_get(answer, c->item) : answer;
	int64_t country = x->app->config ? config_int(x->app->config, CFG_phone_country) : 0;
	unsigned char mac[32];
	struct str normal, name = S("");
	struct buf b, hex;
	enum err e;

	if (!v || v->type != JSON_STR || (e = contact_normal(c->kind, v->s, country, x->a, &normal)) == ERR_INVALID)
		return OK;
	if (e || (e = hash(x->app, x->tx, c->kind, normal, 0, x->a, mac, &x->key_version)))
		return e;
	buf_init(&b, x->a, KB);
	buf_add(&b, c->roster);
	buf_add(&b, c->roster.n > 0 ? S("/") : S(""));
	buf_add(&b, c->question);
	buf_add(&b, c->item.n > 0 ? S("/") : S(""));
	buf_add(&b, c->item);
	buf_init(&hex, x->a, 128);
	hex_put(&hex, mac, sizeof mac);
	if ((e = buf_done(&b, &name)) || (e = buf_done(&hex, &normal)))
		return e;
	json_open(&x->w, '{');
	json_field_str(&x->w, S("question"), name);
	json_field_str(&x->w, S("kind"), c->kind == CONTACT_EMAIL ? S("email") : S("phone"));
	json_field_str(&x->w, S("hash"), normal);
	json_close(&x->w, '}');
	x->n++;
	return OK;
}

static enum err add_contact(struct adding *x, const struct contact *c, const struct json *personal)
{
	const struct json *records = c->roster.n > 0 ? json_get(personal, c->roster) : NULL;
	enum err e = OK;

	if (c->roster.n == 0)
		return add_value(x, c, json_get(personal, c->question));
	for (uint32_t i = 0; !e && records && records->type == JSON_ARRAY && i < records->count; i++)
		e = add_value(x, c, json_get(&records->items[i], c->question));
	return e;
}

enum err lookups_rows(struct app *app, struct tx *tx, const struct program *program, struct str personal,
    struct arena *a, struct lookup_rows *out)
{
	struct adding x = {.app = app, .tx = tx, .a = a};
	struct json_error why;
	struct contact *list;
	struct json *doc;
	struct buf b;
	size_t n;
	enum err e;

	*out = (struct lookup_rows){0};
	if (str_eq(personal, S("{}")))
		return OK;
	if ((e = program_contacts(program, a, &list, &n)) || n == 0)
		return e;
	if (json_read(a, personal, &json_limits_default, &doc, &why))
		return ERR_INTERNAL;
	buf_init(&b, a, LOOKUP_ROWS_MAX_BYTES);
	json_out_init(&x.w, &b);
	json_open(&x.w, '[');
	for (size_t i = 0; i < n; i++)
		if ((e = add_contact(&x, &list[i], doc)))
			return e;
	json_close(&x.w, ']');
	if (x.n == 0)
		return OK;
	out->key_version = x.key_version;
	return buf_done(&b, &out->json);
}

enum err lookups_add(struct app *app, struct tx *tx, const struct program *program, const struct uuid *survey,
    const struct uuid *response, struct str personal, struct arena *a)
{
	struct lookup_rows rows;
	enum err e;

	if ((e = lookups_rows(app, tx, program, personal, a, &rows)) || rows.json.n == 0)
		return e;
	const struct pg_param in[] = {P_UUID(survey), P_UUID(response), P_INT(rows.key_version), P_JSON(rows.json)};

	return tx_queue(tx, &Q_NO_OUT(SQL_response_lookups_add, in));
}

enum err lookups_clear(struct tx *tx)
{
	enum err e = tx_exec(tx, &(struct query){&SQL_payloads_clear, NULL, 0, NULL, 0}, NULL);

	return e ? e : tx_exec(tx, &(struct query){&SQL_response_lookups_clear, NULL, 0, NULL, 0}, NULL);
}

/* ---- reading ---- */

static enum err hashes(struct app *app, struct tx *tx, struct arena *a, const struct contact_ask *ask, struct str *json)
{
	int64_t *versions, used, country = config_int(app->config, CFG_phone_country);
	unsigned char mac[32];
	struct str normal, text;
	struct json_out w;
	struct buf b, hex;
	size_t n;
	enum err e;

	if ((e = contact_normal(ask->phone ? CONTACT_PHONE : CONTACT_EMAIL, ask->text, country, a, &normal)) ||
	    (e = vault_versions(tx, VAULT_INDEX, a, &versions, &n)))
		return e;
	buf_init(&b, a, 8 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++) {
		buf_init(&hex, a, 128);
		if ((e = hash(app, tx, ask->phone ? CONTACT_PHONE : CONTACT_EMAIL, normal, versions[i], a, mac, &used)))
			return e;
		hex_put(&hex, mac, sizeof mac);
		if ((e = buf_done(&hex, &text)))
			return e;
		json_put_str(&w, text);
	}
	json_close(&w, ']');
	return buf_done(&b, json);
}

enum err response_lookup(struct app *app, struct tx *tx, struct arena *a, const struct contact_ask *ask,
    struct response_ref **out, size_t *n)
{
	static const struct pg_col cols[] = {COL(struct response_ref, survey_id, PGT_UUID),
	    COL(struct response_ref, response_id, PGT_UUID), COL(struct response_ref, question, PGT_TEXT),
	    COL(struct response_ref, json, PGT_JSON)};
	struct str list;
	enum err e;

	if ((e = hashes(app, tx, a, ask, &list)))
		return e;
	const struct pg_param in[] = {
	    P_JSON(list), P_TEXT(ask->phone ? S("phone") : S("email")), P_INT(LOOKUP_FOUND_MAX)};

	return tx_rows(tx, a, &Q(SQL_response_lookup, in, cols), sizeof **out, (void **)out, n);
}

#include "fieldwork/sealing.h"
#include "vault/vault.h"

static enum err rest_text(struct arena *a, const struct plain_answer *in, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, in->answers.n + in->consents.n + 64);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_raw(&w, S("answers"), in->answers);
	json_field_raw(&w, S("consents"), in->consents);
	json_close(&w, '}');
	return buf_done(&b, out);
}

enum err personal_seal(struct app *app, struct tx *tx, const struct answer_row *row, struct str personal,
    struct arena *a, struct sealed_piece *piece)
{
	const struct seal_place place = {S("responses"), S("sealed"), row->id, row->survey};

	*piece = (struct sealed_piece){0};
	if (str_eq(personal, S("{}")))
		return OK;
	return vault_seal(app->vault, tx, VAULT_PII, &place, personal, a, &piece->bytes, &piece->key_version);
}

enum err rest_seal(struct app *app, struct tx *tx, const struct answer_row *row, const struct plain_answer *in,
    struct arena *a, struct sealed_piece *piece)
{
	const struct seal_place place = {S("responses"), S("answers_sealed"), row->id, row->survey};
	struct str text;
	enum err e;

	if ((e = rest_text(a, in, &text)))
		return e;
	return vault_seal(app->vault, tx, VAULT_RESPONSE, &place, text, a, &piece->bytes, &piece->key_version);
}

enum err answer_seal(struct app *app, struct tx *tx, const struct answer_row *row, const struct plain_answer *in,
    struct arena *a, struct sealed_answer *out)
{
	bool all;
	enum err e;

	*out = (struct sealed_answer){.answers = in->answers, .consents = in->consents};
	if ((e = vault_seals_all(app->vault, tx, a, &all)) ||
	    (e = personal_seal(app, tx, row, in->personal, a, &out->personal)) || !all)
		return e;
	out->answers = out->consents = S("{}");
	return rest_seal(app, tx, row, in, a, &out->rest);
}

enum err personal_open(struct app *app, struct tx *tx, const struct answer_row *row, const struct sealed_piece *piece,
    struct arena *a, struct str *personal)
{
	const struct seal_place place = {S("responses"), S("sealed"), row->id, row->survey};

	*personal = S("{}");
	if (piece->bytes.n == 0)
		return OK;
	return vault_unseal(app->vault, tx, VAULT_PII, &place, piece->key_version, piece->bytes, a, personal);
}

static enum err member_text(struct arena *a, const struct json *doc, struct str name, size_t room, struct str *out)
{
	const struct json *v = json_get(doc, name);
	struct json_out w;
	struct buf b;

	if (!v || v->type != JSON_OBJECT)
		return ERR_INVALID;
	buf_init(&b, a, 2 * room + 64);
	json_out_init(&w, &b);
	json_put(&w, v);
	return buf_done(&b, out);
}

enum err rest_open(struct app *app, struct tx *tx, const struct answer_row *row, const struct sealed_piece *piece,
    struct arena *a, struct str *answers, struct str *consents)
{
	const struct seal_place place = {S("responses"), S("answers_sealed"), row->id, row->survey};
	struct json_error why;
	struct json *doc;
	struct str text;
	enum err e;

	if ((e = vault_unseal(app->vault, tx, VAULT_RESPONSE, &place, piece->key_version, piece->bytes, a, &text)))
		return e;
	if (json_read(a, text, &json_limits_default, &doc, &why))
		return ERR_INVALID;
	if ((e = member_text(a, doc, S("answers"), text.n, answers)))
		return e;
	return member_text(a, doc, S("consents"), text.n, consents);
}

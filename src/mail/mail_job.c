/* mail_job.c - a mail as a job: sealed when it is asked for, opened when it is sent. */
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "mail/mail.h"
#include "mail/mail_message.h"
#include "mail/mail_text.h"
#include "sql.h"
#include "vault/vault.h"

#define ATTEMPTS 8
#define LEASE_S 90 /* more than MAIL_TIMEOUT_MS: a mail is not sent twice because a server is slow */
#define BACKOFF_S 30
#define SEALED_MAX_BYTES (32 * KB)

static enum err mail_run(struct job *job);

const struct job_type mail_job = {.name = "mail.send",
    .run = mail_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .priority = -1, /* somebody waits for it */
    .about = "Sends one mail"};

/* ---- asking ---- */

static bool is_text(struct str s)
{
	return utf8_valid(s) && !str_find_char(s, '\0', NULL);
}

static bool has_value(const struct mail *mail, struct str name)
{
	for (size_t i = 0; i < mail->value_count; i++)
		if (str_eq(name, str_from(mail->values[i].name)))
			return is_text(mail->values[i].value);
	return false;
}

/* What can never be sent is refused while somebody is there to hear it. */
static bool fits(const struct mail *mail)
{
	struct str rest = str_from(mail_kind_values(mail->kind)), name;
	bool more = true;

	while (more) {
		name = str_cut(&rest, ' ', &more);
		if (!has_value(mail, name))
			return false;
	}
	return mail_address_fits(mail->to) && mail->value_count <= MAIL_VALUES_MAX &&
	       (mail->path.n > 0) == mail_kind_has_link(mail->kind) &&
	       mail->path.n + (mail->account ? MAIL_STAMP_CHARS + 1 : 0) <= MAIL_PATH_MAX_BYTES &&
	       is_text(mail->path) && is_text(mail->language);
}

static enum err write_plain(struct arena *a, const struct mail *mail, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, SEALED_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("to"), mail->to);
	json_field_str(&w, S("language"), mail->language);
	json_field_str(&w, S("path"), mail->path);
	json_field_bool(&w, S("account"), mail->account);
	json_key(&w, S("values"));
	json_open(&w, '{');
	for (size_t i = 0; i < mail->value_count; i++) {
		json_key(&w, str_from(mail->values[i].name));
		json_put_str(&w, utf8_clip(mail->values[i].value, MAIL_VALUE_MAX_CHARS));
	}
	json_close(&w, '}');
	json_close(&w, '}');
	return buf_done(&b, out) ? ERR_INVALID : OK;
}

static enum err write_payload(
    struct arena *a, enum mail_kind kind, const struct uuid *id, int64_t version, struct str sealed, struct str *out)
{
	char text[UUID_TEXT_BYTES];
	struct str coded;
	struct json_out w;
	struct buf b;

	buf_init(&b, a, JOB_PAYLOAD_MAX_BYTES);
	base64url_put(&b, (const unsigned char *)sealed.p, sealed.n);
	if (buf_done(&b, &coded))
		return ERR_MEMORY;
	uuid_text(id, text);
	buf_init(&b, a, JOB_PAYLOAD_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("kind"), str_from(mail_kind_name(kind)));
	json_field_str(&w, S("mail"), str_make(text, sizeof text));
	json_field_str(&w, S("key_purpose"), vault_purpose_name(VAULT_SECRET));
	json_field_int(&w, S("key_version"), version);
	json_field_str(&w, S("sealed"), coded);
	json_close(&w, '}');
	return buf_done(&b, out) ? ERR_MEMORY : OK;
}

enum err mail_add(struct app *app, struct tx *tx, struct arena *a, const struct mail *mail, struct uuid *job)
{
	struct uuid id = uuid_new();
	const struct seal_place place = {S("job_records"), S("payload"), &id};
	struct job_new in = {.type = &mail_job};
	struct str plain, sealed;
	int64_t version;
	enum err e;

	if (!fits(mail))
		return ERR_INVALID;
	if ((e = write_plain(a, mail, &plain)) ||
	    (e = vault_seal(app->vault, tx, VAULT_SECRET, &place, plain, a, &sealed, &version)) ||
	    (e = write_payload(a, mail->kind, &id, version, sealed, &in.payload)))
		return e;
	return job_add(tx, a, &in, job);
}

/* ---- sending ---- */

struct opened {
	struct job *job;
	struct uuid id;
	enum vault_purpose purpose;
	int64_t version;
	struct str sealed, plain;
};

static enum err unseal(struct tx *tx, void *ctx)
{
	struct opened *o = ctx;
	const struct seal_place place = {S("job_records"), S("payload"), &o->id};

	return vault_unseal(
	    o->job->app->vault, tx, o->purpose, &place, o->version, o->sealed, o->job->arena, &o->plain);
}

static bool read_payload(struct job *job, enum mail_kind *kind, struct opened *out)
{
	const struct json *version = json_get(job->payload, S("key_version"));

	*out = (struct opened){.job = job, .version = version && version->type == JSON_INT ? version->i : 0};
	/* release 0.1 sealed mails like personal answers and did not say so */
	if (!vault_purpose_read(json_str_or(job->payload, S("key_purpose"), S("pii")), &out->purpose))
		return false;
	return mail_kind_read(json_str_or(job->payload, S("kind"), S("")), kind) &&
	       uuid_read(json_str_or(job->payload, S("mail"), S("")), &out->id) &&
	       !base64url_read(job->arena, json_str_or(job->payload, S("sealed"), S("")), &out->sealed);
}

static enum err read_mail(struct arena *a, struct str plain, struct mail *out, struct mail_value *values)
{
	const struct json *given;
	struct json_error why;
	struct json *doc;
	enum err e = json_read(a, plain, &json_limits_default, &doc, &why);

	if (e)
		return e;
	out->to = json_str_or(doc, S("to"), S(""));
	out->language = json_str_or(doc, S("language"), S(""));
	out->path = json_str_or(doc, S("path"), S(""));
	given = json_get(doc, S("account"));
	out->account = given && given->type == JSON_BOOL && given->b;
	out->values = values;
	given = json_get(doc, S("values"));
	for (uint32_t i = 0; given && given->type == JSON_OBJECT && i < given->count && i < MAIL_VALUES_MAX; i++) {
		values[i].name = str_cstr(a, given->members[i].key);
		values[i].value = json_str_or(given, given->members[i].key, S(""));
		if (!values[i].name)
			return ERR_MEMORY;
		out->value_count++;
	}
	return OK;
}

struct account {
	struct str email, locale, stamp;
};

struct looked_up {
	struct job *job;
	struct str to;
	struct account *rows;
	size_t n;
};

static enum err look_up(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct account, email, PGT_TEXT),
	    COL(struct account, locale, PGT_TEXT), COL(struct account, stamp, PGT_TEXT)};
	struct looked_up *l = ctx;
	const struct pg_param in[] = {P_TEXT(l->to)};

	return tx_rows(tx, l->job->arena, &Q(SQL_mail_account, in, cols), sizeof *l->rows, (void **)&l->rows, &l->n);
}

/* *nobody: there is no such account. */
static enum err to_account(struct job *job, struct mail *mail, bool *nobody)
{
	struct looked_up l = {.job = job, .to = mail->to};
	struct buf b;
	enum err e;

	if ((e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, look_up, &l)))
		return e;
	*nobody = l.n == 0;
	if (l.n == 0)
		return OK;
	mail->to = l.rows[0].email;
	mail->language = l.rows[0].locale;
	if (mail->path.n == 0)
		return OK;
	buf_init(&b, job->arena, MAIL_PATH_MAX_BYTES);
	buf_add(&b, mail->path);
	buf_char(&b, '.');
	buf_add(&b, l.rows[0].stamp);
	return buf_done(&b, &mail->path);
}

static enum err mail_run(struct job *job)
{
	struct mail_value values[MAIL_VALUES_MAX];
	struct mail mail = {0};
	bool nobody = false;
	struct opened o;
	enum err e;

	if (!read_payload(job, &mail.kind, &o))
		return job_give_up(job, ERR_INVALID, "the mail cannot be read");
	e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, unseal, &o);
	if (e == ERR_INVALID || e == ERR_GONE)
		return job_give_up(job, e, "the mail cannot be opened: its key is gone");
	if (e || (e = read_mail(job->arena, o.plain, &mail, values)) ||
	    (mail.account && (e = to_account(job, &mail, &nobody))) || (e = job_check(job)))
		return e;
	if (nobody)
		return OK;
	e = mail_send(job->app->mailer, job->arena, &mail, &job->id);
	switch (e) {
	case OK:
		return job_complete(job, NULL, NULL, S(""));
	case ERR_INVALID:
		return job_give_up(job, e, "the mail server refuses the mail or its addressee");
	case ERR_SETTING:
		return job_fail(job, e, "the server's public address is not known (setting public_url)");
	default:
		/* stopped on the way: that is not the mail's failure */
		return job_check(job) ? ERR_AGAIN : job_fail(job, e, "the mail could not be delivered");
	}
}

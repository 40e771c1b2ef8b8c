/* The file of an export, as JSON or as plain text. */
#include "privacy/privacy_file.h"
#include "event/event.h"
#include "privacy/privacy_words.h"
#include "sql.h"
#include "vault/vault.h"

static const struct field response_fields[] = {
    OUT("survey", FT_TEXT, REQUIRED, "Title of the survey"),
    OUT("response_id", FT_UUID, REQUIRED, "Answer"),
    OUT("stored_at", FT_TIME, REQUIRED, "When it came in"),
    OUT("parameters", FT_OBJECT, REQUIRED, "What the address that was opened said"),
    OUT("consents", FT_OBJECT, REQUIRED, "What was agreed to: text shown, language and time"),
};
static const struct shape response_shape = {"PersonResponse", 0, response_fields, countof(response_fields), true};
static const struct field file_fields[] = {
    OUT("format", FT_TEXT, REQUIRED, "collect-person-1"),
    OUT("made_at", FT_TIME, REQUIRED, "When it was gathered"),
    OUT("named_by", FT_TEXT, REQUIRED, "By what the person was named: email, phone, response, user"),
    OUT("person", FT_OBJECT, REQUIRED,
	"What there is besides answers: membership, invitations, and what codes of links bring along"),
    OUT("responses", FT_LIST, REQUIRED, "Answers, each question with its words", .shape = &response_shape),
};
const struct shape privacy_file_out = SHAPE_OUT("PersonFile", file_fields);

struct part_row {
	int64_t part, key_version;
	struct str sealed;
};

struct file {
	struct req *rq;
	bool text;
	struct str made_at, subject;
	struct tx *rows;
	struct arena own, scratch; /* of the stream; of one piece */
	int64_t sent;
};

/* ---- pieces ---- */

static enum err open_piece(struct file *f, const struct part_row *row, struct str *plain)
{
	struct seal_place place = {.table = S("privacy_parts"), .row = &f->rq->ids[0]};
	struct app *app = f->rq->app;
	struct tx *keys;
	struct buf b;
	enum err e;

	buf_init(&b, &f->scratch, 64);
	buf_add(&b, S("sealed."));
	buf_int(&b, row->part);
	if ((e = buf_done(&b, &place.column)))
		return e;
	/* `rows` is busy; see the CSV of answers. */
	if ((e = tx_open(app, PG_APP, true, &f->rq->who.tenant_id, &f->scratch, &keys)))
		return e;
	e = vault_unseal(app->vault, keys, VAULT_SECRET, &place, row->key_version, row->sealed, &f->scratch, plain);
	tx_rollback(keys);
	return e == ERR_INVALID ? ERR_INTERNAL : e;
}

/* Piece 0 comes first and is the person; in JSON the others are a list behind it. */
static enum err put_piece(void *ctx, const void *fetched)
{
	const struct part_row *row = fetched;
	struct file *f = ctx;
	struct json_error why;
	struct str plain, bytes;
	struct json *piece;
	struct buf b;
	enum err e;

	arena_reset(&f->scratch);
	if ((e = open_piece(f, row, &plain)))
		return e;
	buf_init(&b, &f->scratch, REQUEST_ARENA_MAX_BYTES / 2);
	if (f->text) {
		if (json_read(&f->scratch, plain, &json_limits_default, &piece, &why))
			return ERR_INTERNAL;
		piece_as_text(piece, &b);
	} else {
		buf_add(&b, row->part == 0 ? S(",\n\"person\": ") : S(""));
		buf_add(&b, row->part > 0 && f->sent > 1 ? S(",\n") : S(""));
		buf_add(&b, plain);
		buf_add(&b, row->part == 0 ? S(",\n\"responses\": [") : S(""));
	}
	f->sent++;
	return (e = buf_done(&b, &bytes)) ? e : http_stream_write(f->rq->x, bytes);
}

/* ---- the reply ---- */

static enum err put_head(struct file *f)
{
	struct str bytes;
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, &f->own, KB);
	if (f->text) {
		buf_add(&b, S("made_at: "));
		buf_add(&b, f->made_at);
		buf_add(&b, S("\n\n"));
	} else {
		json_out_init(&w, &b);
		json_open(&w, '{');
		json_field_str(&w, S("format"), S("collect-person-1"));
		json_field_str(&w, S("made_at"), f->made_at);
		json_field_str(&w, S("named_by"), f->subject);
	}
	return (e = buf_done(&b, &bytes)) ? e : http_stream_write(f->rq->x, bytes);
}

static enum err stream(struct file *f)
{
	static const struct pg_col cols[] = {COL(struct part_row, part, PGT_INT),
	    COL(struct part_row, key_version, PGT_INT), COL(struct part_row, sealed, PGT_BYTES)};
	const struct pg_param in[] = {P_UUID(&f->rq->ids[0])};
	enum err e;

	reply_text(f->rq, 200, f->text ? S("text/plain; charset=utf-8") : S("application/json"), S(""));
	if (f->text)
		reply_header(f->rq, S("Content-Disposition"), S("attachment; filename=\"person.txt\""));
	reply_header(f->rq, S("Cache-Control"), S("no-store"));
	if (f->rq->x->method == HTTP_HEAD)
		return OK;
	if ((e = http_stream_begin(f->rq->x)) || (e = put_head(f)) ||
	    (e = tx_each(f->rows, &Q(SQL_privacy_parts, in, cols), sizeof(struct part_row), put_piece, f)))
		return e;
	return f->text ? OK : http_stream_write(f->rq->x, S("]}\n"));
}

static enum err open_and_stream(struct file *f)
{
	const struct uuid *tenant = &f->rq->who.tenant_id;
	struct app *app = f->rq->app;
	enum err e;

	if ((e = tx_open(app, PG_APP, true, tenant, &f->own, &f->rows)))
		return e;
	return stream(f);
}

/* In the log of each survey whose answers are in the file. */
static enum err tell_surveys(struct req *rq)
{
	struct survey_row {
		struct uuid survey_id;
		int64_t responses;
		struct str ids;
	} * rows;
	static const struct pg_col cols[] = {COL(struct survey_row, survey_id, PGT_UUID),
	    COL(struct survey_row, responses, PGT_INT), COL(struct survey_row, ids, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	void *found;
	size_t n;
	enum err e = tx_rows(rq->tx, rq->arena, &Q(SQL_privacy_parts_surveys, in, cols), sizeof(*rows), &found, &n);

	rows = found;
	for (size_t i = 0; !e && i < n; i++)
		e = event_personal_read(
		    rq, &rows[i].survey_id, rows[i].responses, rows[i].responses <= 100 ? rows[i].ids : S(""));
	return e;
}

/* The download is counted and told before a byte of it goes out: no event, no file. */
static enum err write_down(struct file *f)
{
	struct download_row {
		int64_t version;
		struct str made_at, subject_kind;
	} row;
	static const struct pg_col cols[] = {COL(struct download_row, version, PGT_INT),
	    COL(struct download_row, made_at, PGT_TEXT), COL(struct download_row, subject_kind, PGT_TEXT)};
	struct req *rq = f->rq;
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	struct str known;
	enum err e;

	e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_privacy_export_known, in), &known);
	if (e)
		return e;
	e = tx_one(rq->tx, rq->arena, &Q(SQL_privacy_export_downloaded, in, cols), &row);
	if (e == ERR_NOT_FOUND)
		return req_fail(
		    rq, ERR_CONFLICT, NULL, "There is no file: its job has not ended, or its time is over.");
	if (e)
		return e;
	f->made_at = row.made_at;
	f->subject = row.subject_kind;
	if ((e = event_append(rq->tx,
		 &(struct event){S("privacy_request"), &rq->ids[0], S("personal_data.read"), S(""), row.version})) ||
	    (e = tell_surveys(rq)))
		return e;
	e = tx_commit(rq->tx);
	rq->tx = NULL;
	return e;
}

enum err privacy_file_http(struct req *rq)
{
	struct file f = {.rq = rq, .text = rq->route->out_type != NULL};
	enum err e = write_down(&f);

	if (e)
		return e;
	arena_init(&f.own, &arena_malloc, REQUEST_ARENA_MAX_BYTES);
	arena_init(&f.scratch, &arena_malloc, REQUEST_ARENA_MAX_BYTES);
	e = open_and_stream(&f);
	if (f.rows)
		tx_rollback(f.rows);
	arena_free(&f.own);
	arena_free(&f.scratch);
	return e;
}

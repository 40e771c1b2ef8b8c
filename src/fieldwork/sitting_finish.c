/* The end of an interview on the pages: judged as a whole, written once, and a goodbye. */
#include "base/hash.h"
#include "fieldwork/keeping.h"
#include "fieldwork/link_proof.h"
#include "fieldwork/page_html.h"
#include "fieldwork/sitting.h"
#include "fieldwork/writing.h"
#include "sql.h"
#include "vault/vault.h"

/* The same members as the body of POST .../responses, in canonical order. */
static enum err payload_hash(struct sitting *s, unsigned char hash[32])
{
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, s->rq->arena, RESPONSE_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("answers"));
	if (s->state.answers)
		json_put_canonical(&w, s->state.answers);
	else
		json_put_raw(&w, S("{}"));
	json_field_str(&w, S("language"), s->state.language);
	json_key(&w, S("parameters"));
	if (s->state.parameters)
		json_put_canonical(&w, s->state.parameters);
	else
		json_put_raw(&w, S("{}"));
	json_close(&w, '}');
	if ((e = buf_done(&b, &text)))
		return e;
	sha256_of(text, hash);
	return OK;
}

/* ---- somebody else's ---- */

/* A panelist's id stands in his address, so a page that has not the id of his interview learns nothing of it, and changes nothing. */
static bool is_anothers(const struct sitting *s, const struct receipt *r)
{
	return s->link->link.panel.n > 0 && r->replayed && !uuid_eq(&r->id, &s->state.id);
}

enum err sitting_elsewhere(struct sitting *s)
{
	return page_reply_words(s->rq, 409, TEXT_BEGUN_TITLE, TEXT_BEGUN_TEXT);
}

/* Another tab of the browser that began it shows it as it stands now: what was filled in here stood beside that. */
static enum err show_own(struct sitting *s, const struct receipt *r)
{
	struct str address;
	enum err e;

	s->state.id = r->id;
	s->state.saved = true;
	if ((e = sitting_later(s, &address)))
		return e;
	reply_header(s->rq, S("Location"), address);
	return reply_empty(s->rq, 303);
}

static enum err say_anothers(struct sitting *s, const struct receipt *r)
{
	struct uuid own;
	enum err e;

	intake_abandon(s->rq);
	if ((e = panel_cookie_read(s->rq, &s->link->link, &own)))
		return e;
	if (status_open(r->status) && uuid_eq(&own, &r->id))
		return show_own(s, r);
	return status_open(r->status) ? sitting_elsewhere(s)
				      : page_reply_words(s->rq, 410, TEXT_USED_TITLE, TEXT_USED_TEXT);
}

/* ---- the way on ---- */

struct farewell {
	struct str html, redirect;
	bool is_signed;
};

/* With nothing to sign with there is no way on that could be believed. */
static enum err sign_for_panel(struct sitting *s, struct farewell *out)
{
	if (s->exit.secret.n > 0)
		return redirect_sign(s->rq->arena, s->exit.secret, &out->redirect);
	out->redirect = (struct str){0};
	return OK;
}

/* Before the answer is written, because the secret is read in the same transaction. */
static enum err farewell_of(struct sitting *s, struct str outcome, struct farewell *out)
{
	struct secret_row {
		struct str secret;
	} row = {0};
	static const struct pg_col cols[] = {COL(struct secret_row, secret, PGT_BYTES)};
	const struct pg_param in[] = {P_UUID(&s->link->link.link_id)};
	enum err e;

	if ((e = panel_exit_load(s->rq, &s->link->link, &s->exit)) ||
	    (e = interview_outcome(&s->in, outcome, s->rq->arena, &out->html, &out->redirect, &out->is_signed)))
		return e;
	if (out->redirect.n == 0 || !out->is_signed)
		return OK;
	if (s->link->link.panel.n > 0)
		return sign_for_panel(s, out);
	if ((e = tx_one(s->rq->tx, s->rq->arena, &Q(SQL_link_secret, in, cols), &row)))
		return e;
	return redirect_sign(s->rq->arena, row.secret, &out->redirect);
}

/* It ended otherwise than it was judged to: the last place in a quota was gone, or it had been stored before. */
static enum err farewell_anew(struct sitting *s, struct str outcome, struct farewell *out)
{
	enum err e;

	*out = (struct farewell){0};
	if ((e = tx_open(s->rq->app, PG_PUBLIC, true, &s->link->link.tenant_id, s->rq->arena, &s->rq->tx)))
		return e;
	e = farewell_of(s, outcome, out);
	intake_abandon(s->rq);
	return e;
}

/* The interview as it ended, into s->in: what is sent after that is in no address that is signed. */
static enum err take_stored(struct sitting *s, const struct receipt *r, bool *closed)
{
	struct end_row {
		struct str answers, parameters;
		bool closed;
	} row;
	static const struct pg_col cols[] = {COL(struct end_row, answers, PGT_JSON),
	    COL(struct end_row, parameters, PGT_JSON), COL(struct end_row, closed, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&s->link->link.survey_id), P_UUID(&r->id)};
	struct json *answers, *parameters;
	struct json_error why;
	enum err e;

	if ((e = tx_one(s->rq->tx, s->rq->arena, &Q(SQL_response_end, in, cols), &row)))
		return e;
	if (json_read(s->rq->arena, row.answers, &json_limits_default, &answers, &why) ||
	    json_read(s->rq->arena, row.parameters, &json_limits_default, &parameters, &why))
		return ERR_INTERNAL;
	s->in.answers = answers;
	s->in.parameters = parameters;
	*closed = row.closed;
	/* parameters that are not exported are not stored */
	for (uint32_t i = 0; s->state.parameters && i < s->state.parameters->count; i++)
		*closed |= !json_get(parameters, s->state.parameters->members[i].key);
	return OK;
}

static enum err farewell_of_stored(struct sitting *s, const struct receipt *r, struct farewell *out)
{
	bool closed;
	enum err e;

	*out = (struct farewell){0};
	if ((e = tx_open(s->rq->app, PG_PUBLIC, true, &s->link->link.tenant_id, s->rq->arena, &s->rq->tx)))
		return e;
	if (!(e = take_stored(s, r, &closed)))
		e = farewell_of(s, r->outcome, out);
	intake_abandon(s->rq);
	/* with answers missing it would be signed, and wrong */
	if (!e && closed && out->is_signed)
		out->redirect = (struct str){0};
	return e;
}

/* The panel's own way back takes the survey's place. */
static enum err go_back(struct sitting *s, const struct receipt *r, struct farewell *f)
{
	struct str url;
	enum err e = panel_return(s->rq, &s->exit, r, s->state.parameters, &url);

	if (!e && url.n > 0)
		f->redirect = url;
	return e;
}

static enum err say_farewell(struct sitting *s, const struct farewell *f, enum page_text words)
{
	struct str language = s->state.language;
	struct page_message m = {
	    .language = f->html.n ? language : page_text_language(language),
	    .html = f->html,
	    .link = f->redirect,
	    .link_text = page_text(TEXT_CONTINUE, language),
	    .go = f->redirect.n > 0,
	    .title = program_title(s->program, language),
	};

	/* With a way on and no words of its own the page is only passed through. */
	if (f->redirect.n == 0 || words == TEXT_SAVED_BEFORE)
		m.text = page_text(words, language);
	if (words == TEXT_SAVED_BEFORE)
		m.html = (struct str){0};
	return page_reply_message(s->rq, 200, &m);
}

/* Not stored, and not the respondent's fault: everything is kept on the page and may be sent once more. */
static enum err offer_retry(struct sitting *s, enum err e)
{
	struct str language = s->state.language;
	struct page_message m = {
	    .language = page_text_language(language),
	    .title = page_text(TEXT_BUSY_TITLE, language),
	    .text = page_text(TEXT_BUSY_TEXT, language),
	    .slug = s->link->link.slug,
	};

	intake_abandon(s->rq);
	if (page_state_seal(s->rq->app->vault, &s->state, s->rq->arena, &m.state))
		return e;
	reply_header(s->rq, S("Retry-After"), S("5"));
	return page_reply_message(s->rq, 503, &m);
}

/* ---- the end ---- */

static unsigned marks_of(const struct sitting *s)
{
	return proof_mark(&s->link->link, s->state.proved) | (s->state.trapped ? MARK_HONEYPOT : 0);
}

static enum err write_once(
    struct sitting *s, const struct submission *in, const struct verdict *v, struct receipt *receipt)
{
	struct response r = {
	    .link = &s->link->link,
	    .survey_version = s->state.survey_version,
	    .verdict = v,
	    .program = s->program,
	    .submission = in,
	    .language = s->state.language,
	    .seed = s->state.seed,
	    .started_ms = s->state.started_ms,
	    .key = s->state.key,
	    .device = device_of(req_header(s->rq, S("User-Agent"))),
	    .device_id = s->device_id,
	    .text_chars = s->link->live.duplicate_chars,
	    .marks = marks_of(s),
	    .keep = {.id = s->state.id, .stored = s->state.saved, .joins = true},
	};
	enum err e;

	if ((e = payload_hash(s, r.payload_hash)) ||
	    (e = page_state_leave(&s->state, clock_now_ms(), s->rq->arena, &r.keep.page_ms)))
		return e;
	return intake_write(s->rq, &r, receipt);
}

static struct submission submission_of(const struct sitting *s)
{
	return (struct submission){s->state.language, s->state.answers, s->state.parameters, s->state.seed,
	    s->state.started_ms, s->full, {s->state.filled, s->state.filled_count},
	    {s->state.consents[0], s->state.consents[1]}, s->state.drawn};
}

enum err sitting_finish(struct sitting *s)
{
	const struct submission in = submission_of(s);
	struct farewell farewell = {0};
	struct receipt receipt = {0};
	struct verdict v;
	bool before = false;
	enum err e;

	if ((e = intake_judge(s->rq->arena, s->program, &in, &v, &s->state.language)))
		return e;
	if (v.error_count > 0)
		return sitting_show_errors(s, &v);
	e = farewell_of(s, v.outcome, &farewell);
	if (!e)
		e = write_once(s, &in, &v, &receipt);
	/* Stored before, then changed and sent again (the browser's back button): the first stands, and its way on. */
	if (e == ERR_KEY_MISMATCH) {
		before = true;
		e = intake_replay(s->rq, &s->link->link, s->state.key, NULL, &receipt);
	}
	if (is_anothers(s, &receipt))
		return say_anothers(s, &receipt);
	/* It is there, but not as something that was sent to its end: left for too long, erased, rejected. */
	if (e == ERR_CONFLICT || (!e && receipt.outcome.n == 0))
		return page_reply_words(s->rq, 410, TEXT_OVER_TITLE, TEXT_OVER_TEXT);
	if (!e && before)
		e = farewell_of_stored(s, &receipt, &farewell);
	else if (!e && !str_eq(receipt.outcome, v.outcome))
		e = farewell_anew(s, receipt.outcome, &farewell);
	if (!e)
		e = go_back(s, &receipt, &farewell);
	if (e == ERR_BUSY || e == ERR_IN_PROGRESS || e == ERR_UNAVAILABLE || e == ERR_OUTCOME_UNKNOWN)
		return offer_retry(s, e);
	if (e)
		return e;
	return say_farewell(s, &farewell,
	    before				     ? TEXT_SAVED_BEFORE
	    : str_eq(receipt.status, S("completed")) ? TEXT_THANKS
						     : TEXT_ENDED);
}

/* ---- on the way ---- */

static enum err keep(struct sitting *s, const struct verdict *v, struct draw *draw, struct receipt *receipt)
{
	const struct submission in = submission_of(s);
	struct response r = {
	    .link = &s->link->link,
	    .survey_version = s->state.survey_version,
	    .verdict = v,
	    .program = s->program,
	    .submission = &in,
	    .language = s->state.language,
	    .seed = s->state.seed,
	    .started_ms = s->state.started_ms,
	    .key = s->state.key,
	    .unhashed = true,
	    .device = device_of(req_header(s->rq, S("User-Agent"))),
	    .keep =
		{.id = s->state.id, .stored = s->state.saved, .open = true, .status = S("in_progress"), .joins = true},
	    .lease_ms = s->link->live.lease_ms,
	    .draw = draw,
	};
	enum err e = kept_put(s->rq, &s->state, v->next_page, &r);

	return e ? e : intake_write(s->rq, &r, receipt);
}

enum err sitting_save(struct sitting *s, const struct verdict *v, struct draw *draw, bool *over)
{
	struct farewell farewell = {0};
	struct receipt receipt = {0};
	enum err e;

	*over = false;
	/* a page from before pages were kept */
	if (uuid_is_nil(&s->state.id))
		return OK;
	e = keep(s, v, draw, &receipt);
	if (is_anothers(s, &receipt)) {
		*over = true;
		return say_anothers(s, &receipt);
	}
	if (e) {
		intake_abandon(s->rq);
		log_message(s->rq->app->log, LOG_WARN, "a page was not saved on the way", str_from(err_slug(e)));
		return e == ERR_MEMORY || draw ? e : OK;
	}
	if (draw && draw->done)
		s->state = *draw->state;
	s->state.saved = true;
	/* another page of the same code or device may have made the row */
	s->state.id = receipt.id;
	if (s->link->link.panel.n > 0 && (e = panel_cookie_set(s->rq, s->link, &s->state.id)))
		return e;
	/* that somebody ended it before is said at its end */
	if (receipt.replayed || !receipt.completed_ms)
		return OK;
	*over = true;
	if ((e = farewell_anew(s, receipt.outcome, &farewell)) || (e = go_back(s, &receipt, &farewell)))
		return e;
	return say_farewell(s, &farewell, TEXT_ENDED);
}

enum err sitting_later(struct sitting *s, struct str *address)
{
	struct str token;
	struct buf b;
	enum err e;

	*address = S("");
	if (!s->state.saved)
		return OK;
	if ((e = resume_token(s->rq, &s->link->link.link_id, &s->state.id, &token)))
		return e;
	buf_init(&b, s->rq->arena, 256);
	buf_add(&b, S("/s/"));
	buf_add(&b, s->link->link.slug);
	buf_add(&b, S("?resume="));
	buf_add(&b, token);
	return buf_done(&b, address);
}

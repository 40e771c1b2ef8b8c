/* link_postback.c - telling a panel's server that one of its people is done: a POST for each interview, signed, until it was taken or was tried for hours. It
 * says how the interview ended and the parameters that the panel itself sent; nothing that was answered. */
#include <string.h>
#include "base/limits.h"
#include "base/time.h"
#include "fieldwork/link_panel.h"
#include "sql.h"
#include "vault/vault.h"

#define ATTEMPTS 10
#define TIMEOUT_MS 5000 /* of a call as a whole */
#define LEASE_S 30	/* more than a call takes */
#define BACKOFF_S 10

struct postback {
	struct job *job;
	struct uuid survey_id, response_id;
	struct row {
		struct uuid link_id;
		struct str status, parameters, slug, panel, panel_secret;
		int64_t panel_key_version, completed_at;
	} row;
	struct panel panel;
	struct str secret;
};

static enum err read_all(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct row, link_id, PGT_UUID), COL(struct row, status, PGT_TEXT),
	    COL(struct row, parameters, PGT_JSON), COL(struct row, slug, PGT_TEXT), COL(struct row, panel, PGT_JSON),
	    COL(struct row, panel_secret, PGT_BYTES), COL(struct row, panel_key_version, PGT_INT),
	    COL(struct row, completed_at, PGT_TIME)};
	struct postback *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->survey_id), P_UUID(&p->response_id)};
	const struct seal_place place = {S("links"), S("panel_secret"), &p->row.link_id, NULL};
	enum err e;

	if ((e = tx_one(tx, p->job->arena, &Q(SQL_link_postback, in, cols), &p->row)))
		return e;
	return vault_unseal(p->job->app->vault, tx, VAULT_SECRET, &place, p->row.panel_key_version, p->row.panel_secret,
	    p->job->arena, &p->secret);
}

/* Those that the link asks for, as they came; others are nobody's business. */
static enum err put_parameters(struct json_out *w, const struct postback *p)
{
	struct json_error why;
	struct json *given;

	if (json_read(p->job->arena, p->row.parameters, &json_limits_default, &given, &why))
		return ERR_INTERNAL;
	json_key(w, S("parameters"));
	json_open(w, '{');
	for (size_t i = 0; i < p->panel.required_count; i++) {
		const struct json *v = json_get(given, p->panel.required[i].name);

		if (!v)
			continue;
		json_key(w, p->panel.required[i].name);
		json_put(w, v);
	}
	json_close(w, '}');
	return OK;
}

static enum err body_of(const struct postback *p, struct str *body)
{
	struct arena *a = p->job->arena;
	char time[TIME_TEXT_BYTES];
	struct json_out w;
	struct buf b;
	enum err e;

	time_text(p->row.completed_at, time);
	buf_init(&b, a, EGRESS_BODY_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("type"), S("interview.ended"));
	json_field_str(&w, S("timestamp"), str_make(time, sizeof(time)));
	json_key(&w, S("data"));
	json_open(&w, '{');
	json_field_str(&w, S("link"), p->row.slug);
	json_field_str(&w, S("response_id"), uuid_str(a, &p->response_id));
	json_field_str(&w, S("status"), p->row.status);
	if ((e = put_parameters(&w, p)))
		return e;
	json_close(&w, '}');
	json_close(&w, '}');
	return buf_done(&b, body);
}

/* HMAC of ID.TIMESTAMP.BODY. */
static enum err sign(const struct postback *p, struct str id, struct str now, struct str body, struct str *out)
{
	struct arena *a = p->job->arena;
	struct str text, hex;
	struct buf b;
	enum err e;

	buf_init(&b, a, body.n + KB);
	buf_add(&b, id);
	buf_char(&b, '.');
	buf_add(&b, now);
	buf_char(&b, '.');
	buf_add(&b, body);
	if ((e = buf_done(&b, &text)) || (e = vault_hmac_hex(p->secret, text, a, &hex)))
		return e;
	buf_init(&b, a, KB);
	buf_add(&b, S("sha256="));
	buf_add(&b, hex);
	return buf_done(&b, out);
}

static enum err judge(const struct postback *p, const struct egress_reply *reply)
{
	struct job *job = p->job;

	if (reply->outcome != EGRESS_OK) {
		if (job_check(job))
			return ERR_AGAIN;
		return egress_err(reply->outcome) == ERR_INVALID
			   ? job_give_up(job, ERR_INVALID, egress_sentence(reply->outcome))
			   : job_fail(job, ERR_UNAVAILABLE, egress_sentence(reply->outcome));
	}
	if (reply->status >= 200 && reply->status < 300)
		return job_complete(job, NULL, NULL, S(""));
	if (reply->status == 410)
		return job_give_up(job, ERR_GONE, "the panel's server says that nobody is there any more (410)");
	if (reply->retry_after_s > 0)
		job_retry_in(
		    job, 1000 * (reply->retry_after_s < JOB_BACKOFF_MAX_S ? reply->retry_after_s : JOB_BACKOFF_MAX_S));
	return job_fail(job, ERR_UNAVAILABLE, "the panel's server did not take it");
}

static enum err send(const struct postback *p)
{
	struct arena *a = p->job->arena;
	struct egress_header headers[] = {{S("Content-Type"), S("application/json")},
	    {S("Webhook-Id"), uuid_str(a, &p->job->id)}, {S("Webhook-Timestamp"), {0}}, {S("Webhook-Signature"), {0}}};
	struct egress_request request = {.method = EGRESS_POST,
	    .url = p->panel.postback,
	    .headers = headers,
	    .header_count = countof(headers),
	    .timeout_ms = TIMEOUT_MS};
	struct egress_reply reply;
	struct buf b;
	enum err e;

	buf_init(&b, a, 32);
	buf_int(&b, clock_now_ms() / 1000);
	if ((e = buf_done(&b, &headers[2].value)) || (e = body_of(p, &request.body)) ||
	    (e = sign(p, headers[1].value, headers[2].value, request.body, &headers[3].value)))
		return e;
	if ((e = egress_send(p->job->app->egress, a, &request, &reply)) && reply.outcome == EGRESS_OK)
		return e;
	return judge(p, &reply);
}

static enum err postback_run(struct job *job)
{
	struct postback p = {.job = job};
	enum err e;

	if (!uuid_read(json_str_or(job->payload, S("survey_id"), S("")), &p.survey_id) ||
	    !uuid_read(json_str_or(job->payload, S("response_id"), S("")), &p.response_id))
		return job_give_up(job, ERR_INTERNAL, "the job cannot be read");
	e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, read_all, &p);
	/* the answer, the link or its wish was taken back meanwhile */
	if (e == ERR_NOT_FOUND)
		return job_complete(job, NULL, NULL, S("{\"sent\": false}"));
	if (e == ERR_GONE)
		return job_give_up(job, e, "the link's secret cannot be opened: its key is gone");
	if (e || (e = panel_read(job->arena, p.row.panel, &p.panel)) || (e = job_check(job)))
		return e;
	return p.panel.postback.n > 0 ? send(&p) : job_complete(job, NULL, NULL, S("{\"sent\": false}"));
}

const struct job_type link_postback_job = {.name = "links.postback",
    .run = postback_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .outside = true,
    .about = "Tells a panel's server how one of its people's interview ended"};

/* link_pass.c - making and checking passes, and looking at passwords. */
#include "fieldwork/link_pass.h"
#include "auth/auth.h"
#include "base/limits.h"
#include "fieldwork/intake.h"
#include "fieldwork/link_cookie.h"
#include "fieldwork/page_html.h"
#include "sql.h"
#include "vault/vault.h"

#define PASS_COOKIE "collect_pass"

static const struct str pass_context = {"fieldwork/pass/1", 16};

/* ---- passes ---- */

static enum err signed_text(struct arena *a, const struct link_view *link, int64_t ends_s, struct str *text)
{
	struct buf b;

	buf_init(&b, a, 256);
	buf_add(&b, uuid_str(a, &link->link_id));
	buf_char(&b, '/');
	buf_add(&b, link->password);
	buf_char(&b, '/');
	buf_int(&b, ends_s);
	return buf_done(&b, text);
}

enum err link_pass_make(struct req *rq, const struct link_view *link, struct str *pass, int64_t *ends_ms)
{
	int64_t ends_s = clock_now_ms() / 1000 + LINK_PASS_LIFE_S;
	struct str text, mac;
	struct buf b;
	enum err e;

	*ends_ms = ends_s * 1000;
	if ((e = signed_text(rq->arena, link, ends_s, &text)) ||
	    (e = vault_token_mac(rq->app->vault, pass_context, text, rq->arena, &mac)))
		return e;
	buf_init(&b, rq->arena, 128);
	buf_int(&b, ends_s);
	buf_char(&b, '.');
	buf_add(&b, mac);
	return buf_done(&b, pass);
}

enum err link_pass_tell(struct req *rq, const struct link_view *link, struct str pass)
{
	return link_cookie_set(rq, link, S(PASS_COOKIE), pass, LINK_PASS_LIFE_S);
}

static enum err check(struct req *rq, const struct link_view *link, struct str pass)
{
	struct str mac = pass, number = str_cut(&mac, '.', NULL), text;
	int64_t ends_s;
	enum err e;

	if (!str_to_int(number, &ends_s) || ends_s <= clock_now_ms() / 1000)
		return ERR_INVALID;
	if ((e = signed_text(rq->arena, link, ends_s, &text)))
		return e;
	return vault_token_check(rq->app->vault, pass_context, text, mac, rq->arena);
}

enum err link_pass_check(struct req *rq, const struct link_view *link)
{
	const bool page = rq->route->flags & ROUTE_PAGE;
	enum err e;

	if (link->password.n == 0)
		return OK;
	e = check(rq, link, page ? link_cookie(rq, S(PASS_COOKIE)) : req_header(rq, S("X-Link-Pass")));
	if (e != ERR_INVALID)
		return e;
	return req_fail(rq, ERR_UNAUTHENTICATED, "",
	    "this link asks for a password: show it to .../pass, and what comes back in the header X-Link-Pass");
}

/* ---- passwords ---- */

static enum err hash_of(struct req *rq, const struct link_view *link, struct str *hash)
{
	struct hash_row {
		struct str hash;
	} row;
	static const struct pg_col cols[] = {COL(struct hash_row, hash, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&link->link_id)};
	enum err e = tx_one(rq->tx, rq->arena, &Q(SQL_link_password, in, cols), &row);

	*hash = row.hash;
	return e;
}

static enum err look_up(struct req *rq, struct str slug, struct resolved *out, struct str *hash)
{
	enum err e;

	if ((e = req_tx_open(rq, true, rq->arena, &rq->tx)))
		return e;
	if (!(e = resolve(rq, slug, RESOLVE_MAY_WAIT, out)) && !(e = resolve_gate(rq, out)))
		e = hash_of(rq, &out->link, hash);
	intake_abandon(rq);
	return e;
}

static enum err compare(struct req *rq, struct str password, struct str hash)
{
	bool same;
	enum err e = auth_password_turn(rq->app->auth, password, hash, &same);

	if (e)
		return e;
	return same ? OK : req_fail(rq, ERR_UNAUTHENTICATED, "/password", "this is not the password");
}

enum err link_password_try(struct req *rq, const struct str_password *in, struct resolved *out)
{
	struct str hash = {0};
	struct backoff *b;
	enum err e;

	if ((e = look_up(rq, in->slug, out, &hash)) || hash.n == 0)
		return e;
	if ((e = auth_guess_begin(rq, uuid_str(rq->arena, &out->link.link_id), &b)))
		return e;
	return auth_guess_end(rq, b, compare(rq, in->password, hash), ERR_UNAUTHENTICATED);
}

/* ---- the page ---- */

static enum err form_address(struct req *rq, const struct link_view *link, struct str *address)
{
	struct buf b;

	buf_init(&b, rq->arena, HTTP_LINE_MAX_BYTES);
	buf_add(&b, S("/s/"));
	buf_add(&b, link->slug);
	buf_add(&b, S("/password"));
	if (rq->x->query.n > 0) {
		buf_char(&b, '?');
		buf_add(&b, rq->x->query);
	}
	return buf_done(&b, address);
}

enum err link_password_page(
    struct req *rq, const struct link_view *link, enum password_page why, const struct form_field *fields, size_t n)
{
	static const enum page_text notes[] = {[PASSWORD_ASK] = TEXT_PASSWORD_TEXT,
	    [PASSWORD_WRONG] = TEXT_PASSWORD_WRONG,
	    [PASSWORD_WAIT] = TEXT_PASSWORD_WAIT};
	struct str language = page_visitor_language(rq);
	struct password_form form = {.fields = fields, .count = n, .wrong = why != PASSWORD_ASK};
	struct page_message m = {
	    .language = language,
	    .title = page_text(TEXT_PASSWORD_TITLE, language),
	    .text = page_text(notes[why], language),
	    .password = &form,
	};
	char seconds[24];
	enum err e;

	if (why == PASSWORD_WAIT)
		reply_header(rq, S("Retry-After"),
		    str_dup(rq->arena,
			str_make(seconds, (size_t)snprintf(seconds, sizeof(seconds), "%d", rq->retry_after_s))));
	if ((e = form_address(rq, link, &form.action)) ||
	    (e = page_reply_message(rq, why == PASSWORD_WAIT ? 429 : 401, &m)))
		return e;
	embed_allow(rq, link->embed);
	return OK;
}

/* Passwords of links: set and removed at /api/v1/surveys/{id}/links/{link_id}/password; shown at /api/public/v1/links/{slug}/pass by programs and at
 * /s/{slug}/password by the page that asks for it. */
#include "auth/auth.h"
#include "base/time.h"
#include "core/schema.h"
#include "fieldwork/intake.h"
#include "fieldwork/link_http.h"
#include "fieldwork/link_pass.h"
#include "fieldwork/page_html.h"
#include "sql.h"

#define PASSWORD_MIN_CHARS 8 /* respondents type it from a letter; guesses are few (auth_guess_begin()) */
#define PASSWORD_MAX_CHARS 200

struct password_in {
	struct str password;
};
static const struct field password_new_fields[] = {
    FIELD(struct password_in, password, FT_TEXT, REQUIRED, PASSWORD_MIN_CHARS, PASSWORD_MAX_CHARS,
	"What respondents have to show; it cannot be read again"),
};
static const struct shape password_new_shape = SHAPE("LinkPassword", struct password_in, password_new_fields);

/* ---- setting and removing ---- */

static enum err set(struct req *rq, struct str hash)
{
	const struct pg_param params[] = {
	    P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_TEXT_OR_NULL(hash), P_UUID_OR_NULL(tx_actor(rq->tx))};
	struct link_now now;
	enum err e;

	if ((e = link_take(rq, &now)) || (e = tx_exec(rq->tx, &Q_NO_OUT(SQL_link_set_password, params), NULL)) ||
	    (e = link_reply(rq, 200, &rq->ids[0], &rq->ids[1])))
		return e;
	return link_changed(rq, &now);
}

/* Hashed before the transaction begins, which it would hold open. */
static enum err password_put_http(struct req *rq)
{
	const struct password_in *in = rq->in;
	struct str hash;
	enum err e;

	if ((e = auth_password_hash_turn(rq->app->auth, in->password, rq->arena, &hash)) ||
	    (e = req_tx_open(rq, false, rq->arena, &rq->tx)))
		return e;
	if ((e = set(rq, hash))) {
		intake_abandon(rq);
		return e;
	}
	e = req_end_tx(rq);
	if (!e || e == ERR_OUTCOME_UNKNOWN)
		rq->after_commit(rq);
	return e;
}

static enum err password_delete_http(struct req *rq)
{
	return set(rq, S(""));
}

/* ---- showing it: programs ---- */

static const struct field password_shown_fields[] = {
    FIELD(struct password_in, password, FT_TEXT, REQUIRED, 1, PASSWORD_MAX_CHARS, "The link's password"),
};
static const struct shape password_shown_shape = SHAPE("LinkPasswordShown", struct password_in, password_shown_fields);

static const struct field pass_fields[] = {
    OUT("pass", FT_TEXT, REQUIRED | NULLABLE,
	"Send it as X-Link-Pass with each request about this link; null when the link asks for no password"),
    OUT("expires_at", FT_TIME, REQUIRED | NULLABLE, "When it ends; it also ends when the password is changed"),
};
static const struct shape pass_shape = SHAPE_OUT("LinkPass", pass_fields);

static enum err reply_pass(struct req *rq, struct str pass, int64_t ends_ms)
{
	char time[TIME_TEXT_BYTES];
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	time_text(ends_ms, time);
	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("pass"));
	if (pass.n > 0)
		json_put_str(&w, pass);
	else
		json_put_null(&w);
	json_key(&w, S("expires_at"));
	if (pass.n > 0)
		json_put_str(&w, str_make(time, sizeof(time)));
	else
		json_put_null(&w);
	json_close(&w, '}');
	return (e = buf_done(&b, &json)) ? e : reply_json(rq, 200, json);
}

static enum err pass_http(struct req *rq)
{
	const struct password_in *in = rq->in;
	struct str pass = {0};
	struct resolved link;
	int64_t ends_ms = 0;
	enum err e;

	if ((e = link_password_try(rq, &(struct str_password){rq->args[0], in->password}, &link)))
		return e;
	if (link.link.password.n > 0 && (e = link_pass_make(rq, &link.link, &pass, &ends_ms)))
		return e;
	return reply_pass(rq, pass, ends_ms);
}

/* ---- showing it: the page ---- */

static enum err page_address(struct req *rq, struct str *address)
{
	struct buf b;

	buf_init(&b, rq->arena, HTTP_LINE_MAX_BYTES);
	buf_add(&b, S("/s/"));
	buf_add(&b, rq->args[0]);
	if (rq->x->query.n > 0) {
		buf_char(&b, '?');
		buf_add(&b, rq->x->query);
	}
	return buf_done(&b, address);
}

static enum err go_to_page(struct req *rq)
{
	struct str address;
	enum err e;

	if (!slug_ok(rq->args[0]))
		return ERR_NOT_FOUND;
	if ((e = page_address(rq, &address)))
		return e;
	reply_empty(rq, 303);
	reply_header(rq, S("Location"), address);
	return OK;
}

/* The form that came without a pass goes on where it wanted to. */
static enum err send_again(struct req *rq, const struct link_view *link, const struct form_field *fields, size_t n)
{
	struct str language = page_visitor_language(rq);
	struct form_again again = {.fields = fields, .count = n, .after_s = 1};
	struct page_message m = {
	    .language = language,
	    .title = page_text(TEXT_PASSWORD_TITLE, language),
	    .text = page_text(TEXT_PASSWORD_RIGHT, language),
	    .again = &again,
	};
	enum err e;

	if ((e = page_address(rq, &again.action)) || (e = page_reply_message(rq, 200, &m)))
		return e;
	embed_allow(rq, link->embed);
	return OK;
}

/* Its password, and the other fields. */
static enum err read_form(struct req *rq, struct form_field **fields, size_t *n, struct str *password)
{
	struct str type = req_header(rq, S("Content-Type"));
	size_t kept = 0;
	enum err e;

	if (!str_eq_nocase(str_trim(str_cut(&type, ';', NULL)), S("application/x-www-form-urlencoded")))
		return ERR_MEDIA_TYPE;
	if ((e = form_read(rq->x->body, rq->arena, fields, n)))
		return e;
	*password = form_value(*fields, *n, S(PAGE_PASSWORD_FIELD));
	for (size_t i = 0; i < *n; i++)
		if (!str_eq((*fields)[i].name, S(PAGE_PASSWORD_FIELD)))
			(*fields)[kept++] = (*fields)[i];
	*n = kept;
	return OK;
}

static enum err let_in(struct req *rq, const struct link_view *link, const struct form_field *fields, size_t n)
{
	struct str pass;
	int64_t ends_ms;
	enum err e;

	if ((e = n > 0 ? send_again(rq, link, fields, n) : go_to_page(rq)))
		return e;
	if (link->password.n == 0)
		return OK;
	if ((e = link_pass_make(rq, link, &pass, &ends_ms)))
		return e;
	return link_pass_tell(rq, link, pass);
}

static enum err page_password_http(struct req *rq)
{
	struct form_field *fields;
	struct resolved link;
	struct str password;
	size_t n;
	enum err e;

	if ((e = read_form(rq, &fields, &n, &password)))
		return e;
	e = link_password_try(rq, &(struct str_password){rq->args[0], password}, &link);
	switch (e) {
	case OK:
		return let_in(rq, &link.link, fields, n);
	case ERR_UNAUTHENTICATED:
		return link_password_page(rq, &link.link, PASSWORD_WRONG, fields, n);
	case ERR_RATE:
		return link_password_page(rq, &link.link, PASSWORD_WAIT, fields, n);
	default:
		return e;
	}
}

#define LINK_PASSWORD "/api/v1/surveys/{id}/links/{link_id}/password"
const struct route link_password_routes[] = {
    {HTTP_PUT, LINK_PASSWORD, PERM_LINKS_WRITE, RATE_CONSOLE, &password_new_shape, &link_shape, 200, password_put_http,
	"Have a link ask for a password", .flags = ROUTE_IF_MATCH | ROUTE_ETAG | ROUTE_NO_TX | ROUTE_SLOW},
    {HTTP_DELETE, LINK_PASSWORD, PERM_LINKS_WRITE, RATE_CONSOLE, NULL, &link_shape, 200, password_delete_http,
	"Have a link ask for no password", .flags = ROUTE_IF_MATCH | ROUTE_ETAG},
    {HTTP_POST, "/api/public/v1/links/{slug}/pass", PERM_NONE, RATE_LOGIN, &password_shown_shape, &pass_shape, 200,
	pass_http, "Show a link's password, for a pass",
	.flags = ROUTE_PUBLIC_DB | ROUTE_NO_TX | ROUTE_SLOW | ROUTE_CORS_ANY | ROUTE_SMALL_BODY,
	.also = (const int[]){401, 404, 410, 0}},
    {HTTP_GET, "/s/{slug}/password", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 303, go_to_page, "Back to the first page",
	.flags = ROUTE_NO_TX | ROUTE_HIDDEN | ROUTE_PAGE, .out_type = "text/html"},
    {HTTP_POST, "/s/{slug}/password", PERM_NONE, RATE_LOGIN, NULL, NULL, 303, page_password_http,
	"Show a link's password, for its pages",
	.flags =
	    ROUTE_PUBLIC_DB | ROUTE_NO_TX | ROUTE_SLOW | ROUTE_HIDDEN | ROUTE_RAW_BODY | ROUTE_SMALL_BODY | ROUTE_PAGE,
	.out_type = "text/html"},
    ROUTE_END,
};

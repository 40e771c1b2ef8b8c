#include "auth/auth_warn.h"
#include "auth/auth_told.h"
#include "base/time.h"
#include "core/job.h"
#include "core/mail.h"
#include "sql.h"

#define DEVICE_MAX_BYTES 64
#define OWN_NAME_MAX_BYTES 32
#define WHEN_MAX_BYTES 24

struct word {
	const char *sign, *name;
};
/* The first whose sign is there: programs say that they are others, too. */
static const struct word programs[] = {{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
    {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}};
static const struct word systems[] = {{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"},
    {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}};

static const char *word_find(const struct word *words, size_t n, struct str text)
{
	for (size_t i = 0; i < n; i++) {
		if (str_find(text, str_from(words[i].sign), NULL))
			return words[i].name;
	}
	return NULL;
}

/* "curl/8.1" is curl. */
static struct str program_of(struct str text)
{
	size_t n = 0;

	while (n < text.n && n < OWN_NAME_MAX_BYTES &&
	       ((text.p[n] >= 'a' && text.p[n] <= 'z') || (text.p[n] >= 'A' && text.p[n] <= 'Z') ||
		   (text.p[n] >= '0' && text.p[n] <= '9') || text.p[n] == '-' || text.p[n] == '_'))
		n++;
	return n > 0 ? str_make(text.p, n) : S("?");
}

struct str device_name(struct arena *a, struct str user_agent)
{
	const char *program = word_find(programs, countof(programs), user_agent),
		   *system = word_find(systems, countof(systems), user_agent);
	struct str text = S("?");
	struct buf b;

	if (program == NULL)
		return program_of(user_agent);
	buf_init(&b, a, DEVICE_MAX_BYTES);
	buf_add(&b, str_from(program));
	if (system != NULL) {
		buf_add(&b, S(", "));
		buf_add(&b, str_from(system));
	}
	return buf_done(&b, &text) ? S("?") : text;
}

/* 2026-11-23 08:05 UTC */
static struct str when_text(struct arena *a)
{
	char now[TIME_TEXT_BYTES];
	struct str text = S("");
	struct buf b;

	time_text(clock_now_ms(), now);
	buf_init(&b, a, WHEN_MAX_BYTES);
	buf_add(&b, str_make(now, 10));
	buf_char(&b, ' ');
	buf_add(&b, str_make(now + 11, 5));
	buf_add(&b, S(" UTC"));
	return buf_done(&b, &text) ? S("") : text;
}

/* An account whose address can never get a mail signs in all the same. */
static enum err mail_in(struct req *rq, struct tx *tx, const struct mail *m)
{
	struct uuid job;
	enum err e = rq->app->mail_add(rq->app, tx, rq->arena, m, &job);

	return e == ERR_INVALID ? OK : e;
}

enum err warn_account(struct req *rq, const struct mail *m)
{
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &system_tenant, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, NULL, rq->request_id);
	if ((e = mail_in(rq, tx, m))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

/* ---- devices ---- */

static enum err device_mac(
    struct req *rq, const struct uuid *user, struct str device, unsigned char mac[TOKEN_MAC_BYTES])
{
	const struct auth *auth = rq->app->auth;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, sizeof user->b + DEVICE_MAX_BYTES);
	buf_add(&b, str_make((const char *)user->b, sizeof user->b));
	buf_add(&b, device);
	if ((e = buf_done(&b, &text)))
		return e;
	return token_mac(auth->key, S("device"), text, mac);
}

static enum err device_in(struct req *rq, struct tx *tx, const struct login_row *row)
{
	struct seen_row {
		struct str how;
	} seen;
	static const struct pg_col cols[] = {COL(struct seen_row, how, PGT_TEXT)};
	struct str device = device_name(rq->arena, req_header(rq, S("User-Agent")));
	unsigned char mac[TOKEN_MAC_BYTES];
	enum err e;

	if ((e = device_mac(rq, &row->user_id, device, mac)))
		return e;
	const struct pg_param in[] = {P_UUID(&row->user_id), P_BYTES(str_make((const char *)mac, sizeof mac))};

	if ((e = tx_one(tx, rq->arena, &Q(SQL_device_seen, in, cols), &seen)) || !str_eq(seen.how, S("new")))
		return e;
	const struct mail_value values[] = {
	    {"device", device}, {"address", rq->x->client}, {"time", when_text(rq->arena)}};
	const struct mail m = {.kind = MAIL_NEW_DEVICE,
	    .to = row->email,
	    .language = row->locale,
	    .values = values,
	    .value_count = countof(values)};

	return mail_in(rq, tx, &m);
}

/* In the system's tenant, so that no other one's managers see the mail or end it; and the device is known only if the mail is under way. */
enum err warn_new_device(struct req *rq, const struct login_row *row)
{
	struct tx *tx;
	enum err e;

	if ((e = tx_open(rq->app, PG_APP, false, &system_tenant, rq->arena, &tx)))
		return e;
	tx_set_actor(tx, NULL, rq->request_id); /* nobody is a member of the system's tenant */
	if ((e = device_in(rq, tx, row))) {
		tx_rollback(tx);
		return e;
	}
	return tx_commit(tx);
}

/* ---- wrong passwords ---- */

enum err warn_failed(struct req *rq, const struct backoff *b, struct str email)
{
	const struct mail_value values[] = {
	    {"address", rq->x->client}, {"time", when_text(rq->arena)}, {"minutes", S(BACKOFF_TOLD_MINUTES)}};
	const struct mail m = {
	    .kind = MAIL_LOCKED, .to = email, .values = values, .value_count = countof(values), .account = true};

	bool tells;
	enum err e;

	if ((e = told_failed(rq, b, email)) || (e = backoff_tells(rq, b, &tells)) || !tells)
		return e;
	return warn_account(rq, &m);
}

enum err warn_refused(struct req *rq, const struct backoff *b, struct str email, const char *words)
{
	enum err e = warn_failed(rq, b, email);

	return e ? e : req_fail(rq, ERR_UNAUTHENTICATED, NULL, words);
}

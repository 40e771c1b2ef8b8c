#include "fieldwork/link_device.h"
#include "base/hash.h"
#include "sql.h"

#define ONCE_COOKIE "collect_once"
#define ONCE_LIFE_S (400 * 86400) /* longer is not kept by browsers */
#define UUID_TEXT_BYTES 36

/* Clients' keys cannot begin so. */
#define KEY_HEAD                                                                                                       \
	"\xc2\xa7"                                                                                                     \
	"device:"

static bool cookie_read(const struct req *rq, struct uuid *id)
{
	struct str rest = req_header(rq, S("Cookie"));
	bool more = true;

	while (more) {
		struct str one = str_trim(str_cut(&rest, ';', &more)), name = str_cut(&one, '=', NULL);

		if (str_eq(name, S(ONCE_COOKIE)))
			return uuid_read(one, id);
	}
	return false;
}

static enum err key_of(struct arena *a, const struct uuid *link, const struct uuid *device, struct str *key)
{
	struct buf b;

	buf_init(&b, a, 128);
	buf_add(&b, S(KEY_HEAD));
	buf_add(&b, uuid_str(a, link));
	buf_char(&b, ':');
	buf_add(&b, uuid_str(a, device));
	return buf_done(&b, key);
}

enum err device_take(struct req *rq, const struct link_view *link, struct str *key)
{
	struct over_row {
		bool over;
	} row;
	static const struct pg_col cols[] = {COL(struct over_row, over, PGT_BOOL)};
	struct uuid device;
	enum err e;

	if (!cookie_read(rq, &device)) {
		random_bytes(device.b, sizeof device.b);
		return key_of(rq->arena, &link->link_id, &device, key);
	}
	if (!rq->tx)
		return ERR_AGAIN;
	if ((e = key_of(rq->arena, &link->link_id, &device, key)))
		return e;
	const struct pg_param in[] = {P_UUID(&link->survey_id), P_TEXT(*key)};

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_key_over, in, cols), &row)))
		return e;
	return row.over ? ERR_GONE : OK;
}

enum err device_tell(struct req *rq, const struct link_view *link, struct str key)
{
	bool secure = str_starts(str_from(rq->app->public_url), S("https://"));
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 512);
	buf_add(&b, S(ONCE_COOKIE "="));
	buf_add(&b, str_sub(key, key.n - UUID_TEXT_BYTES, key.n));
	buf_add(&b, S("; Path=/s/"));
	buf_add(&b, link->slug);
	buf_add(&b, S("; HttpOnly; Max-Age="));
	buf_int(&b, ONCE_LIFE_S);
	/* in another site's frame it is that site's alone */
	if (secure && link->embed.n > 0)
		buf_add(&b, S("; Secure; SameSite=None; Partitioned"));
	else
		buf_add(&b, secure ? S("; Secure; SameSite=Lax") : S("; SameSite=Lax"));
	if ((e = buf_done(&b, &text)))
		return e;
	reply_header(rq, S("Set-Cookie"), text);
	return OK;
}

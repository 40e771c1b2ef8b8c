#include "fieldwork/link_device.h"
#include "base/hash.h"
#include "fieldwork/link_cookie.h"
#include "sql.h"

#define ONCE_COOKIE "collect_once"
#define SAME_COOKIE "collect_same"
#define SAME_LIFE_S (90 * 86400)
#define ONCE_LIFE_S (400 * 86400) /* longer is not kept by browsers */
#define UUID_TEXT_BYTES 36

/* Clients' keys cannot begin so. */
#define KEY_HEAD                                                                                                       \
	"\xc2\xa7"                                                                                                     \
	"device:"

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
		bool over, open;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct over_row, over, PGT_BOOL), COL(struct over_row, open, PGT_BOOL)};
	struct uuid device;
	enum err e;

	if (!uuid_read(link_cookie(rq, S(ONCE_COOKIE)), &device)) {
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
	return link_cookie_set(rq, link, S(ONCE_COOKIE), str_sub(key, key.n - UUID_TEXT_BYTES, key.n), ONCE_LIFE_S);
}

enum err device_tell_apart(struct req *rq, const struct resolved *r, struct str *device_id)
{
	struct uuid device;

	*device_id = (struct str){0};
	if (r->live.device_answers == 0 || r->link.test)
		return OK;
	if (!uuid_read(link_cookie(rq, S(SAME_COOKIE)), &device))
		random_bytes(device.b, sizeof device.b);
	*device_id = uuid_str(rq->arena, &device);
	return device_id->p ? OK : ERR_MEMORY;
}

enum err device_told_apart(struct req *rq, const struct resolved *r, struct str device_id)
{
	return device_id.n > 0 ? link_cookie_set(rq, &r->link, S(SAME_COOKIE), device_id, SAME_LIFE_S) : OK;
}

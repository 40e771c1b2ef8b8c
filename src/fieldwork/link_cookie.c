#include "fieldwork/link_cookie.h"

#define COOKIE_MAX_BYTES 1024

struct str link_cookie(const struct req *rq, struct str name)
{
	struct str rest = req_header(rq, S("Cookie"));
	bool more = true;

	while (more) {
		struct str value = str_trim(str_cut(&rest, ';', &more)), key = str_cut(&value, '=', NULL);

		if (str_eq(key, name))
			return value;
	}
	return (struct str){0};
}

enum err link_cookie_set(
    struct req *rq, const struct link_view *link, struct str name, struct str value, int64_t life_s)
{
	bool secure = str_starts(str_from(rq->app->public_url), S("https://"));
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, COOKIE_MAX_BYTES);
	buf_add(&b, name);
	buf_char(&b, '=');
	buf_add(&b, value);
	buf_add(&b, S("; Path=/s/"));
	buf_add(&b, link->slug);
	buf_add(&b, S("; HttpOnly; Max-Age="));
	buf_int(&b, life_s);
	if (secure && link->embed.n > 0)
		buf_add(&b, S("; Secure; SameSite=None; Partitioned"));
	else
		buf_add(&b, secure ? S("; Secure; SameSite=Lax") : S("; SameSite=Lax"));
	if ((e = buf_done(&b, &text)))
		return e;
	reply_header(rq, S("Set-Cookie"), text);
	return OK;
}

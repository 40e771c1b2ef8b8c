#include "io/pg_conninfo.h"

#include <libpq-fe.h>
#include "base/limits.h"

#define CONNINFO_MAX_BYTES (16 * KB)

const char *pg_role_login(enum pg_role role)
{
	static const char *const names[PG_ROLE_COUNT] = {[PG_APP] = "collect_app",
	    [PG_PUBLIC] = "collect_public",
	    [PG_WORKER] = "collect_worker",
	    [PG_OWNER] = "collect_owner"};

	return names[role];
}

static void put(struct buf *b, const char *key, const char *value)
{
	if (b->n > 0)
		buf_char(b, ' ');
	buf_add(b, str_from(key));
	buf_add(b, S("='"));
	for (const char *p = value; *p; p++) {
		if (*p == '\'' || *p == '\\')
			buf_char(b, '\\');
		buf_char(b, *p);
	}
	buf_char(b, '\'');
}

enum err pg_conninfo(
    struct arena *a, const char *url, enum pg_role role, const char *password, const char **out, struct str *why)
{
	bool own = role == PG_OWNER;
	char *said = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &said);
	struct buf b;

	/* libpq's sentence may quote the url, and with it the password. */
	PQfreemem(said);
	if (!options) {
		*why = S("database_url is not a PostgreSQL connection string");
		return ERR_SETTING;
	}
	buf_init(&b, a, CONNINFO_MAX_BYTES);
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		bool personal = strcmp(o->keyword, "user") == 0 || strcmp(o->keyword, "password") == 0;

		if (o->val && o->val[0] && (own || !personal))
			put(&b, o->keyword, o->val);
	}
	PQconninfoFree(options);
	if (!own)
		put(&b, "user", pg_role_login(role));
	if (!own && password && password[0])
		put(&b, "password", password);
	buf_char(&b, 0);
	*out = b.p;
	if (b.failed) {
		*why = S("database_url is too long");
		return ERR_SETTING;
	}
	return OK;
}

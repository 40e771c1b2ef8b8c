/* keys_status.c - `collect keys status`: which keys there are, in which state, and under which key-encryption key. Reads only. */
#include <string.h>
#include "main/keys_cmd.h"
#include "sql.h"

struct key_row {
	struct str purpose, kek_id, state, made;
	int64_t key_version;
};

struct status {
	struct app *app;
	struct arena *arena;
	struct key_tenant now;
	int64_t tenants, elsewhere;
};

static enum err print_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct key_row, purpose, PGT_TEXT),
	    COL(struct key_row, kek_id, PGT_TEXT), COL(struct key_row, state, PGT_TEXT),
	    COL(struct key_row, made, PGT_TEXT), COL(struct key_row, key_version, PGT_INT)};
	struct status *s = ctx;
	struct key_row *rows;
	size_t n;
	enum err e = tx_rows(tx, s->arena, &Q_NO_IN(SQL_data_keys_status, cols), sizeof *rows, (void **)&rows, &n);

	for (size_t i = 0; !e && i < n; i++) {
		bool gone = str_eq(rows[i].state, S("destroyed")),
		     here = str_eq(rows[i].kek_id, vault_kek_id(s->app->vault));

		s->elsewhere += !gone && !here;
		printf("%-24.*s %-9.*s %4lld  %-10.*s %.*s  %s\n", STR_ARGS(s->now.slug), STR_ARGS(rows[i].purpose),
		    (long long)rows[i].key_version, STR_ARGS(rows[i].state), STR_ARGS(rows[i].made),
		    gone   ? ""
		    : here ? ""
			   : "under another key-encryption key");
	}
	return e;
}

static enum err print_one(void *ctx, const struct key_tenant *t)
{
	struct status *s = ctx;

	s->now = *t;
	s->tenants++;
	return tx_run(s->app, PG_WORKER, &t->id, s->arena, print_in, s);
}

int keys_status(const struct command_line *line, struct app *app, struct arena *a, const char *slug)
{
	struct status s = {.app = app, .arena = a};
	enum err e;

	printf("key-encryption key  %.*s\n\n%-24s %-9s %4s  %-10s %s\n", STR_ARGS(vault_kek_id(app->vault)), "tenant",
	    "purpose", "", "state", "made");
	if ((e = keys_each_tenant(app, a, slug, print_one, &s)))
		return command_fail(line, 1, "%s", err_meaning(e));
	if (slug && s.tenants == 0)
		return command_fail(line, 1, "there is no tenant \"%s\"", slug);
	if (s.elsewhere > 0)
		printf(
		    "\n%lld keys are under another key-encryption key: collect keys rewrap\n", (long long)s.elsewhere);
	return 0;
}

/* keys_cmd.c - `collect keys`: the key-encryption key made and changed, tenants' keys rotated and destroyed. Servers and workers need not be told: they hold a
 * key for three seconds at most, and the database refuses what is sealed with an older one. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "fieldwork/fieldwork.h"
#include "main/keys_cmd.h"
#include "sql.h"

#define KEYS_ARENA_MAX_BYTES (256 * MB)
#define TENANTS_AT_ONCE 100
#define NO_WORKER_SAY_S 10

struct keys {
	const struct command_line *line;
	struct app *app;
	struct arena *arena;
	const char *tenant; /* its slug; NULL: all */
	struct key_tenant now;
	int64_t tenants, n, unreadable;
	bool resuming, /* the job under way is of an earlier rotation of the same keys */
	    blocked,   /* another job is under way, which has to end first */
	    left;      /* some tenant was left out because of that */
};

static int failed(const struct keys *k, enum err e, const char *what)
{
	if (e == ERR_INTERNAL)
		return command_fail(k->line, 1,
		    "%s: a key is wrapped under a key-encryption key that is not known here; name it by "
		    "key_file_previous",
		    what);
	if (e == ERR_BUSY)
		return command_fail(k->line, 1,
		    "%s: somebody's transaction has held seals of \"%.*s\" for seconds; nothing of that tenant was "
		    "changed. Look for it in pg_stat_activity, and do this again",
		    what, STR_ARGS(k->now.slug));
	return command_fail(k->line, 1, "%s: %s", what, err_meaning(e));
}

/* ---- one tenant after the other ---- */

static enum err page(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {
	    COL(struct key_tenant, id, PGT_UUID), COL(struct key_tenant, slug, PGT_TEXT)};
	struct key_page *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->after), P_TEXT_OR_NULL(str_from(p->slug)), P_INT(TENANTS_AT_ONCE)};

	return tx_rows(tx, p->arena, &Q(SQL_key_tenants, in, cols), sizeof *p->rows, (void **)&p->rows, &p->n);
}

enum err keys_each_tenant(struct app *app, struct arena *a, const char *slug,
    enum err (*fn)(void *ctx, const struct key_tenant *t), void *ctx)
{
	struct key_page p = {.arena = a, .slug = slug ? slug : ""};
	enum err e;

	do {
		if ((e = tx_run(app, PG_WORKER, NULL, a, page, &p)))
			return e;
		for (size_t i = 0; !e && i < p.n; i++) {
			e = fn(ctx, &p.rows[i]);
			p.after = p.rows[i].id;
		}
	} while (!e && p.n == TENANTS_AT_ONCE);
	return e;
}

static int each(struct keys *k, enum err (*fn)(void *ctx, const struct key_tenant *t), const char *what)
{
	enum err e = keys_each_tenant(k->app, k->arena, k->tenant, fn, k);

	if (e)
		return failed(k, e, what);
	if (k->tenant && k->tenants == 0)
		return command_fail(k->line, 1, "there is no tenant \"%s\"", k->tenant);
	return 0;
}

static enum err in_tenant(struct keys *k, const struct key_tenant *t, enum err (*fn)(struct tx *tx, void *ctx))
{
	enum err e;

	k->now = *t;
	k->tenants++;
	e = tx_run(k->app, PG_WORKER, &t->id, k->arena, fn, k);
	vault_forget(k->app->vault, &t->id);
	return e;
}

static enum err event(struct keys *k, struct tx *tx, struct str type, struct str purpose, int64_t n)
{
	struct json_out w;
	struct str data;
	struct buf b;
	enum err e;

	buf_init(&b, k->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("by"), S("command line"));
	if (purpose.n > 0)
		json_field_str(&w, S("purpose"), purpose);
	json_field_int(&w, purpose.n > 0 ? S("key_version") : S("keys"), n);
	json_close(&w, '}');
	if ((e = buf_done(&b, &data)))
		return e;
	return keys_event(tx, k->arena, type, data);
}

/* ---- init ---- */

static int init(const struct command_line *line, struct arena *a, const struct config *config)
{
	const char *path = line->operand_count > 1 ? line->operands[1] : key_path(a, config, CFG_key_file, "kek");

	if (!path)
		return command_fail(line, 1, "out of memory");
	if (access(path, F_OK) == 0)
		return command_fail(
		    line, 1, "%s is there already, and what is sealed under it could not be read without it", path);
	if (vault_make_key_file(path))
		return command_fail(line, 1, "%s cannot be written: %s", path, strerror(errno));
	printf("%s\nKeep a copy apart from the database's backups: without it nobody can read what is sealed.\n", path);
	return 0;
}

/* ---- rotate, reindex ---- */

static const enum vault_purpose all_purposes[] = {VAULT_PII, VAULT_RESPONSE, VAULT_INDEX, VAULT_SECRET};

static bool wanted(const struct keys *k, enum vault_purpose p)
{
	const char *only = command_option(k->line, "purpose");

	return !only || str_eq(str_from(only), vault_purpose_name(p));
}

static struct str asked(const struct keys *k)
{
	const char *only = command_option(k->line, "purpose");

	return only ? str_from(only) : S("all");
}

/* A rotation that was cut off is gone on with. Whatever else is sealing answers anew has to end before keys are rotated; keys that seal no answers
 * need not wait for it. */
static enum err look_for_job(struct keys *k, struct tx *tx)
{
	struct live_row {
		struct uuid id;
		struct str rotated;
	} * rows;
	static const struct pg_col cols[] = {
	    COL(struct live_row, id, PGT_UUID), COL(struct live_row, rotated, PGT_TEXT)};
	size_t n;
	enum err e = tx_rows(tx, k->arena, &Q_NO_IN(SQL_reseal_live, cols), sizeof *rows, (void **)&rows, &n);

	k->now.job = (struct uuid){0};
	k->resuming = k->blocked = false;
	if (e || n == 0 || str_eq(asked(k), vault_purpose_name(VAULT_SECRET)))
		return e;
	for (size_t i = 0; i < n && !k->resuming; i++) {
		k->resuming = str_eq(rows[i].rotated, S("all")) || str_eq(rows[i].rotated, asked(k));
		k->now.job = rows[i].id;
	}
	k->blocked = !k->resuming;
	return OK;
}

static enum err rotate_in(struct tx *tx, void *ctx)
{
	struct keys *k = ctx;
	bool reseal = !command_option(k->line, "no-reseal");
	int64_t version, made = 0;
	enum err e;

	if ((e = vault_alone(tx)) || (e = look_for_job(k, tx)) || k->resuming || k->blocked)
		return e;
	for (size_t i = 0; i < countof(all_purposes); i++) {
		if (!wanted(k, all_purposes[i]))
			continue;
		if ((e = vault_rotate(k->app->vault, tx, all_purposes[i], k->arena, &version)))
			return e;
		if (version == 0)
			continue;
		made += all_purposes[i] != VAULT_SECRET;
		if ((e = event(k, tx, S("rotated"), vault_purpose_name(all_purposes[i]), version)))
			return e;
	}
	return made > 0 && reseal ? reseal_add(tx, k->arena, false, asked(k), &k->now.job) : OK;
}

static enum err reindex_in(struct tx *tx, void *ctx)
{
	struct keys *k = ctx;

	return reseal_add(tx, k->arena, true, S(""), &k->now.job);
}

struct progress {
	struct str status, message, which;
	int64_t done, total, unreadable;
};

static enum err progress_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct progress, status, PGT_TEXT),
	    COL(struct progress, message, PGT_TEXT), COL(struct progress, done, PGT_INT),
	    COL(struct progress, total, PGT_INT), COL(struct progress, unreadable, PGT_INT),
	    COL(struct progress, which, PGT_TEXT)};
	struct key_wait *w = ctx;
	const struct pg_param in[] = {P_UUID(&w->job)};

	return tx_one(tx, w->arena, &Q(SQL_reseal_progress, in, cols), w->out);
}

/* Until the job has ended. The command may be ended meanwhile: the job goes on. */
static enum err wait_for(struct keys *k, const struct key_tenant *t)
{
	struct progress now, last = {.done = -1};
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, MB);
	for (int turn = 0;; turn++) {
		struct key_wait w = {t->job, &a, &now};

		arena_reset(&a);
		if ((e = tx_run(k->app, PG_WORKER, &t->id, &a, progress_in, &w)))
			break;
		if (now.done != last.done)
			printf("%.*s  %lld of %lld\n", STR_ARGS(t->slug), (long long)now.done,
			    (long long)(now.total > now.done ? now.total : now.done));
		if (turn == 5 * NO_WORKER_SAY_S && str_eq(now.status, S("queued")))
			printf("%.*s  waits for a worker (collect worker)\n", STR_ARGS(t->slug));
		fflush(stdout);
		last.done = now.done;
		if (!str_eq(now.status, S("queued")) && !str_eq(now.status, S("running"))) {
			printf("%.*s  %.*s %.*s\n", STR_ARGS(t->slug), STR_ARGS(now.status), STR_ARGS(now.message));
			k->unreadable += now.unreadable;
			if (now.which.n > 0)
				printf("%.*s  these do not open (survey/response):\n%.*s\n", STR_ARGS(t->slug),
				    STR_ARGS(now.which));
			e = str_eq(now.status, S("succeeded")) ? OK : ERR_CONFLICT;
			break;
		}
		usleep(200000);
	}
	arena_free(&a);
	return e;
}

static enum err work_on(struct keys *k, const struct key_tenant *t, enum err (*fn)(struct tx *tx, void *ctx))
{
	enum err e = in_tenant(k, t, fn);

	if (e)
		return e;
	while (k->blocked) {
		printf("%.*s  answers are being sealed anew for another reason: %s\n", STR_ARGS(t->slug),
		    command_option(k->line, "no-wait") ? "its keys are not rotated" : "rotates after that");
		k->left = k->left || command_option(k->line, "no-wait");
		if (command_option(k->line, "no-wait"))
			return OK;
		/* However it ends, it is out of the way then. */
		if ((e = wait_for(k, &k->now)) && e != ERR_CONFLICT)
			return e;
		k->tenants--;
		if ((e = in_tenant(k, t, fn)))
			return e;
	}
	if (k->resuming)
		printf("%.*s  an earlier rotation is under way: no new version, waiting for it\n", STR_ARGS(t->slug));
	if (uuid_is_nil(&k->now.job) || command_option(k->line, "no-wait"))
		return OK;
	return wait_for(k, &k->now);
}

static enum err rotate_one(void *ctx, const struct key_tenant *t)
{
	return work_on(ctx, t, rotate_in);
}

static enum err reindex_one(void *ctx, const struct key_tenant *t)
{
	return work_on(ctx, t, reindex_in);
}

static int rotate(struct keys *k)
{
	const char *only = command_option(k->line, "purpose");
	enum vault_purpose p;
	int status;

	if (only && !vault_purpose_read(str_from(only), &p))
		return command_fail(
		    k->line, 2, "\"%s\" is no purpose; there are pii, response, index and secret", only);
	if ((status = each(k, rotate_one, "rotate")))
		return status;
	if (k->left)
		return command_fail(
		    k->line, 3, "not every tenant's keys were rotated; do it again when its job has ended");
	if (k->unreadable > 0)
		return command_fail(k->line, 1,
		    "%lld answers do not open; retired keys are kept for them. Their ids stand above, of each tenant "
		    "the "
		    "first hundred; "
		    "the workers' log has all of them (\"a sealed answer does not open\")",
		    (long long)k->unreadable);
	return 0;
}

/* ---- rewrap ---- */

static enum err rewrap_in(struct tx *tx, void *ctx)
{
	struct keys *k = ctx;
	int64_t n;
	enum err e;

	if ((e = vault_alone(tx)) || (e = vault_rewrap(k->app->vault, tx, k->arena, &n)))
		return e;
	k->n = n;
	return n > 0 ? event(k, tx, S("rewrapped"), S(""), n) : OK;
}

static enum err rewrap_one(void *ctx, const struct key_tenant *t)
{
	struct keys *k = ctx;
	enum err e = in_tenant(k, t, rewrap_in);

	if (!e && k->n > 0)
		printf("%.*s  %lld keys\n", STR_ARGS(t->slug), (long long)k->n);
	fflush(stdout);
	k->resuming = k->resuming || k->n > 0;
	return e;
}

static enum err rewrap_system_in(struct tx *tx, void *ctx)
{
	struct keys *k = ctx;

	return vault_rewrap_system(k->app->vault, tx, k->arena, &k->n);
}

/* Goes round until there is nothing left: while it was at it a server that has yet to hear of the new key may have made one under the old. */
static int rewrap(struct keys *k)
{
	int status;
	enum err e;

	do {
		k->resuming = false;
		if ((e = tx_run(k->app, PG_WORKER, NULL, k->arena, rewrap_system_in, k)))
			return failed(k, e, "rewrap");
		if (k->n > 0)
			printf("installation  %lld keys\n", (long long)k->n);
		if ((status = each(k, rewrap_one, "rewrap")))
			return status;
	} while (k->resuming);
	printf("Every key is wrapped under the present key-encryption key (%.*s). When every server and worker has "
	       "that as key_file, "
	       "key_file_previous may go; destroy the old key when no backup needs it any more.\n",
	    STR_ARGS(vault_kek_id(k->app->vault)));
	return 0;
}

/* ---- shred ---- */

static enum err shred_in(struct tx *tx, void *ctx)
{
	struct keys *k = ctx;
	enum err e;

	if ((e = vault_shred(tx, &k->n)) || (e = lookups_clear(tx)))
		return e;
	return event(k, tx, S("shredded"), S(""), k->n);
}

static enum err shred_one(void *ctx, const struct key_tenant *t)
{
	return in_tenant(ctx, t, shred_in);
}

static bool confirmed(const struct keys *k)
{
	const char *yes = command_option(k->line, "yes");
	char typed[128];

	if (yes)
		return strcmp(yes, k->tenant) == 0;
	fprintf(stderr,
	    "This destroys the keys of \"%s\": nobody can ever read its sealed answers again, here or in a backup.\n"
	    "Type its name to go on: ",
	    k->tenant);
	if (!fgets(typed, sizeof typed, stdin))
		return false;
	typed[strcspn(typed, "\n")] = 0;
	return strcmp(typed, k->tenant) == 0;
}

static int shred(struct keys *k)
{
	int status;

	if (!k->tenant)
		return command_fail(k->line, 2, "shred needs --tenant SLUG");
	if (!confirmed(k))
		return command_fail(k->line, 1, "that is not its name: nothing was destroyed");
	if ((status = each(k, shred_one, "shred")))
		return status;
	printf("%s: %lld keys destroyed. Servers forget them within three seconds. Backups of the database hold "
	       "wrapped copies from before: they too are "
	       "unreadable when the key-encryption key is changed (collect keys rewrap) and the old one destroyed.\n",
	    k->tenant, (long long)k->n);
	return 0;
}

/* ---- the command ---- */

static int act(const struct command_line *line, struct keys *k)
{
	static const struct {
		const char *name;
		int (*fn)(struct keys *k);
	} acts[] = {{"rotate", rotate}, {"rewrap", rewrap}, {"shred", shred}};
	const char *what = line->operands[0];

	for (size_t i = 0; i < countof(acts); i++)
		if (strcmp(what, acts[i].name) == 0)
			return acts[i].fn(k);
	if (strcmp(what, "status") == 0)
		return keys_status(line, k->app, k->arena, k->tenant);
	if (strcmp(what, "reindex") == 0)
		return each(k, reindex_one, "reindex");
	return command_fail(line, 2,
	    "\"%s\" is not something it does; there are init, status, rotate, rewrap, reindex and shred", what);
}

static int keys_run(struct command_line *line, struct arena *a)
{
	struct keys k = {.line = line, .arena = a, .tenant = command_option(line, "tenant")};
	struct config *config;
	struct str why = S("");
	int status;

	if (!command_config(line, a, &config))
		return 1;
	if (strcmp(line->operands[0], "init") == 0)
		return init(line, a, config);
	if (app_open(a, config, OPEN_WORKER, &k.app, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	status = act(line, &k);
	app_close(k.app);
	return status;
}

int keys_command(int argc, char **argv)
{
	struct option_row options[] = {{"tenant", "SLUG", "Only this tenant (rotate, reindex, status: all without it)"},
	    {"purpose", "NAME", "Only keys of this purpose: pii, response, index or secret"},
	    {"no-reseal", NULL, "rotate: new versions for what is new; what is there stays under the old ones"},
	    {"no-wait", NULL, "rotate, reindex: do not wait for the workers to be done"},
	    {"yes", "SLUG", "shred: do not ask"}, {"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "keys",
	    .usage = "init [FILE] | status | rotate | rewrap | reindex | shred --tenant SLUG",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 2,
	    .about = "init     makes a key-encryption key file; never over one that is there\n"
		     "status   which keys there are, and under which key-encryption key\n"
		     "rotate   a new version of each tenant's keys; workers seal what is there anew, then the old "
		     "versions are destroyed\n"
		     "rewrap   wraps all keys under the present key-encryption key; the old one is named by "
		     "key_file_previous\n"
		     "reindex  makes the index anew by which answers are found by e-mail address and phone number\n"
		     "shred    destroys all keys of a tenant: its sealed answers cannot be read again, here or in a "
		     "backup\n\n"
		     "All of it goes on beside running servers, and may be repeated after it was cut off."};
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	arena_init(&a, &arena_malloc, KEYS_ARENA_MAX_BYTES);
	status = keys_run(&line, &a);
	arena_free(&a);
	return status;
}

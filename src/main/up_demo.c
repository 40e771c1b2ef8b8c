/* up_demo.c - the demonstration: one tenant, one project, two published questionnaires with links. Repeating it adds what is missing. */
#include "main/up.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/json.h"
#include "base/limits.h"
#include "fieldwork/fieldwork.h"
#include "main/demo_surveys.h"
#include "main/open.h"
#include "main/password.h"
#include "sql.h"
#include "survey/survey.h"
#include "tenant/tenant.h"
#include "vault/vault.h"

#define DEMO_ARENA_MAX_BYTES (64 * MB)
#define FILE_MAX_BYTES (64 * KB)
#define DEMO_EMAIL "admin@demo.example"
#define DEMO_PROJECT "Demonstration"

struct demo_survey {
	const char *slug;
	const struct str *definition;
	unsigned compile_flags;
};
static const struct demo_survey surveys[] = {
    {"csat", &demo_survey_csat, 0},
    {"brand-tracker", &demo_survey_brand_tracker, 0},
};

struct demo {
	struct up *up;
	struct arena *arena;
	struct app *app;
	struct tenant_made tenant;
	struct str password;
	const struct demo_survey *survey; /* the one under way */
	struct str diagnostics;
};

static bool fail(const struct demo *d, const char *what, enum err e, struct str why)
{
	command_fail(d->up->line, 1, "%s: %s %.*s", what, err_meaning(e), STR_ARGS(why));
	return false;
}

/* Made once and kept, so that a first start that was cut short does not lock anyone out. */
static bool find_password(struct demo *d)
{
	char path[UP_PATH_BYTES];
	struct str text;

	if (!up_path(d->up, path, "keys/demo-password") || password_make(d->arena, &text))
		return false;
	if (secret_file_make(path, text) || password_read(path, d->arena, &d->password)) {
		command_fail(d->up->line, 1, "%s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

static bool make_tenant(struct demo *d)
{
	struct tenant_new in = {.slug = S("demo"),
	    .name = S("Demonstration"),
	    .email = S(DEMO_EMAIL),
	    .user_name = S("Demo administrator"),
	    .password = d->password};
	struct str why = S("");
	enum err e = tenant_provision(config_text(d->app->config, CFG_database_url), &in, d->arena, &d->tenant, &why);

	if (e == OK || (e == ERR_CONFLICT && !uuid_is_nil(&d->tenant.user_id)))
		return true;
	return fail(d, "the tenant \"demo\" cannot be made", e, why);
}

/* The title in the questionnaire's first language: what lists show. */
static struct str title_of(const struct demo *d, struct str definition)
{
	struct json *doc;
	struct json_error why;
	const struct json *title;

	if (json_read(d->arena, definition, &json_limits_default, &doc, &why))
		return str_from(d->survey->slug);
	title = json_get(json_get(doc, S("survey")), S("title"));
	if (title && title->type == JSON_STR)
		return title->s;
	return json_str_or(title, S("en"), str_from(d->survey->slug));
}

struct id_row {
	struct uuid id;
};

static enum err find_project(struct demo *d, struct tx *tx, struct uuid *id)
{
	static const struct pg_col cols[] = {COL(struct id_row, id, PGT_UUID)};
	const struct pg_param in[] = {P_TEXT(S(DEMO_PROJECT))};
	struct id_row row;
	enum err e = tx_one(tx, d->arena, &Q(SQL_demo_project, in, cols), &row);

	if (e == OK)
		*id = row.id;
	if (e != ERR_NOT_FOUND)
		return e;
	return project_create(tx, S(DEMO_PROJECT), S("Two questionnaires to try."), id);
}

static enum err make_survey(struct tx *tx, void *ctx)
{
	struct demo *d = ctx;
	struct str text = *d->survey->definition, slug;
	struct link_new link = {.slug = str_from(d->survey->slug), .title = S("Open link")};
	struct published published = {.diagnostics = S("")};
	struct uuid project, survey, id;
	enum err e;

	tx_set_actor(tx, &d->tenant.user_id, S("collect-up-demo"));
	tx_set_credential(tx, "operator", NULL);
	if ((e = find_project(d, tx, &project)))
		return e;
	if ((e = survey_create(tx, d->arena, &project, title_of(d, text), text, &survey)))
		return e;
	e = survey_publish(tx, d->arena, &survey, d->survey->compile_flags, &published);
	d->diagnostics = published.diagnostics;
	if (e)
		return e;
	return link_create(tx, d->arena, &survey, &link, &id, &slug);
}

struct link_row {
	struct uuid tenant_id;
};

static enum err find_link(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct link_row, tenant_id, PGT_UUID)};
	struct demo *d = ctx;
	const struct pg_param in[] = {P_TEXT(str_from(d->survey->slug))};
	struct link_row row;
	enum err e = tx_one(tx, d->arena, &Q(SQL_demo_link, in, cols), &row);

	if (e == OK && !uuid_eq(&row.tenant_id, &d->tenant.tenant_id))
		return ERR_CONFLICT;
	return e;
}

static void show_diagnostics(const struct demo *d)
{
	struct json *doc;
	struct json_error why;
	const struct json *list;
	size_t i;

	if (d->diagnostics.n == 0 || json_read(d->arena, d->diagnostics, &json_limits_default, &doc, &why))
		return;
	list = json_get(doc, S("diagnostics"));
	for (i = 0; list && list->type == JSON_ARRAY && i < list->count; i++) {
		struct str pointer = json_str_or(&list->items[i], S("pointer"), S("")),
			   text = json_str_or(&list->items[i], S("message"), S(""));

		up_say("  %s %.*s: %.*s", d->survey->slug, STR_ARGS(pointer), STR_ARGS(text));
	}
}

static bool ensure_survey(struct demo *d, const struct demo_survey *survey)
{
	enum err e;

	d->survey = survey;
	d->diagnostics = S("");
	e = tx_run(d->app, PG_APP, &d->tenant.tenant_id, d->arena, find_link, d);
	if (e == OK)
		return true;
	if (e == ERR_CONFLICT) {
		up_say("! the link %s belongs to another tenant of this database; the demonstration goes without it",
		    survey->slug);
		return true;
	}
	if (e != ERR_NOT_FOUND)
		return fail(d, survey->slug, e, S(""));
	up_say("publishing the questionnaire %s", survey->slug);
	e = tx_run(d->app, PG_APP, &d->tenant.tenant_id, d->arena, make_survey, d);
	show_diagnostics(d);
	return e ? fail(d, survey->slug, e, S("")) : true;
}

static bool write_file(const struct demo *d, struct str text)
{
	char path[UP_PATH_BYTES], fresh[UP_PATH_BYTES];
	int fd;
	bool ok;

	if (!up_path(d->up, path, "demo.json") || !up_path(d->up, fresh, "demo.json.new"))
		return false;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
	ok = fd >= 0 && close(fd) == 0 && ok && rename(fresh, path) == 0;
	if (!ok)
		command_fail(d->up->line, 1, "%s: %s", path, strerror(errno));
	return ok;
}

static bool write_demo(const struct demo *d)
{
	struct str url = up_json_text(d->up, "serve.json", "url"), text;
	char tenant[UUID_TEXT_BYTES], link[UP_URL_BYTES];
	struct json_out w;
	struct buf b;
	size_t i;

	uuid_text(&d->tenant.tenant_id, tenant);
	buf_init(&b, d->arena, FILE_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("url"), url);
	json_field_str(&w, S("internal_url"), up_json_text(d->up, "serve.json", "internal_url"));
	json_field_str(&w, S("email"), S(DEMO_EMAIL));
	json_field_str(&w, S("password"), d->password);
	json_field_str(&w, S("tenant_id"), str_make(tenant, sizeof tenant));
	json_key(&w, S("links"));
	json_open(&w, '{');
	for (i = 0; i < countof(surveys); i++) {
		snprintf(link, sizeof link, "%.*s/s/%s", STR_ARGS(url), surveys[i].slug);
		json_field_str(&w, str_from(surveys[i].slug), str_from(link));
	}
	json_close(&w, '}');
	json_close(&w, '}');
	buf_char(&b, '\n');
	return buf_done(&b, &text) == OK && write_file(d, text);
}

bool demo_make(struct up *up)
{
	struct arena a;
	struct demo d = {.up = up, .arena = &a};
	struct config *config;
	struct str why = S("");
	enum err e;
	size_t i;
	bool ok;

	arena_init(&a, &arena_malloc, DEMO_ARENA_MAX_BYTES);
	/* read again: by now the environment names the database, Redis and the data folder; a tenant is made as the owner */
	if (setenv("COLLECT_DATABASE_URL", up->database_url, 1) != 0 || !command_config(up->line, &a, &config))
		return false;
	if ((e = app_open(&a, config, OPEN_SEED, &d.app, &why)))
		return fail(&d, "the demonstration", e, why);
	ok = find_password(&d) && make_tenant(&d);
	for (i = 0; ok && i < countof(surveys); i++)
		ok = ensure_survey(&d, &surveys[i]);
	ok = ok && write_demo(&d);
	app_close(d.app);
	arena_free(&a);
	return ok;
}

/* ---- what was written, read again ---- */

struct str up_json_text(const struct up *up, const char *file, const char *member)
{
	char path[UP_PATH_BYTES], *text = arena_alloc(up->arena, FILE_MAX_BYTES);
	struct str rest = str_from(member);
	const struct json *at;
	struct json *doc;
	struct json_error why;
	struct buf number;
	ssize_t n;
	int fd;

	if (!text || !up_path(up, path, file) || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return S("");
	n = read(fd, text, FILE_MAX_BYTES);
	close(fd);
	if (n <= 0 || json_read(up->arena, str_make(text, (size_t)n), &json_limits_default, &doc, &why))
		return S("");
	for (at = doc; at && rest.n;)
		at = json_get(at, str_cut(&rest, '.', NULL));
	if (at && at->type == JSON_INT) {
		buf_init(&number, up->arena, 32);
		buf_int(&number, at->i);
		return str_make(number.p, number.n);
	}
	return at && at->type == JSON_STR ? at->s : S("");
}

void up_show(const struct up *up)
{
	struct str url = up_json_text(up, "serve.json", "url"),
		   internal = up_json_text(up, "serve.json", "internal_url");
	size_t i;

	up_say("\nCimigo Collect is running.\n\n  address        %.*s", STR_ARGS(url));
	if (up->demo) {
		up_say("  demo login     %.*s  password %.*s", STR_ARGS(up_json_text(up, "demo.json", "email")),
		    STR_ARGS(up_json_text(up, "demo.json", "password")));
		for (i = 0; i < countof(surveys); i++)
			up_say("  %-14s %.*s/s/%s", i == 0 ? "surveys" : "", STR_ARGS(url), surveys[i].slug);
	}
	up_say("  API reference  %.*s/docs\n  health         %.*s/internal/readyz", STR_ARGS(url), STR_ARGS(internal));
	up_say("  data and logs  %s (for other commands: --config %s/collect.conf)", up->data, up->data);
	up_say("  stop           Ctrl-C, or: kill %d\n", (int)getpid());
}

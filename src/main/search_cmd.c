/* search_cmd.c - `collect search rebuild`: what answers are searched and filtered by is made anew from the answers. Only marks are set here; workers make it. */
#include <string.h>
#include "fieldwork/fieldwork.h"
#include "main/keys_cmd.h"

#define SEARCH_ARENA_MAX_BYTES (64 * MB)

struct rebuild {
	const struct command_line *line;
	struct app *app;
	struct arena *arena;
	struct search_place after;
	int64_t marked, total, tenants;
};

static enum err mark_in(struct tx *tx, void *ctx)
{
	struct rebuild *r = ctx;
	struct search_place after = r->after; /* the step may be repeated */
	enum err e = search_renew(tx, r->arena, &after, &r->marked);

	if (!e)
		r->after = after;
	return e;
}

static enum err rebuild_tenant(void *ctx, const struct key_tenant *t)
{
	struct rebuild *r = ctx;
	enum err e;

	r->after = (struct search_place){{{0}}, {{0}}};
	do {
		if ((e = tx_run(r->app, PG_WORKER, &t->id, r->arena, mark_in, r)))
			return e;
		r->total += r->marked;
	} while (r->marked > 0);
	r->tenants++;
	return OK;
}

static int rebuild(const struct command_line *line, struct arena *a)
{
	const char *slug = command_option(line, "tenant");
	struct rebuild r = {.line = line, .arena = a};
	struct str why = S("out of memory");
	struct config *config;
	enum err e;

	if (strcmp(line->operands[0], "rebuild") != 0)
		return command_fail(line, 2, "there is no \"%s\"; it is `collect search rebuild`", line->operands[0]);
	if (!command_config(line, a, &config))
		return 1;
	if (app_open(a, config, OPEN_WORKER, &r.app, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	e = keys_each_tenant(r.app, a, slug, rebuild_tenant, &r);
	app_close(r.app);
	if (e)
		return command_fail(line, 1, "%s", err_meaning(e));
	if (slug && r.tenants == 0)
		return command_fail(line, 1, "there is no tenant %s", slug);
	printf("%lld answers of %lld tenants are made searchable anew by the workers\n", (long long)r.total,
	    (long long)r.tenants);
	return 0;
}

int search_command(int argc, char **argv)
{
	struct option_row options[] = {{"tenant", "SLUG", "Only this tenant (all without it)"},
	    {"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "search",
	    .usage = "rebuild [--tenant SLUG]",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 1,
	    .about =
		"rebuild  has everything that answers are searched and filtered by made anew, by the workers. What is "
		"there is found until then.\n"
		"         It goes on beside running servers, and may be repeated after it was cut off."};
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	arena_init(&a, &arena_malloc, SEARCH_ARENA_MAX_BYTES);
	status = rebuild(&line, &a);
	arena_free(&a);
	return status;
}

/* print.c - `collect config` and `collect print`: what the program knows of itself, on standard output. */
#include "base/limits.h"
#include "engine/engine.h"
#include "main/command.h"
#include "main/document.h"
#include "main/open.h"

#define PRINT_ARENA_MAX_BYTES (32 * MB)

static int put(const struct command_line *line, const struct buf *b)
{
	struct str text;

	if (buf_done(b, &text))
		return command_fail(line, 1, "out of memory");
	fwrite(text.p, 1, text.n, stdout);
	return 0;
}

int config_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "config",
	    .usage = "[--config FILE]",
	    .options = options,
	    .option_count = countof(options),
	    .about = "Prints every setting, where its value comes from and what it does. Secrets are masked."};
	struct config *config;
	struct arena a;
	struct buf b;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	arena_init(&a, &arena_malloc, PRINT_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	buf_init(&b, &a, MB);
	config_print(config, &b);
	status = put(&line, &b);
	arena_free(&a);
	return status;
}

static int print_openapi(const struct command_line *line, struct arena *a)
{
	struct app *app;
	struct str json, why;

	if (app_describe(a, &app, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	if (openapi_print(app, a, &json))
		return command_fail(line, 1, "the description does not fit into memory");
	fwrite(json.p, 1, json.n, stdout);
	fputc('\n', stdout);
	openapi_close(app->openapi);
	return 0;
}

static int print_routes(const struct command_line *line, struct arena *a, struct buf *b)
{
	struct app *app;
	struct str why;

	if (app_describe(a, &app, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	routes_print(app, b);
	openapi_close(app->openapi);
	return put(line, b);
}

int print_command(int argc, char **argv)
{
	struct command_line line = {.name = "print",
	    .usage = "openapi|routes|settings|errors|diagnostics",
	    .operand_min = 1,
	    .operand_max = 1,
	    .about =
		"Prints the API's description (OpenAPI 3.1), the routes with their permissions (JSON), the settings, "
		"the "
		"errors or what is said about survey definitions (Markdown), from the tables the program runs on."};
	struct arena a;
	struct buf b;
	const char *what;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	what = line.operands[0];
	arena_init(&a, &arena_malloc, PRINT_ARENA_MAX_BYTES);
	buf_init(&b, &a, MB);
	if (strcmp(what, "openapi") == 0) {
		status = print_openapi(&line, &a);
	} else if (strcmp(what, "routes") == 0) {
		status = print_routes(&line, &a, &b);
	} else if (strcmp(what, "settings") == 0) {
		settings_print(&b);
		status = put(&line, &b);
	} else if (strcmp(what, "errors") == 0) {
		errors_print(&b);
		status = put(&line, &b);
	} else if (strcmp(what, "diagnostics") == 0) {
		diagnostics_print(&b);
		status = put(&line, &b);
	} else {
		status =
		    command_fail(&line, 2, "\"%s\" is none of openapi, routes, settings, errors, diagnostics", what);
	}
	arena_free(&a);
	return status;
}

/* user.c - `collect user second-factor remove`: what only the operator may do for somebody who lost his second factor. A user belongs to several tenants,
 * so no tenant's administrator may: he would weaken an account that others rely on. */
#include "auth/auth.h"
#include "base/limits.h"
#include "main/command.h"

#define USER_ARENA_MAX_BYTES (4 * MB)

static int take(const struct command_line *line, struct arena *a, const struct config *config)
{
	const char *owner = config_text(config, CFG_database_url);
	const struct str email = str_from(line->operands[2]);
	struct str why = S("");
	enum err e;

	if (!*owner)
		return command_fail(line, 1,
		    "database_url is not set: set COLLECT_DATABASE_URL, or give --config DATA/collect.conf of `collect "
		    "up`");
	e = auth_second_factor_take(owner, email, a, &why);
	if (e == ERR_NOT_FOUND)
		return command_fail(line, 1, "nobody with this address has a second factor");
	if (e)
		return command_fail(line, 1, "%.*s", STR_ARGS(why.n ? why : str_from(err_meaning(e))));
	printf("removed   %s signs in with the password alone now\n", line->operands[2]);
	return 0;
}

int user_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "user",
	    .usage = "second-factor remove EMAIL [OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 3,
	    .operand_max = 3,
	    .about =
		"Removes the second factor of somebody who lost it and the recovery codes. Make sure that it is really "
		"him who asks.\nNeeds the database as its owner (COLLECT_DATABASE_URL)."};
	struct config *config;
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	if (strcmp(line.operands[0], "second-factor") != 0 || strcmp(line.operands[1], "remove") != 0)
		return command_fail(&line, 2, "there is `second-factor remove`, and nothing else");
	arena_init(&a, &arena_malloc, USER_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	status = take(&line, &a, config);
	arena_free(&a);
	return status;
}

/* user.c - `collect user second-factor remove | erase`: what only the operator may do, because an account belongs to all the tenants of somebody: a tenant's
 * administrator would weaken, or take away, what others rely on. */
#include "auth/auth.h"
#include "base/limits.h"
#include "main/command.h"
#include "privacy/privacy.h"

#define USER_ARENA_MAX_BYTES (4 * MB)
#define NO_DATABASE                                                                                                    \
	"database_url is not set: set COLLECT_DATABASE_URL, or give --config DATA/collect.conf of `collect up`"

static int take(const struct command_line *line, struct arena *a, const struct config *config)
{
	const char *owner = config_text(config, CFG_database_url);
	const struct str email = str_from(line->operands[2]);
	struct str why = S("");
	enum err e;

	if (!*owner)
		return command_fail(line, 1, NO_DATABASE);
	e = auth_second_factor_take(owner, email, a, &why);
	if (e == ERR_NOT_FOUND)
		return command_fail(line, 1, "nobody with this address has a second factor");
	if (e)
		return command_fail(line, 1, "%.*s", STR_ARGS(why.n ? why : str_from(err_meaning(e))));
	printf("removed   %s signs in with the password alone now\n", line->operands[2]);
	return 0;
}

static int erase(const struct command_line *line, struct arena *a, const struct config *config)
{
	const char *owner = config_text(config, CFG_database_url);
	struct str held, why;
	enum err e;

	if (!*owner)
		return command_fail(line, 1, NO_DATABASE);
	e = privacy_user_erase(owner, str_from(line->operands[1]), a, &held, &why);
	if (e == ERR_NOT_FOUND)
		return command_fail(line, 1, "nobody has this address");
	if (e == ERR_CONFLICT)
		return command_fail(
		    line, 1, "still a member of %.*s; remove the membership there first", STR_ARGS(held));
	if (e)
		return command_fail(line, 1, "%.*s", STR_ARGS(why.n ? why : str_from(err_meaning(e))));
	printf("erased\n");
	return 0;
}

static bool is(const struct command_line *line, int n, const char *first, const char *second)
{
	return line->operand_count == n && strcmp(line->operands[0], first) == 0 &&
	       (!second || strcmp(line->operands[1], second) == 0);
}

int user_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "user",
	    .usage = "second-factor remove EMAIL | erase EMAIL [OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 2,
	    .operand_max = 3,
	    .about =
		"second-factor remove: removes the second factor of somebody who lost it and the recovery codes. Make "
		"sure that it is really him who asks.\n"
		"erase: empties the account of somebody who is no tenant's member any more; the id that others refer "
		"to stays.\n"
		"Needs the database as its owner (COLLECT_DATABASE_URL)."};
	struct config *config;
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	if (!is(&line, 3, "second-factor", "remove") && !is(&line, 2, "erase", NULL))
		return command_fail(&line, 2, "there are `second-factor remove EMAIL` and `erase EMAIL`");
	arena_init(&a, &arena_malloc, USER_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	status = line.operand_count == 2 ? erase(&line, &a, config) : take(&line, &a, config);
	arena_free(&a);
	return status;
}

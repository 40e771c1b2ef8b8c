/* tenant.c - `collect tenant add`: the only way to a new tenant, so that there is no route that could be left open. */
#include <unistd.h>
#include "base/hash.h"
#include "base/limits.h"
#include "main/command.h"
#include "main/password.h"
#include "tenant/tenant.h"

#define TENANT_ARENA_MAX_BYTES (8 * MB)

static int add(const struct command_line *line, struct arena *a, const struct config *config)
{
	const char *owner = config_text(config, CFG_database_url), *given = command_option(line, "password-file");
	const char *slug = command_option(line, "slug"), *email = command_option(line, "email");
	struct tenant_new in = {.slug = str_from(slug), .email = str_from(email)};
	struct tenant_made made;
	struct str why = S("");
	enum err e;

	if (!slug || !email)
		return command_fail(line, 2, "--slug and --email are needed");
	if (!*owner)
		return command_fail(line, 1,
		    "database_url is not set: set COLLECT_DATABASE_URL, or give --config DATA/collect.conf of `collect "
		    "up`");
	in.known_user = command_option(line, "known-user") != NULL;
	in.name = command_option(line, "name") ? str_from(command_option(line, "name")) : in.slug;
	in.user_name = command_option(line, "user-name") ? str_from(command_option(line, "user-name")) : in.email;
	if (given && password_read(given, a, &in.password))
		return command_fail(line, 1, "%s cannot be read as a password of 8 to 200 characters", given);
	if (!given && password_make(a, &in.password))
		return command_fail(line, 1, "out of memory");
	e = tenant_provision(owner, &in, a, &made, &why);
	if (e == ERR_CONFLICT)
		return command_fail(line, 1, "there is a tenant \"%s\" already", slug);
	if (e)
		return command_fail(line, 1, "%s%.*s", why.n ? "" : err_meaning(e), STR_ARGS(why));
	printf("tenant    %.*s\nuser      %s\n", STR_ARGS(uuid_str(a, &made.tenant_id)), email);
	if (made.user_known)
		printf("password  as before: this user is in another tenant already; sign in with \"tenant\": \"%s\"\n",
		    slug);
	else if (!given)
		printf("password  %.*s   (shown only now)\n", STR_ARGS(in.password));
	return 0;
}

int tenant_command(int argc, char **argv)
{
	struct option_row options[] = {{"slug", "NAME", "Short name of the tenant: a-z, 0-9 and -"},
	    {"name", "TEXT", "Its full name (default: the slug)"},
	    {"email", "ADDRESS", "Its first administrator, who signs in with this"},
	    {"user-name", "TEXT", "The administrator's name (default: the e-mail address)"},
	    {"password-file", "FILE",
		"The administrator's password (- for standard input); without it one is made and printed"},
	    {"known-user", NULL, "The account that has this address already is that person's, and may own the tenant"},
	    {"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "tenant",
	    .usage = "add --slug NAME --email ADDRESS [OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 1,
	    .about =
		"Makes a tenant and its first administrator. Needs the database as its owner (COLLECT_DATABASE_URL)."};
	struct config *config;
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	if (strcmp(line.operands[0], "add") != 0)
		return command_fail(&line, 2, "\"%s\" is not something it does; there is `add`", line.operands[0]);
	arena_init(&a, &arena_malloc, TENANT_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	status = add(&line, &a, config);
	arena_free(&a);
	return status;
}

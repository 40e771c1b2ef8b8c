/* collect.c - one program, many subcommands. */
#include "main/command.h"
#include "main/engine_cmd.h"

#include "main/version.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static int version_command(int argc, char **argv);
static int help_command(int argc, char **argv);

static const struct command commands[] = {
    {"up", up_command, "Start everything: database, Redis, server and worker, in one folder."},
    {"serve", serve_command, "Answer HTTP requests."},
    {"worker", worker_command, "Do the work that no request waits for."},
    {"migrate", migrate_command, "Bring the database's schema up to date."},
    {"doctor", doctor_command, "Check an installation and show its slowest statements."},
    {"tenant", tenant_command, "Make a tenant and its first administrator."},
    {"user", user_command, "Remove somebody's second factor, or an account that nobody needs."},
    {"keys", keys_command, "Make, rotate and destroy the keys that answers are sealed with."},
    {"search", search_command, "Make what answers are searched by anew."},
    {"mail", mail_command, "Send a sample mail, to see whether mail works."},
    {"check", engine_cmd_check, "Judge a questionnaire."},
    {"compile", engine_cmd_compile, "Compile a questionnaire to a program."},
    {"disasm", engine_cmd_disasm, "Print a compiled program for people."},
    {"eval", engine_cmd_eval, "Work out one expression."},
    {"simulate", engine_cmd_simulate, "Let synthetic respondents answer a questionnaire."},
    {"replay", engine_cmd_replay, "Run interviews again from their events."},
    {"config", config_command, "Print every setting, where it comes from and what it does."},
    {"print", print_command, "Print what the program knows of itself: openapi, routes, settings, errors, diagnostics."},
    {"version", version_command, "Print the version."},
    {"help", help_command, "Print this."},
};

static int version_command(int argc, char **argv)
{
	struct command_line line = {.name = "version", .usage = "", .about = "Prints the version."};
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	printf("collect %s\n", COLLECT_VERSION);
	return 0;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < countof(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "collect: there is no command \"%s\"\n`collect help` lists them.\n", name);
	return 2;
}

static void print_commands(FILE *to)
{
	size_t i;

	fprintf(to, "Usage: collect COMMAND [OPTIONS]\n\nCimigo Collect %s, a survey platform.\n\nCommands:\n",
	    COLLECT_VERSION);
	for (i = 0; i < countof(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n`collect COMMAND --help` tells more. Settings come from the environment (COLLECT_*) or from "
		    "--config FILE;\n"
		    "`collect config` prints them.\n");
}

static int help_command(int argc, char **argv)
{
	struct command_line line = {.name = "help",
	    .usage = "[COMMAND]",
	    .about = "Prints the commands, or the help of one.",
	    .operand_max = 1};
	const struct command *c;
	char *asked[] = {NULL, (char[]){"--help"}, NULL};
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	if (line.operand_count == 0) {
		print_commands(stdout);
		return 0;
	}
	c = find_command(line.operands[0]);
	if (!c)
		return unknown_command(line.operands[0]);
	asked[0] = line.operands[0];
	return c->run(2, asked);
}

int main(int argc, char **argv)
{
	char help[] = "help", version[] = "version";
	const struct command *c;
	int status;

	if (argc < 2) {
		print_commands(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		argv[1] = help;
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = version;
	c = find_command(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	status = c->run(argc - 1, argv + 1);
	/* a full disk or a closed pipe must not look like success to a script */
	if (fflush(stdout) != 0 && status == 0) {
		fprintf(stderr, "collect %s: the output could not be written\n", argv[1]);
		return 1;
	}
	return status;
}

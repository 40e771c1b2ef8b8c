/* command.h - the subcommands of `collect`: one row each in collect.c, and how they read their options.
 *
 *     static int version_run(int argc, char **argv);      argv[0] is the subcommand's name; the exit status comes back
 *
 * Exit status: 0 done, 1 it could not be done, 2 the command line is wrong (said on standard error, with how to mend it).
 *
 * A command's options are rows; `--help`, "unknown option" and "needs a value" are the same for all:
 *
 *     struct option_row options[] = { { .name = "port", .value_name = "N", .about = "Port of the public listener" }, ... };
 *     struct command_line line = { "serve", "[--port N]", "Answer HTTP requests.", options, countof(options) };
 *     if (command_line_read(&line, argc, argv, &status))
 *         return status;                                   help was printed, or the line was wrong */
#ifndef MAIN_COMMAND_H
#define MAIN_COMMAND_H

#include "core/config.h"

struct option_row {
	const char *name;            /* without the dashes: two, one before a single letter */
	const char *value_name;      /* NULL: a switch */
	const char *about;
	bool given;                  /* out */
	const char *value;           /* out; of the last one given */
};

struct command_line {
	const char *name, *usage, *about;
	struct option_row *options;
	size_t option_count;
	int operand_min, operand_max;
	char **operands;             /* out: what is no option, in order (argv is reordered) */
	int operand_count;           /* out */
};

/* True when the command is over: *status says how. Takes --name VALUE and --name=VALUE; "--" ends the options. */
bool command_line_read(struct command_line *line, int argc, char **argv, int *status);
const char *command_option(const struct command_line *line, const char *name);    /* NULL when not given; "" for a switch */
/* Says `collect NAME: text` on standard error and answers `status`. */
int command_fail(const struct command_line *line, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Settings from --config FILE (an option row of that name) and the environment; says what is wrong and answers false. */
bool command_config(const struct command_line *line, struct arena *a, struct config **out);

/* One function a subcommand; the table is in collect.c. */
int up_command(int argc, char **argv);
int serve_command(int argc, char **argv);
int worker_command(int argc, char **argv);
int migrate_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int tenant_command(int argc, char **argv);
int user_command(int argc, char **argv);
int keys_command(int argc, char **argv);
int search_command(int argc, char **argv);
int mail_command(int argc, char **argv);
int config_command(int argc, char **argv);
int print_command(int argc, char **argv);

#endif

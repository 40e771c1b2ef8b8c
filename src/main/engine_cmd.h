/* engine_cmd.h - the engine on the command line: check, compile, disasm, eval, replay, simulate.
 *
 * Rows for the table of subcommands in collect.c. argv[0] is the subcommand's name; each takes --help. "-" as a file is standard
 * input or output. Exit codes: 0 fine, 1 the definition, program or expression has errors, 2 it was called wrongly or a file
 * could not be read or written. */
#ifndef MAIN_ENGINE_CMD_H
#define MAIN_ENGINE_CMD_H

#include "base/arena.h"
#include "base/str.h"

int engine_cmd_check(int argc, char **argv);   /* check FILE [--json] [--leave-out-unbuilt] */
int engine_cmd_compile(int argc, char **argv); /* compile FILE -o PROGRAM [--leave-out-unbuilt] */
int engine_cmd_disasm(int argc, char **argv);  /* disasm PROGRAM */
int engine_cmd_eval(int argc, char **argv);    /* eval [--compat strict|surveyjs] */
int engine_cmd_replay(int argc, char **argv);  /* replay PROGRAM EVENTS.jsonl [--check] */

int engine_cmd_simulate(int argc, char **argv); /* simulate FILE [-n N] [--seed S] [--out FILE.jsonl] ... */

/* Compiles a definition file and says on standard error what is wrong with it; the command's exit code comes back. */
struct compiled;
int engine_compile_file(const char *path, bool leave_out, struct arena *a, struct compiled *c);
/* The whole file, or standard input for "-"; says what went wrong and answers false. */
bool engine_read_file(const char *path, struct arena *a, struct str *out);

#endif

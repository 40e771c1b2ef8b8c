/* replay_cmd.c - interviews again from their events. */
#include "main/engine_cmd.h"
#include <errno.h>
#include "base/hash.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "main/command.h"

#define REPLAY_ARENA_MAX_BYTES (256 * MB)

static struct option_row options[] = {
    {.name = "check",
	.about = "After every event compare with a run from the beginning, and write and read the state."},
    {.name = "resume", .about = "Halfway write the state, and go on from what is read back."}};

static const char about[] = "Runs interviews again from seed, time and events, and prints a state hash for each: 64 "
			    "hexadecimal digits a line.\n"
			    "The same program and events give the same hashes on every machine. PROGRAM is what "
			    "`collect compile` made; EVENTS may be -.\n"
			    "\n"
			    "A line of EVENTS is an interview:\n"
			    "  {\"seed\": 7, \"now_ms\": 1795000000000, \"language\": \"en\", \"parameters\": "
			    "{\"pid\": \"A7\"}, \"full\": [[\"QUOTA\", \"CELL\"]],\n"
			    "   \"events\": [{\"answer\": \"age\", \"value\": 34}, {\"page\": \"next\"}, "
			    "{\"language\": \"vi\"}, {\"page\": \"back\"}]}\n"
			    "A seed is a whole number or 16 hexadecimal digits; language, parameters, filled (places "
			    "taken in each quota cell) and full (quota "
			    "cells that take nobody any more)\n"
			    "may be missing; they name what the program has. An answer of null is taken back. A move "
			    "that is not possible, because "
			    "something is wrong or there is no page\n"
			    "before, changes nothing. Exits with 1 at the first line that is no interview of the "
			    "program, and says which event.";

static int replay_line(
    const struct command_line *line, const struct program *p, struct str text, size_t number, unsigned flags)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[32];
	struct replay_fault why;
	char hex[65];
	enum err e = interview_replay(&arena_malloc, p, text, flags, hash, &why);

	if (e && why.event)
		return command_fail(
		    line, 1, "line %zu, event %u: %s", number, why.event, e == ERR_INVALID ? why.what : err_meaning(e));
	if (e)
		return command_fail(line, 1, "line %zu: %s", number, e == ERR_INVALID ? why.what : err_meaning(e));
	for (int i = 0; i < 32; i++) {
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 15];
	}
	hex[64] = '\n';
	fwrite(hex, 1, sizeof(hex), stdout);
	return 0;
}

static int replay_file(const struct command_line *line, const struct program *p, FILE *f, unsigned flags)
{
	char *text = NULL;
	size_t room = 0, number = 0;
	int status = 0;
	ssize_t n;

	while (status == 0 && (n = getline(&text, &room, f)) >= 0) {
		struct str s = str_trim(str_make(text, (size_t)n));

		number++;
		if (s.n)
			status = replay_line(line, p, s, number, flags);
	}
	if (status == 0 && ferror(f))
		status = command_fail(line, 2, "%s: %s", line->operands[1], strerror(errno));
	free(text);
	return status;
}

int engine_cmd_replay(int argc, char **argv)
{
	struct command_line line = {.name = "replay",
	    .usage = "PROGRAM EVENTS.jsonl [--check] [--resume]",
	    .about = about,
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 2,
	    .operand_max = 2};
	struct program *p;
	unsigned flags;
	const char *why;
	struct arena a;
	struct str bytes;
	FILE *events;
	enum err e;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	flags =
	    (command_option(&line, "check") ? REPLAY_CHECK : 0) | (command_option(&line, "resume") ? REPLAY_RESUME : 0);
	arena_init(&a, &arena_malloc, REPLAY_ARENA_MAX_BYTES);
	status = engine_read_file(line.operands[0], &a, &bytes) ? 0 : 2;
	if (status == 0 && (e = program_load(&a, bytes, &p, &why)))
		status = command_fail(&line, 1, "%s: %s", line.operands[0], e == ERR_INVALID ? why : err_meaning(e));
	if (status == 0 && program_depend(&a, p))
		status = command_fail(&line, 2, "%s", err_meaning(ERR_MEMORY));
	if (status == 0) {
		events = strcmp(line.operands[1], "-") == 0 ? stdin : fopen(line.operands[1], "rb");
		if (!events)
			status = command_fail(&line, 2, "%s: %s", line.operands[1], strerror(errno));
		else
			status = replay_file(&line, p, events, flags);
		if (events && events != stdin)
			fclose(events);
	}
	arena_free(&a);
	return status;
}

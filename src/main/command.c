#include "main/command.h"

#include <stdarg.h>

static void print_help(const struct command_line *line)
{
	size_t i;

	printf("Usage: collect %s %s\n\n%s\n", line->name, line->usage, line->about);
	printf("\nOptions:\n");
	for (i = 0; i < line->option_count; i++) {
		const struct option_row *o = &line->options[i];
		int used = printf("  %s%s%s%s", o->name[1] ? "--" : "-", o->name, o->value_name ? " " : "",
		    o->value_name ? o->value_name : "");

		printf("%*s%s\n", used < 28 ? 28 - used : 2, "", o->about);
	}
	printf("  --help                    Print this.\n");
}

int command_fail(const struct command_line *line, int status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "collect %s: ", line->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	if (status == 2)
		fprintf(stderr, "`collect %s --help` tells what it takes.\n", line->name);
	return status;
}

static struct option_row *find_option(const struct command_line *line, struct str name)
{
	size_t i;

	for (i = 0; i < line->option_count; i++)
		if (str_eq(str_from(line->options[i].name), name))
			return &line->options[i];
	return NULL;
}

const char *command_option(const struct command_line *line, const char *name)
{
	const struct option_row *o = find_option(line, str_from(name));

	if (!o || !o->given)
		return NULL;
	return o->value_name ? o->value : "";
}

/* One argument that begins with "--", or with "-" and a letter. Answers how many arguments it took, 0 when it is wrong (said). */
static int take_option(struct command_line *line, int left, char **argv)
{
	const char *dashes = argv[0][1] == '-' ? "--" : "-";
	struct str value = str_from(argv[0] + strlen(dashes)), name;
	struct option_row *o;
	bool with_value;

	name = str_cut(&value, '=', &with_value);
	o = (name.n == 1) == (dashes[1] == 0) ? find_option(line, name) : NULL;
	if (!o) {
		command_fail(line, 2, "there is no option %s%.*s%s", dashes, STR_ARGS(name),
		    dashes[1] ? "" : "; most options begin with two dashes");
		return 0;
	}
	o->given = true;
	if (!o->value_name) {
		if (with_value)
			command_fail(line, 2, "%s%s takes no value", dashes, o->name);
		return with_value ? 0 : 1;
	}
	if (with_value) {
		o->value = value.p;
		return 1;
	}
	if (left < 2) {
		command_fail(line, 2, "%s%s needs a value: %s%s %s", dashes, o->name, dashes, o->name, o->value_name);
		return 0;
	}
	o->value = argv[1];
	return 2;
}

bool command_line_read(struct command_line *line, int argc, char **argv, int *status)
{
	bool only_operands = false;
	int i = 1;

	line->operands = argv;
	line->operand_count = 0;
	*status = 2;
	while (i < argc) {
		char *arg = argv[i];
		int took;

		if (only_operands || arg[0] != '-' || strcmp(arg, "-") == 0) {
			line->operands[line->operand_count++] = arg;
			i++;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			only_operands = true;
			i++;
			continue;
		}
		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			print_help(line);
			*status = 0;
			return true;
		}
		took = take_option(line, argc - i, argv + i);
		if (took == 0)
			return true;
		i += took;
	}
	if (line->operand_count < line->operand_min) {
		command_fail(line, 2, "something is missing: collect %s %s", line->name, line->usage);
		return true;
	}
	if (line->operand_count > line->operand_max) {
		command_fail(line, 2, "\"%s\" is too much: collect %s %s", line->operands[line->operand_max],
		    line->name, line->usage);
		return true;
	}
	return false;
}

bool command_config(const struct command_line *line, struct arena *a, struct config **out)
{
	struct str why;

	if (!config_load(a, command_option(line, "config"), out, &why))
		return true;
	command_fail(line, 1, "%.*s", STR_ARGS(why));
	return false;
}

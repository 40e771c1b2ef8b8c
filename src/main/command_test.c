#include "base/test.h"
#include "main/command.h"

static int read_line(const char **argv, struct command_line *line, struct option_row *options)
{
	int argc = 0, status = -1;

	while (argv[argc])
		argc++;
	options[0] = (struct option_row){"port", "N", "a port", false, NULL};
	options[1] = (struct option_row){"demo", NULL, "a switch", false, NULL};
	*line = (struct command_line){.name = "test",
	    .usage = "[OPTIONS] FILE",
	    .about = "",
	    .options = options,
	    .option_count = 2,
	    .operand_min = 1,
	    .operand_max = 2};
	return command_line_read(line, argc, (char **)argv, &status) ? status : -1;
}

#define ARGV(...) ((const char *[]){"test", __VA_ARGS__, NULL})

static void takes_what_it_knows(void **state)
{
	struct option_row o[2];
	struct command_line line;

	(void)state;
	assert_int_equal(read_line(ARGV("--port", "81", "a", "--demo", "b"), &line, o), -1);
	assert_string_equal(command_option(&line, "port"), "81");
	assert_string_equal(command_option(&line, "demo"), "");
	assert_int_equal(line.operand_count, 2);
	assert_string_equal(line.operands[1], "b");
	assert_int_equal(read_line(ARGV("--port=82", "-"), &line, o), -1);
	assert_string_equal(command_option(&line, "port"), "82");
	assert_null(command_option(&line, "demo"));
	assert_string_equal(line.operands[0], "-");
	assert_int_equal(read_line(ARGV("--", "--port"), &line, o), -1);
	assert_string_equal(line.operands[0], "--port");
}

static void refuses_the_rest(void **state)
{
	struct option_row o[2];
	struct command_line line;

	(void)state;
	assert_int_equal(read_line(ARGV("--prt", "81", "a"), &line, o), 2);
	assert_int_equal(read_line(ARGV("-p", "a"), &line, o), 2);
	assert_int_equal(read_line(ARGV("a", "--port"), &line, o), 2);
	assert_int_equal(read_line(ARGV("a", "--demo=yes"), &line, o), 2);
	assert_int_equal(read_line(ARGV("a", "b", "c"), &line, o), 2);
	assert_int_equal(read_line(ARGV("--demo"), &line, o), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(takes_what_it_knows), cmocka_unit_test(refuses_the_rest)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

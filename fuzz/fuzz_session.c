/* Sessions: the text as a line of an events file, with every check after every event, and as a written state. The survey is fixed; its
 * names are in session.dict. */
#include "base/hash.h"
#include "use_program.h"

static const char survey[] =
    "{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"en\",\"languages\":[\"en\",\"vi\"],\"settings\":{\"show_"
    "back\":true},"
    "\"parameters\":[{\"name\":\"pid\",\"type\":\"text\",\"export\":true}],"
    "\"calculated\":[{\"name\":\"k\",\"type\":\"number\",\"expression\":\"{a} * 2\",\"export\":true}],\"pages\":["
    "{\"name\":\"p1\",\"questions\":[{\"type\":\"number\",\"name\":\"a\",\"title\":\"A\",\"required\":true,\"max\":9},"
    "{\"type\":\"text\",\"name\":\"t\",\"title\":\"Why {a}?\",\"visible_if\":\"{k} > 6\",\"pii\":true}]},"
    "{\"name\":\"p2\",\"visible_if\":\"{a} != "
    "2\",\"questions\":[{\"type\":\"multi\",\"name\":\"m\",\"title\":\"M\",\"order\":\"random\","
    "\"choices\":[{\"value\":\"x\",\"label\":\"X\"},{\"value\":\"y\",\"label\":\"Y\"},{\"value\":\"o\",\"label\":\"O\","
    "\"role\":\"other\"}]},"
    "{\"type\":\"single\",\"name\":\"s\",\"title\":\"S\",\"choices_from\":\"m\"}]},"
    "{\"name\":\"p3\",\"questions\":[{\"type\":\"roster\",\"name\":\"r\",\"title\":\"R\",\"over\":\"{m}\","
    "\"questions\":["
    "{\"type\":\"rating\",\"name\":\"l\",\"title\":\"L\",\"min\":1,\"max\":5}]},{\"type\":\"boolean\",\"name\":\"b\","
    "\"title\":\"B\"}]}],"
    "\"rules\":[{\"when\":\"{a} = 0\",\"do\":\"end\",\"outcome\":\"screened_out\"}],"
    "\"quotas\":[{\"name\":\"q\",\"cells\":[{\"name\":\"c\",\"when\":\"{b} = "
    "true\",\"limit\":3}],\"on_full\":{\"outcome\":\"full\"}}],"
    "\"outcomes\":{\"screened_out\":{\"html\":\"No\"},\"full\":{\"html\":\"Full\"}}}}";

static const struct program *the_program(void)
{
	static struct program *p;
	static struct arena a;
	struct compiled c;
	const char *why;

	if (p)
		return p;
	arena_init(&a, &arena_malloc, 64 * MB);
	must(engine_compile_text(&a, str_from(survey), 0, &c) == OK && c.error_count == 0);
	must(program_load(&a, c.program, &p, &why) == OK && program_depend(&a, p) == OK);
	return p;
}

/* What was read as a state is written as one that is the same. */
static void use_state(const struct program *p, struct str bytes)
{
	unsigned char before[32], after[32];
	struct session *s, *again;
	struct str written;
	struct arena a;
	enum err e = session_read(&arena_malloc, p, bytes, &s);

	must(e == OK || e == ERR_INVALID || e == ERR_LIMIT || e == ERR_MEMORY);
	if (e)
		return;
	arena_init(&a, &arena_malloc, 64 * MB);
	if (session_hash(s, before) == OK && session_write(s, &a, &written) == OK) {
		must(session_read(&arena_malloc, p, written, &again) == OK);
		must(session_hash(again, after) == OK && memcmp(before, after, sizeof(before)) == 0);
		session_end(again);
	}
	session_end(s);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	unsigned char whole[32], halves[32];
	struct replay_fault why;
	enum err e = interview_replay(&arena_malloc, the_program(), text, REPLAY_CHECK, whole, &why);

	must(e == OK || e == ERR_INVALID || e == ERR_LIMIT || e == ERR_MEMORY);
	must(e != ERR_INVALID || (why.what[0] && !strstr(why.what, "differ") && !strstr(why.what, "state")));
	if (!e) {
		must(interview_replay(&arena_malloc, the_program(), text, REPLAY_RESUME, halves, &why) == OK);
		must(memcmp(whole, halves, sizeof(whole)) == 0);
	}
	use_state(the_program(), text);
	return 0;
}

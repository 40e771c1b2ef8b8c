/* use_program.h - everything that can be done with a program, whatever it is. What it gives must be well-formed. */
#ifndef FUZZ_USE_PROGRAM_H
#define FUZZ_USE_PROGRAM_H

#include "base/utf8.h"
#include "engine/engine.h"
#include "fuzz.h"

/* Answers under the names that seeds use, of many kinds. */
static const char use_answers[] = "{\"nps\":3,\"q\":\"x\",\"a\":[\"a\",\"b\"],\"b\":true,\"n\":2.5,\"m\":{\"r\":1,\"s\":\"a\"},"
    "\"d\":\"2026-11-22\",\"t\":\"19:04\",\"a_other\":\"y\",\"call_back\":true,\"phone\":\"0912345678\",\"liked\":[\"staff\"],"
    "\"r\":[{\"_item\":\"b\",\"x\":3,\"y\":\"z\"},{\"_item\":\"a\",\"x\":1,\"m\":{\"r\":1}}],\"s\":[{\"x\":1},{}]}";

static inline void use_json(struct arena *a, struct str text)
{
	struct json_error why;
	struct json *doc;

	must(json_read(a, text, &json_limits_default, &doc, &why) != ERR_UNREADABLE);
}

static inline void use_page(const struct interview *in, int32_t page, struct arena *a)
{
	static const struct form_field fields[] = { { S("q-nps"), S("4") }, { S("q-a"), S("a") }, { S("q-a"), S("b") },
		{ S("q-q"), S("2") }, { S("q-n"), S("x") }, { S("q-m-r"), S("1") }, { S("q-a-1"), S("b") }, { S("q-b"), S("true") },
		{ S("q-r-a-x"), S("4") }, { S("q-r-b-m-r"), S("1") }, { S("q-s-2-x"), S("7") }, { S("record"), S("add s") } };
	static const struct quota_cell full[] = { { S("q"), S("c"), 0 } };
	struct page_view view = { 0 };
	struct interview after = *in;
	struct json *answers;
	struct verdict v;
	struct str *names, text;
	struct html h;
	struct buf b;
	size_t n;

	if (interview_run(in, RUN_PAGE, page, a, &v) == OK) {
		view.errors = v.errors;
		view.error_count = v.error_count;
		use_json(a, v.answers);
	}
	buf_init(&b, a, 8 * MB);
	html_init(&h, &b);
	if (interview_render(in, page, &view, a, &h) == OK && buf_done(&b, &text) == OK)
		must(utf8_valid(text));
	interview_visible(in, page, a, &names, &n);
	if (interview_form(in, page, fields, countof(fields), a, &answers) == OK) {
		after.answers = answers;
		after.full = full;
		after.full_count = countof(full);
		interview_run(&after, RUN_PAGE, page, a, &v);
	}
}

static inline void use_program(const struct program *p, struct arena *a)
{
	struct interview in = { .program = p, .seed = 7, .now_ms = 1795000000000, .language = program_language(p) };
	struct export_column *columns;
	struct json_error why;
	struct json *answers = NULL;
	struct str html, redirect;
	struct verdict v;
	bool sign;
	size_t n;

	if (json_read(a, str_from(use_answers), &json_limits_default, &answers, &why))
		return;
	for (int round = 0; round < 2; round++) {
		in.answers = round ? answers : NULL;
		if (interview_run(&in, RUN_COMPLETE, -1, a, &v) == OK) {
			use_json(a, v.answers);
			use_json(a, v.personal);
			use_json(a, v.parameters);
		}
		for (int32_t page = -1; page < (int32_t)program_page_count(p) && page < 3; page++)
			use_page(&in, page, a);
	}
	interview_outcome(&in, S("completed"), a, &html, &redirect, &sign);
	program_columns(p, S("vi"), a, &columns, &n);
	(void)program_title(p, S("vi"));
}

#endif

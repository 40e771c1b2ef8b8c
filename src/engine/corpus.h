/* corpus.h - between corpus_test.c (files, lines, what the compiler says) and corpus_verbs.c (interviews and pages) and corpus_cover.c (what the files meet). */
#ifndef ENGINE_CORPUS_H
#define ENGINE_CORPUS_H

#include "base/test.h"
#include "engine/engine.h"

struct script {
	struct arena *a;
	const char *path;
	unsigned line;
	unsigned flags;
	struct compiled compiled;
	size_t diagnostics_seen;
	struct program *program;
	struct interview in;
	struct verdict verdict;
	bool ran, checked_diagnostics;
	size_t errors_seen;
	struct export_column *columns;
	size_t column_count, columns_seen;
	bool columns_asked;
	struct str stands;
	struct json *values;
	struct str value;
	struct eval_error why;
	enum err evaluated;
};

#define stop(s, ...)                                                                                                   \
	do {                                                                                                           \
		print_error("%s:%u: ", (s)->path, (s)->line);                                                          \
		fail_msg(__VA_ARGS__);                                                                                 \
	} while (0)

struct json *script_json(struct script *s, struct str text);
struct str script_word(struct str *rest);
void script_expect(struct script *s, struct str got, struct str wanted, const char *what);
void script_expect_json(struct script *s, struct str got, struct str wanted, const char *what);
/* Notes what a file meets: a survey that was compiled, its program, an expression, what it was refused for. */
void cover_survey(struct script *s, struct str text);
void cover_program(struct script *s);
void cover_expression(struct str text);
void cover_loose(struct str text); /* one under compat surveyjs */
void cover_code(struct str code);
void cover_test(void **state); /* the last test: has everything been met? */
/* Everything that is listed must have come, and nothing else: looked at when a section ends. */
void script_settle(struct script *s);

typedef void verb(struct script *s, struct str rest);
verb do_language, do_seed, do_time, do_parameters, do_answers, do_path, do_error, do_valid, do_result, do_personal,
    do_exported, do_outcome, do_status, do_visible, do_shows, do_hides, do_form, do_becomes, do_thanks, do_redirect,
    do_progress, do_back, do_events, do_stands, do_column, do_full, do_filled, do_drawn, do_draws, do_cells, do_values,
    do_value, do_loosely, do_gives, do_fails, do_consents, do_personal_consents;

#endif

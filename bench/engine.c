/* engine.c - our side of bench/engine: the same surveys and answers as engine_surveyjs.mjs, and the JSON reader and the pattern
 * matcher beside jansson and PCRE2.
 *
 *     engine FOLDER SECONDS [NAME]     prints "name nanoseconds" for each thing measured, each for so long, or for NAME; memory in bytes
 *
 * Whatever is measured is checked too: an interview that is refused, or a text in which only one of two finds something, ends it. */
#include "engine_peers.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/limits.h"
#include "engine/engine.h"
#include "engine/pattern.h"

#define ARENA_MAX_BYTES (512 * MB)
#define NOW_MS 1767258000000

struct bench {
	const char *folder;
	double seconds;
	const char *only; /* the one thing to measure; NULL: all */
	struct arena a;
};

static void die(const char *what)
{
	fprintf(stderr, "bench/engine: %s\n", what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef void work(void *ctx, uint64_t i);

/* Nanoseconds for one call, of as many as fit into the time. */
static void measure(const struct bench *b, const char *name, work *f, void *ctx)
{
	double start, now;
	uint64_t n = 0;

	if (b->only && strcmp(b->only, name) != 0)
		return;
	for (; n < 4; n++)
		f(ctx, n);
	start = now_ns();
	do {
		for (int k = 0; k < 4; k++)
			f(ctx, n++);
		now = now_ns();
	} while (now - start < b->seconds * 1e9);
	printf("%s %.1f\n", name, (now - start) / (double)(n - 4));
}

static struct str load(struct bench *b, const char *name)
{
	char path[4096];
	struct str out;
	long n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	if (!(f = fopen(path, "rb")) || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0 || fseek(f, 0, SEEK_SET))
		die(path);
	if (!(out.p = arena_alloc(&b->a, (size_t)n + 1)) ||
	    fread((char *)(uintptr_t)out.p, 1, (size_t)n, f) != (size_t)n)
		die(path);
	out.n = (size_t)n;
	fclose(f);
	return out;
}

static struct json *parsed(struct arena *a, struct str text)
{
	struct json_error why;
	struct json *out;

	if (json_read(a, text, &json_limits_default, &out, &why))
		die("a file is not JSON");
	return out;
}

/* As a survey is made ready for interviews: from its text to a verified program that knows what depends on what. */
static struct program *made(struct arena *a, struct str definition)
{
	struct compiled c;
	struct program *p;
	const char *why;

	if (engine_compile_text(a, definition, 0, &c) || c.error_count)
		die("the survey does not compile");
	if (program_load(a, c.program, &p, &why) || program_depend(a, p))
		die("the program is refused");
	return p;
}

/* ---- interviews ---- */

struct questionnaire {
	struct bench *b;
	struct str definition;
	const struct json *pages; /* [[[name, value], ...], ...] */
	const struct json *all;	  /* {name: value, ...} */
	const struct program *p;
	struct str answers;
	struct arena scratch;
	bool anew;
};

/* Page by page, as a respondent goes: the answers of the page that are asked for, then on. */
static void interview(void *ctx, uint64_t i)
{
	struct questionnaire *q = ctx;
	struct arena *a = &q->scratch;
	struct session *s;
	struct verdict v;
	bool moved, shown;

	arena_reset(a);
	if (q->anew)
		q->p = made(a, q->definition);
	if (session_begin(&arena_malloc,
		&(struct interview){.program = q->p, .seed = i, .now_ms = NOW_MS, .language = program_language(q->p)},
		&s))
		die("no session");
	for (uint32_t page = 0; page < q->pages->count; page++) {
		const struct json *events = &q->pages->items[page];

		for (uint32_t k = 0; k < events->count; k++) {
			const struct json *pair = events->items[k].items;

			if (session_shows(s, pair[0].s, &shown) || (shown && session_answer(s, pair[0].s, &pair[1])))
				die("an answer is refused");
		}
		if (session_move(s, 1, &moved) || !moved)
			die("a page is refused");
	}
	if (session_verdict(s, RUN_COMPLETE, a, &v) || !session_over(s) || v.error_count ||
	    !str_eq(v.outcome, S("completed")))
		die("an interview did not come to its end");
	q->answers = v.answers;
	session_end(s);
}

/* As a server holds a whole submission to the survey. */
static void submission(void *ctx, uint64_t i)
{
	struct questionnaire *q = ctx;
	struct interview in = {
	    .program = q->p, .seed = i, .now_ms = NOW_MS, .language = program_language(q->p), .answers = q->all};
	struct verdict v;

	arena_reset(&q->scratch);
	if (interview_run(&in, RUN_COMPLETE, -1, &q->scratch, &v) || v.error_count ||
	    !str_eq(v.outcome, S("completed")))
		die("a submission is refused");
}

static struct questionnaire questionnaire_open(struct bench *b, const char *definition, const char *events)
{
	struct questionnaire q = {.b = b, .definition = load(b, definition)};

	q.pages = parsed(&b->a, load(b, events));
	q.p = made(&b->a, q.definition);
	arena_init(&q.scratch, &arena_malloc, ARENA_MAX_BYTES);
	return q;
}

static void compile(void *ctx, uint64_t i)
{
	struct questionnaire *q = ctx;

	(void)i;
	arena_reset(&q->scratch);
	made(&q->scratch, q->definition);
}

/* ---- one answer in a large survey ---- */

struct answering {
	struct session *s;
	struct json values[2];
};

/* One on which another question depends, now this way, now the other, everything else answered. */
static void answer(void *ctx, uint64_t i)
{
	struct answering *x = ctx;
	bool shown;

	if (session_answer(x->s, S("choice_252"), &x->values[i % 2]) || session_shows(x->s, S("number_260"), &shown))
		die("an answer is refused");
	if (shown != (i % 2 == 1))
		die("the condition was not looked at");
}

static void answers(struct questionnaire *q)
{
	struct answering x = {.values = {{.type = JSON_STR, .s = S("staff")}, {.type = JSON_STR, .s = S("range")}}};
	struct json two = {.type = JSON_INT, .i = 2};
	struct interview start = {.program = q->p, .seed = 1, .now_ms = NOW_MS, .language = program_language(q->p)};
	bool shown;

	if (session_begin(&arena_malloc, &start, &x.s))
		die("no session");
	for (uint32_t page = 0; page < q->pages->count; page++)
		for (uint32_t k = 0; k < q->pages->items[page].count; k++) {
			const struct json *pair = q->pages->items[page].items[k].items;

			if (session_answer(x.s, pair[0].s, &pair[1]))
				die("an answer is refused");
		}
	if (session_answer(x.s, S("number_254"), &two) || session_shows(x.s, S("number_260"), &shown))
		die("an answer is refused");
	measure(q->b, "answer_500", answer, &x);
	printf("memory_session_500 %zu\n", session_bytes(x.s));
	session_end(x.s);
}

static void memory_of_program(struct questionnaire *q)
{
	struct compiled c;
	struct program *p;
	struct arena a;
	const char *why;

	arena_reset(&q->scratch);
	arena_init(&a, &arena_malloc, ARENA_MAX_BYTES);
	if (engine_compile_text(&q->scratch, q->definition, 0, &c) || program_load(&a, c.program, &p, &why) ||
	    program_depend(&a, p))
		die("the program is refused");
	printf("memory_program_500 %zu\n", c.program.n + a.used_bytes);
	arena_free(&a);
}

static void write_results(struct bench *b, struct questionnaire *small, struct questionnaire *large)
{
	char path[4096];
	FILE *f;

	small->anew = large->anew = false;
	interview(small, 1);
	interview(large, 1);
	snprintf(path, sizeof(path), "%s/ours-results.json", b->folder);
	if (!(f = fopen(path, "wb")))
		die(path);
	fprintf(f, "{\"25\":%.*s,\"500\":%.*s}", (int)small->answers.n, small->answers.p, (int)large->answers.n,
	    large->answers.p);
	fclose(f);
}

/* ---- JSON ---- */

struct reading {
	struct str text;
	struct arena a;
};

static void read_ours(void *ctx, uint64_t i)
{
	struct reading *x = ctx;

	(void)i;
	arena_reset(&x->a);
	parsed(&x->a, x->text);
}

static void read_jansson(void *ctx, uint64_t i)
{
	struct reading *x = ctx;

	(void)i;
	if (!peer_json_read(x->text.p, x->text.n))
		die("jansson refuses the text");
}

static void json(struct bench *b, struct str text)
{
	struct reading x = {.text = text};

	arena_init(&x.a, &arena_malloc, ARENA_MAX_BYTES);
	printf("json_bytes %zu\n", text.n);
	measure(b, "json_ours", read_ours, &x);
	measure(b, "json_jansson", read_jansson, &x);
	arena_free(&x.a);
}

/* ---- patterns ---- */

/* What questionnaires ask for, with answers that fit and that do not. */
static const struct sample {
	const char *pattern, *texts[4];
} samples[] = {
    {"^\\d{5}$", {"70000", "7000", "700000", "7000a"}},
    {"^(0|\\+84)[35789]\\d{8}$", {"0901234567", "+84351234567", "0123456789", "090123456"}},
    {"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$",
	{"lan.nguyen@example.com", "lan.nguyen@example", "a@b.vn", "not an address at all, but rather a longer text"}},
    {"(red|green|blue) (car|bike|boat)",
	{"I would like a green bike please", "I would like a green house please",
	    "a long remark about the colours of the cars in the street, none of them in that order, at all",
	    "blue boat"}},
    {"^[A-Z]{2}-\\d{4}-[0-9a-f]{8}$", {"VN-2026-00c0ffee", "VN-2026-00c0ffe", "vn-2026-00c0ffee", "VN-20-00c0ffee"}},
    {"^(\\w+\\s?)+$", {"a short remark", "one more remark of a few words", "no!", "seven words are not too many here"}},
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

struct matching {
	struct pattern *ours[SAMPLES];
	struct peer_pattern *theirs[SAMPLES];
	struct arena a;
	uint32_t found;
};

static bool found_by_us(struct matching *x, size_t k, const char *text)
{
	int64_t fuel = INT64_MAX;
	bool found;

	if (pattern_find(x->ours[k], str_from(text), &x->a, &fuel, &found))
		die("a pattern cannot be looked for");
	return found;
}

static bool found_by_pcre(struct matching *x, size_t k, const char *text)
{
	return peer_pattern_find(x->theirs[k], text, strlen(text));
}

static void match_ours(void *ctx, uint64_t i)
{
	struct matching *x = ctx;

	(void)i;
	arena_reset(&x->a);
	for (size_t k = 0; k < SAMPLES; k++)
		for (size_t t = 0; t < 4; t++)
			x->found += found_by_us(x, k, samples[k].texts[t]);
}

static void match_pcre(void *ctx, uint64_t i)
{
	struct matching *x = ctx;

	(void)i;
	for (size_t k = 0; k < SAMPLES; k++)
		for (size_t t = 0; t < 4; t++)
			x->found += found_by_pcre(x, k, samples[k].texts[t]);
}

static void patterns(struct bench *b)
{
	struct matching x = {.found = 0};
	const char *why;
	uint32_t where;

	arena_init(&x.a, &arena_malloc, ARENA_MAX_BYTES);
	for (size_t k = 0; k < SAMPLES; k++) {
		if (pattern_compile(&b->a, str_from(samples[k].pattern), &x.ours[k], &why, &where))
			die(why);
		if (!(x.theirs[k] = peer_pattern_compile(samples[k].pattern)))
			die("PCRE2 does not take a pattern");
	}
	for (size_t k = 0; k < SAMPLES; k++)
		for (size_t t = 0; t < 4; t++)
			if (found_by_us(&x, k, samples[k].texts[t]) != found_by_pcre(&x, k, samples[k].texts[t]))
				die(samples[k].pattern);
	measure(b, "pattern_ours", match_ours, &x);
	measure(b, "pattern_pcre2", match_pcre, &x);
	for (size_t k = 0; k < SAMPLES; k++)
		if (!peer_pattern_jit(x.theirs[k]))
			return;
	measure(b, "pattern_pcre2_jit", match_pcre, &x);
}

int main(int argc, char **argv)
{
	struct bench b = {.folder = argc > 1 ? argv[1] : ".",
	    .seconds = argc > 2 ? atof(argv[2]) : 1,
	    .only = argc > 3 ? argv[3] : NULL};
	struct questionnaire small, large;

	/* memory that was given back is kept for the next round, as Node keeps its heap */
	mallopt(M_TRIM_THRESHOLD, (int)ARENA_MAX_BYTES);
	mallopt(M_MMAP_THRESHOLD, (int)ARENA_MAX_BYTES);
	arena_init(&b.a, &arena_malloc, ARENA_MAX_BYTES);
	small = questionnaire_open(&b, "ours-25.json", "events-25.json");
	large = questionnaire_open(&b, "ours-500.json", "events-500.json");
	measure(&b, "interview_25", interview, &small);
	small.all = parsed(&b.a, load(&b, "answers-25.json"));
	measure(&b, "submission_25", submission, &small);
	small.anew = true;
	measure(&b, "interview_25_with_making", interview, &small);
	small.p = made(&b.a, small.definition);
	measure(&b, "compile_500", compile, &large);
	large.p = made(&b.a, large.definition);
	answers(&large);
	memory_of_program(&large);
	write_results(&b, &small, &large);
	json(&b, large.definition);
	patterns(&b);
	arena_free(&b.a);
	return 0;
}

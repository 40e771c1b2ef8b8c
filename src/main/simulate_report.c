/* simulate_report.c - outcomes with their shares; what was never reached, then how often the rest was. */
#include "main/simulate_report.h"
#include "base/limits.h"

struct heading {
	enum coverage_kind kind;
	const char *title, *key;
};
static const struct heading headings[] = {{COVERED_OUTCOME, "outcomes", "outcomes"}, {COVERED_PAGE, "pages", "pages"},
    {COVERED_QUESTION, "questions, of all respondents; in a roster: of its records", "questions"},
    {COVERED_CHOICE, "choices, of those who were asked", "choices"},
    {COVERED_CONDITION, "conditions: how often true when they were looked at", "conditions"},
    {COVERED_CELL, "quota cells, of all respondents", "cells"}};

static double percent(const struct coverage_row *row)
{
	return row->of ? 100.0 * (double)row->yes / (double)row->of : 0;
}

uint64_t simulate_stuck(const struct simulate_result *r)
{
	for (size_t i = 0; i < r->row_count; i++)
		if (r->rows[i].kind == COVERED_OUTCOME && !r->rows[i].name.n)
			return r->rows[i].yes;
	return 0;
}

/* What a row lacks; NULL: nothing. */
static const char *lack(const struct coverage_row *row)
{
	switch (row->kind) {
	case COVERED_OUTCOME:
		return row->yes ? NULL : "never came about";
	case COVERED_PAGE:
		return row->yes ? NULL : "page never seen";
	case COVERED_QUESTION:
		return row->yes ? NULL : "question never asked";
	case COVERED_CHOICE: /* of a question that was asked: else that is said already */
		return row->yes || !row->of ? NULL : "never chosen";
	case COVERED_CELL:
		return row->yes ? NULL : "cell never taken";
	default:
		return !row->of		     ? "never looked at"
		       : !row->yes	     ? "never true"
		       : row->yes == row->of ? "never false"
					     : NULL;
	}
}

static void print_lacks(const struct simulate_result *r, FILE *to)
{
	bool some = false;

	for (size_t i = 0; i < r->row_count; i++) {
		const char *what = lack(&r->rows[i]);

		if (!what)
			continue;
		if (!some)
			fputs("\nnever reached\n", to);
		some = true;
		fprintf(to, "  %s: %.*s\n", what, STR_ARGS(r->rows[i].name));
	}
	if (!some)
		fputs("\neverything was reached\n", to);
}

static void print_rows(const struct simulate_result *r, const struct heading *h, FILE *to)
{
	bool some = false;

	for (size_t i = 0; i < r->row_count; i++) {
		const struct coverage_row *row = &r->rows[i];
		struct str name = row->name.n ? row->name : S("(found no way on)");

		if (row->kind != h->kind || (!row->yes && h->kind != COVERED_OUTCOME))
			continue;
		if (!some)
			fprintf(to, "\n%s\n", h->title);
		some = true;
		fprintf(to, "  %10llu  %5.1f %%  %.*s\n", (unsigned long long)row->yes, percent(row), STR_ARGS(name));
	}
}

static double rate(const struct simulate_result *r)
{
	return r->seconds > 0 ? (double)r->respondents / r->seconds : 0;
}

void simulate_report_text(const struct simulate_result *r, FILE *to)
{
	fprintf(to, "%lld respondents, seed %lld, in %.2f s on %lld thread%s: %.0f/s\n", (long long)r->respondents,
	    (long long)r->seed, r->seconds, (long long)r->threads, r->threads == 1 ? "" : "s", rate(r));
	print_rows(r, &headings[0], to);
	print_lacks(r, to);
	for (size_t i = 1; i < countof(headings); i++)
		print_rows(r, &headings[i], to);
}

static void put_rows(const struct simulate_result *r, const struct heading *h, struct json_out *w)
{
	json_key(w, str_from(h->key));
	json_open(w, '[');
	for (size_t i = 0; i < r->row_count; i++) {
		if (r->rows[i].kind != h->kind)
			continue;
		json_open(w, '{');
		json_field_str(w, S("name"), r->rows[i].name);
		json_field_int(w, S("yes"), (int64_t)r->rows[i].yes);
		json_field_int(w, S("of"), (int64_t)r->rows[i].of);
		json_close(w, '}');
	}
	json_close(w, ']');
}

void simulate_report_json(const struct simulate_result *r, struct arena *a, FILE *to)
{
	struct json_out w;
	struct str text;
	struct buf b;

	buf_init(&b, a, 64 * MB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("respondents"), r->respondents);
	json_field_int(&w, S("seed"), r->seed);
	json_field_int(&w, S("threads"), r->threads);
	json_key(&w, S("per_second"));
	json_put_num(&w, (double)(int64_t)rate(r));
	for (size_t i = 0; i < countof(headings); i++)
		put_rows(r, &headings[i], &w);
	json_close(&w, '}');
	buf_char(&b, '\n');
	if (buf_done(&b, &text) == OK)
		fwrite(text.p, 1, text.n, to);
}

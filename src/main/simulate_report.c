/* simulate_report.c - outcomes with their shares; what was never reached, then how often the rest was. */
#include "main/simulate_report.h"
#include "base/limits.h"

struct heading {
	enum coverage_kind kind;
	const char *title, *key;
};
static const struct heading headings[] = {{COVERED_OUTCOME, "outcomes", "outcomes"},
    {COVERED_STUCK, "found no way on, at page", "stuck"}, {COVERED_PAGE, "pages", "pages"},
    {COVERED_QUESTION, "questions: asked, of all respondents; in a roster of its records. answered, of those",
	"questions"},
    {COVERED_CHOICE, "choices, of those who were asked; in a matrix of its rows", "choices"},
    {COVERED_CONDITION, "conditions, of all respondents\n     true    false     both   unseen", "conditions"},
    {COVERED_VALIDATOR, "validators: refused an answer, of those who gave one", "validators"},
    {COVERED_CELL, "quota cells: who completed, of all respondents", "cells"}};

static double share(uint64_t part, uint64_t of)
{
	return of ? 100.0 * (double)part / (double)of : 0;
}

uint64_t simulate_stuck(const struct simulate_result *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->row_count; i++)
		n += r->rows[i].kind == COVERED_STUCK ? r->rows[i].yes : 0;
	return n;
}

/* What a row lacks; NULL: nothing. */
static const char *lack(const struct coverage_row *row)
{
	switch (row->kind) {
	case COVERED_OUTCOME:
		return row->yes ? NULL : "never came about";
	case COVERED_STUCK: /* listed only where somebody was; that nobody was is no lack */
		return NULL;
	case COVERED_PAGE:
		return row->yes ? NULL : "page never seen";
	case COVERED_QUESTION:
		return !row->yes ? "question never asked" : row->yes == row->no ? "question never answered" : NULL;
	case COVERED_CHOICE: /* of a question that was asked: else that is said already */
		return row->yes || !row->of ? NULL : "never chosen";
	case COVERED_VALIDATOR:
		return !row->of	   ? "never looked at"
		       : !row->yes ? "never refused an answer"
		       : row->no   ? NULL
				   : "never let an answer through";
	case COVERED_CELL:
		return row->yes ? NULL : "cell never taken";
	default:
		return !row->of ? "never looked at" : !row->yes ? "never true" : row->no ? NULL : "never false";
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

/* True alone, false alone, both in one interview (of records, choices, pages), and not looked at. */
static void print_condition(const struct coverage_row *row, FILE *to)
{
	uint64_t both = row->yes + row->no - row->of;

	fprintf(to, "  %5.1f %%  %5.1f %%  %5.1f %%  %5.1f %%  ", share(row->yes - both, row->all),
	    share(row->no - both, row->all), share(both, row->all), share(row->all - row->of, row->all));
}

static void print_row(const struct coverage_row *row, FILE *to)
{
	if (row->kind == COVERED_CONDITION) {
		print_condition(row, to);
	} else {
		fprintf(to, "  %10llu  %5.1f %%  ", (unsigned long long)row->yes, share(row->yes, row->of));
		if (row->kind == COVERED_QUESTION)
			fprintf(to, "%5.1f %%  ", share(row->yes - row->no, row->yes));
	}
	fprintf(to, "%.*s\n", STR_ARGS(row->name));
}

static void print_rows(const struct simulate_result *r, const struct heading *h, FILE *to)
{
	bool some = false;

	for (size_t i = 0; i < r->row_count; i++) {
		const struct coverage_row *row = &r->rows[i];

		if (row->kind != h->kind ||
		    (!(row->kind == COVERED_CONDITION ? row->of : row->yes) && h->kind != COVERED_OUTCOME))
			continue;
		if (!some)
			fprintf(to, "\n%s\n", h->title);
		some = true;
		print_row(row, to);
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
	print_rows(r, &headings[1], to);
	print_lacks(r, to);
	for (size_t i = 2; i < countof(headings); i++)
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
		if (h->kind == COVERED_QUESTION || h->kind == COVERED_CONDITION || h->kind == COVERED_VALIDATOR)
			json_field_int(w, S("no"), (int64_t)r->rows[i].no);
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

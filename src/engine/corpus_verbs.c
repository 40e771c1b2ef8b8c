/* corpus_verbs.c - the lines of a corpus file that are about interviews, pages and expressions. */
#include "engine/corpus.h"
#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"

void do_language(struct script *s, struct str rest)
{
	s->in.language = program_language_pick(s->program, rest);
	s->ran = false;
}

void do_seed(struct script *s, struct str rest)
{
	int64_t seed = 0;

	str_to_int(rest, &seed);
	s->in.seed = (uint64_t)seed;
	s->ran = false;
}

void do_time(struct script *s, struct str rest)
{
	if (!time_read(rest, &s->in.now_ms))
		stop(s, "no time");
	s->ran = false;
}

void do_parameters(struct script *s, struct str rest)
{
	s->in.parameters = script_json(s, rest);
	s->ran = false;
}

void do_answers(struct script *s, struct str rest)
{
	script_settle(s);
	if (!s->program)
		stop(s, "there is no survey to answer");
	s->in.answers = script_json(s, rest);
	s->ran = false;
}

static void need_run(struct script *s)
{
	if (!s->ran && interview_run(&s->in, RUN_COMPLETE, -1, s->a, &s->verdict))
		stop(s, "the interview failed");
	s->ran = true;
}

/* QUOTA/CELL names of the cells that are full. */
void do_full(struct script *s, struct str rest)
{
	struct quota_cell *cells = arena_array(s->a, struct quota_cell, rest.n + 1);

	script_settle(s);
	s->in.full = cells;
	for (s->in.full_count = 0; rest.n; s->in.full_count++) {
		struct str cell = script_word(&rest);

		cells[s->in.full_count].quota = str_cut(&cell, '/', NULL);
		cells[s->in.full_count].cell = cell;
	}
	s->ran = false;
}

/* Places taken in the cells, in the order in which they are written. */
void do_filled(struct script *s, struct str rest)
{
	int64_t *filled = arena_array(s->a, int64_t, rest.n + 1);

	script_settle(s);
	s->in.filled = filled;
	for (s->in.filled_count = 0; rest.n; s->in.filled_count++)
		if (!str_to_int(script_word(&rest), &filled[s->in.filled_count]))
			stop(s, "filled takes whole numbers");
	s->ran = false;
}

/* What was drawn before. */
void do_drawn(struct script *s, struct str rest)
{
	struct json_error why;
	struct json *drawn;

	script_settle(s);
	if (json_read(s->a, rest, &json_limits_default, &drawn, &why))
		stop(s, "drawn takes an object");
	s->in.drawn = drawn;
	s->ran = false;
}

void do_cells(struct script *s, struct str rest)
{
	struct buf b;

	need_run(s);
	buf_init(&b, s->a, 64 * KB);
	for (size_t i = 0; i < s->verdict.cell_count; i++) {
		if (i)
			buf_char(&b, ' ');
		buf_add(&b, s->verdict.cells[i].quota);
		buf_char(&b, '/');
		buf_add(&b, s->verdict.cells[i].cell);
	}
	script_expect(s, str_make(b.p, b.n), rest, "the quota cells");
}

static struct verdict leave_page(struct script *s, int32_t page)
{
	struct verdict v;

	if (interview_run(&s->in, RUN_PAGE, page, s->a, &v))
		stop(s, "the interview failed on a page");
	return v;
}

/* As a page is left: the page at which something is drawn, 0 for none; the cells known then; what was drawn by now. */
void do_draws(struct script *s, struct str rest)
{
	struct str page = script_word(&rest);
	struct verdict v;
	struct buf b;
	int64_t n;

	if (!str_to_int(page, &n))
		stop(s, "draws takes a page");
	script_settle(s);
	v = leave_page(s, (int32_t)n - 1);
	buf_init(&b, s->a, 64 * KB);
	buf_int(&b, v.draws_at + 1);
	for (size_t i = 0; i < v.cell_count; i++) {
		buf_char(&b, ' ');
		buf_add(&b, v.cells[i].quota);
		buf_char(&b, '/');
		buf_add(&b, v.cells[i].cell);
	}
	buf_char(&b, ' ');
	buf_add(&b, v.drawn);
	script_expect(s, str_make(b.p, b.n), rest, "what is drawn");
}

static struct str page_text(struct script *s, int32_t page)
{
	struct buf b;

	buf_init(&b, s->a, 16);
	buf_int(&b, page + 1);
	return str_make(b.p, b.n);
}

/* Pages by number from 1, then the outcome; "N!" where the answers of a page are refused. */
void do_path(struct script *s, struct str rest)
{
	struct verdict v;
	int32_t page = -1;
	struct buf b;

	buf_init(&b, s->a, 4 * KB);
	for (int i = 0; i < 1000; i++) {
		v = leave_page(s, page);
		if (v.error_count) {
			buf_char(&b, '!');
			break;
		}
		if (b.n)
			buf_char(&b, ' ');
		buf_add(&b, v.next_page < 0 ? v.outcome : page_text(s, v.next_page));
		if ((page = v.next_page) < 0)
			break;
	}
	script_expect(s, str_make(b.p, b.n), rest, "the path");
}

void do_error(struct script *s, struct str rest)
{
	struct str code = script_word(&rest), pointer = script_word(&rest);

	need_run(s);
	s->errors_seen++;
	for (size_t i = 0; i < s->verdict.error_count; i++)
		if (str_eq(s->verdict.errors[i].code, code) && str_eq(s->verdict.errors[i].pointer, pointer)) {
			if (rest.n)
				script_expect(s, s->verdict.errors[i].message, rest, "the message");
			return;
		}
	for (size_t i = 0; i < s->verdict.error_count; i++)
		print_error(
		    "  %.*s %.*s\n", STR_ARGS(s->verdict.errors[i].code), STR_ARGS(s->verdict.errors[i].pointer));
	stop(s, "no error %.*s %.*s", STR_ARGS(code), STR_ARGS(pointer));
}

void do_valid(struct script *s, struct str rest)
{
	(void)rest;
	need_run(s);
	if (s->verdict.error_count)
		stop(s, "error %.*s %.*s: %.*s", STR_ARGS(s->verdict.errors[0].code),
		    STR_ARGS(s->verdict.errors[0].pointer), STR_ARGS(s->verdict.errors[0].message));
}

void do_result(struct script *s, struct str rest)
{
	need_run(s);
	script_expect_json(s, s->verdict.answers, rest, "the result");
}

void do_personal(struct script *s, struct str rest)
{
	need_run(s);
	script_expect_json(s, s->verdict.personal, rest, "the personal part");
}

static struct consents consents_of(struct script *s)
{
	struct consents got;

	if (interview_consents(&s->in, &(struct consent_note){.at_ms = s->in.now_ms, .page = -1}, s->a, &got))
		stop(s, "the consents failed");
	return got;
}

void do_consents(struct script *s, struct str rest)
{
	script_expect_json(s, consents_of(s).open, rest, "what was agreed to");
}

void do_personal_consents(struct script *s, struct str rest)
{
	script_expect_json(s, consents_of(s).personal, rest, "what was agreed to in personal words");
}

void do_exported(struct script *s, struct str rest)
{
	need_run(s);
	script_expect_json(s, s->verdict.parameters, rest, "the exported parameters");
}

void do_outcome(struct script *s, struct str rest)
{
	need_run(s);
	script_expect(s, s->verdict.outcome, rest, "the outcome");
}

void do_status(struct script *s, struct str rest)
{
	need_run(s);
	script_expect(s, s->verdict.status, rest, "the status");
}

static void apply(struct script *s, struct session *kept, const struct json *events, uint32_t from, uint32_t to)
{
	const char *why = "";

	for (uint32_t i = from; i < to; i++)
		if (session_event(kept, &events->items[i], &why))
			stop(s, "event %u failed: %s", i + 1, why);
}

/* An interview event by event; halfway it is written down, and another one goes on from what was written. */
void do_events(struct script *s, struct str rest)
{
	const struct json *events = script_json(s, rest);
	struct session *kept;
	struct str bytes;

	script_settle(s);
	s->in.answers = NULL;
	if (!s->program || session_begin(&arena_malloc, &s->in, &kept))
		stop(s, "the interview could not begin");
	apply(s, kept, events, 0, events->count / 2);
	if (session_write(kept, s->a, &bytes))
		stop(s, "the state could not be written");
	session_end(kept);
	if (session_read(&arena_malloc, s->program, bytes, &kept))
		stop(s, "the state could not be read");
	apply(s, kept, events, events->count / 2, events->count);
	if (session_verdict(kept, RUN_COMPLETE, s->a, &s->verdict))
		stop(s, "the interview has no verdict");
	s->stands = session_over(kept) ? session_outcome(kept) : page_text(s, session_page(kept));
	session_end(kept);
	s->ran = true;
}

/* The page that the respondent is on after `events`, or the outcome. */
void do_stands(struct script *s, struct str rest)
{
	script_expect(s, s->stands, rest, "where the respondent is");
}

static int32_t page_number(struct script *s, struct str *rest)
{
	int64_t n;

	if (!str_to_int(script_word(rest), &n))
		stop(s, "a page number was expected");
	return (int32_t)n - 1;
}

/* The share of the way that is done when a page is left. */
void do_progress(struct script *s, struct str rest)
{
	struct verdict v = leave_page(s, page_number(s, &rest));
	struct buf b;

	buf_init(&b, s->a, 64);
	num_put(&b, v.progress);
	script_expect(s, str_make(b.p, b.n), rest, "the progress");
}

/* Where the way back leads from a page; - where it leads nowhere. */
void do_back(struct script *s, struct str rest)
{
	struct verdict v = leave_page(s, page_number(s, &rest));

	script_expect(s, v.previous_page < 0 ? S("-") : page_text(s, v.previous_page), rest, "the page before");
}

void do_visible(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct str *names;
	struct buf b;
	size_t n;

	if (interview_visible(&s->in, page, s->a, &names, &n))
		stop(s, "the page failed");
	buf_init(&b, s->a, 8 * KB);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ' ');
		buf_add(&b, names[i]);
	}
	script_expect(s, str_make(b.p, b.n), rest, "what is visible");
}

static struct str page_html(struct script *s, int32_t page)
{
	struct page_view view = {0};
	struct html h;
	struct buf b;

	if (s->ran) {
		view.errors = s->verdict.errors;
		view.error_count = s->verdict.error_count;
	}
	buf_init(&b, s->a, 4 * MB);
	html_init(&h, &b);
	if (interview_render(&s->in, page, &view, s->a, &h))
		stop(s, "the page could not be rendered");
	return str_make(b.p, b.n);
}

void do_shows(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct str html = page_html(s, page);

	if (!str_find(html, rest, NULL))
		stop(s, "not in the page: %.*s\n%.*s", STR_ARGS(rest), STR_ARGS(html));
}

void do_hides(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct str html = page_html(s, page);

	if (str_find(html, rest, NULL))
		stop(s, "in the page: %.*s", STR_ARGS(rest));
}

void do_form(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct form_field fields[200];
	struct json *answers;
	size_t n = 0;

	script_settle(s);
	while (rest.n && n < countof(fields)) {
		struct str pair = str_cut(&rest, '&', NULL), name = str_cut(&pair, '=', NULL);

		if (url_decode(s->a, name, true, &fields[n].name) || url_decode(s->a, pair, true, &fields[n].value))
			stop(s, "the form is broken");
		n++;
	}
	if (interview_form(&s->in, page, fields, n, s->a, &answers))
		stop(s, "the form failed");
	s->in.answers = answers;
	s->ran = false;
}

void do_becomes(struct script *s, struct str rest)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, s->a, 1 * MB);
	json_out_init(&w, &b);
	json_put(&w, s->in.answers);
	script_expect_json(s, str_make(b.p, b.n), rest, "what the form made");
}

static void outcome_of(struct script *s, struct str *rest, struct str *html, struct str *redirect)
{
	bool sign;

	if (interview_outcome(&s->in, script_word(rest), s->a, html, redirect, &sign))
		stop(s, "the outcome failed");
}

void do_thanks(struct script *s, struct str rest)
{
	struct str html, redirect;

	outcome_of(s, &rest, &html, &redirect);
	script_expect(s, html, rest, "the text");
}

void do_redirect(struct script *s, struct str rest)
{
	struct str html, redirect;

	outcome_of(s, &rest, &html, &redirect);
	script_expect(s, redirect, rest, "the redirect");
}

void do_column(struct script *s, struct str rest)
{
	struct str name = script_word(&rest);

	if (!s->columns_asked && program_columns(s->program, s->in.language, s->a, &s->columns, &s->column_count))
		stop(s, "no columns");
	s->columns_asked = true;
	if (s->columns_seen >= s->column_count)
		stop(s, "only %zu columns", s->column_count);
	script_expect(s, s->columns[s->columns_seen].name, name, "the column");
	script_expect(s, s->columns[s->columns_seen].type, script_word(&rest), "its type");
	if (rest.n)
		script_expect(s, s->columns[s->columns_seen].label, rest, "its title");
	s->columns_seen++;
}

void do_values(struct script *s, struct str rest)
{
	s->values = script_json(s, rest);
}

static enum err evaluate(struct script *s, struct str expression, enum compat compat)
{
	const struct evaluation what = {expression, s->values, compat, 1795000000000, 1};

	return expression_eval(s->a, &what, &s->value, &s->why);
}

void do_value(struct script *s, struct str rest)
{
	cover_expression(rest);
	s->evaluated = evaluate(s, rest, COMPAT_STRICT);
}

void do_loosely(struct script *s, struct str rest)
{
	cover_loose(rest);
	s->evaluated = evaluate(s, rest, COMPAT_SURVEYJS);
}

void do_gives(struct script *s, struct str rest)
{
	if (s->evaluated)
		stop(s, "%.*s at %u: %.*s", STR_ARGS(s->why.code), s->why.column, STR_ARGS(s->why.message));
	script_expect_json(s, s->value, rest, "the value");
}

void do_fails(struct script *s, struct str rest)
{
	struct str code = script_word(&rest);
	int64_t column = 0;

	if (!s->evaluated)
		stop(s, "it gives %.*s", STR_ARGS(s->value));
	cover_code(s->why.code);
	script_expect(s, s->why.code, code, "the code");
	if (str_to_int(rest, &column) && column != s->why.column)
		stop(s, "column %u, expected %d", s->why.column, (int)column);
}

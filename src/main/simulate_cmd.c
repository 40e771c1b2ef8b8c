/* simulate_cmd.c - synthetic respondents on all cores. The draws of a respondent follow from the seed and their number alone, and
 * blocks of them are written in order: how many threads there are changes nothing but the time it takes. */
#include "main/engine_cmd.h"
#include <errno.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/time.h"
#include "engine/engine.h"
#include "main/command.h"
#include "main/simulate_report.h"

#define BLOCK 128 /* respondents that a thread takes at a time */
#define THREADS_MAX 256
#define RESPONDENTS_MAX 1000000000
#define TIME_DEFAULT 1767258000000 /* 2026-01-01T09:00:00Z: the same dates whenever it is run */
#define SIMULATE_ARENA_MAX_BYTES (512 * MB)
#define PROGRESS_AFTER_MS 2000
#define PROGRESS_EVERY_MS 200

static const char about[] =
    "Lets N synthetic respondents (1000) answer the survey of a definition FILE through the engine, page by page: "
    "plausible answers\n"
    "by type, within the rules, often at a bound, sometimes wrong at first; nothing where nothing is asked for and no "
    "answer holds.\n"
    "Prints respondents per second, outcomes, and what was reached how often: pages, questions, choices and points of "
    "scales,\n"
    "both outcomes of every condition, validators, quota cells; what never was comes first.\n"
    "Exits with 0 when everyone came to an end, 1 when the definition has errors or someone found no way on, 2 when it "
    "was called\n"
    "wrongly or a file could not be written.";

struct simulate_options {
	const char *file, *out;
	int64_t n, seed, threads, now_ms;
	bool json, leave_out;
};

struct crowd {
	const struct program *program;
	struct simulate_options o;
	FILE *out;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	int64_t taken, written; /* respondents: given to threads, done and on file */
	enum err failed;
	int broken; /* why the file could not be written, as errno has it; 0: it could */
};

struct worker {
	struct crowd *crowd;
	pthread_t thread;
	struct arena arena, events;
	struct coverage *coverage;
};

/* A whole number within its limits, when it is given; says what is wrong with it. */
static bool number(
    const struct command_line *line, const struct option_row *o, int64_t least, int64_t most, int64_t *out)
{
	if (!o->given || (str_to_int(str_from(o->value), out) && *out >= least && *out <= most))
		return true;
	command_fail(line, 2, "-%s%s is a whole number from %lld to %lld", o->name[1] ? "-" : "", o->name,
	    (long long)least, (long long)most);
	return false;
}

/* False when there is nothing to do: help was printed, or the line was wrong. */
static bool parse(int argc, char **argv, struct simulate_options *o, int *status)
{
	struct option_row options[] = {{"n", "N", "How many respondents"},
	    {"seed", "S",
		"A whole number from 0 to 9223372036854775807 (1); the same gives the same respondents, on any number "
		"of "
		"threads"},
	    {"threads", "T", "As many as there are cores when not given"},
	    {"time", "TIME", "The time of the interviews, RFC 3339 (2026-01-01T09:00:00Z)"},
	    {"out", "FILE",
		"Their events, a line each, for `collect replay`; -: standard output, the report then elsewhere"},
	    {"json", NULL, "The report as one JSON object"}, {"leave-out-unbuilt", NULL, "As `collect check`"}};
	struct command_line line = {.name = "simulate",
	    .usage = "FILE [-n N] [--seed S] [--out FILE.jsonl] [--threads T] [--time TIME] [--json]",
	    .about = about,
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 1};

	*o = (struct simulate_options){
	    .n = 1000, .seed = 1, .threads = sysconf(_SC_NPROCESSORS_ONLN), .now_ms = TIME_DEFAULT};
	if (command_line_read(&line, argc, argv, status))
		return false;
	*status = 2;
	if (!number(&line, &options[0], 1, RESPONDENTS_MAX, &o->n) ||
	    !number(&line, &options[1], 0, INT64_MAX, &o->seed) ||
	    !number(&line, &options[2], 1, THREADS_MAX, &o->threads))
		return false;
	if (options[3].given && !time_read(str_from(options[3].value), &o->now_ms)) {
		command_fail(&line, 2, "--time is written like 2026-01-01T09:00:00Z");
		return false;
	}
	o->file = line.operands[0];
	o->out = options[4].given ? options[4].value : NULL;
	o->json = options[5].given;
	o->leave_out = options[6].given;
	if (o->threads < 1 || o->threads > THREADS_MAX)
		o->threads = 1;
	return true;
}

/* The seed of one respondent: mixed, so that neighbours have nothing in common. */
static uint64_t seed_of(int64_t seed, int64_t respondent)
{
	uint64_t z = ((uint64_t)seed << 32 | (uint64_t)seed >> 32) + (uint64_t)(respondent + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static enum err simulate_block(struct worker *w, int64_t first, int64_t n, struct buf *events)
{
	struct crowd *c = w->crowd;
	enum err e = OK;

	for (int64_t i = first; i < first + n && !e; i++) {
		arena_reset(&w->arena);
		e = interview_simulate(
		    c->program, seed_of(c->o.seed, i), c->o.now_ms, &w->arena, w->coverage, c->out ? events : NULL);
	}
	return e;
}

/* Waits until everyone before has been written. */
static void write_block(struct crowd *c, int64_t first, int64_t n, const struct buf *events, enum err e)
{
	struct str text = S("");

	pthread_mutex_lock(&c->lock);
	while (c->out && c->written < first && !c->failed)
		pthread_cond_wait(&c->turn, &c->lock);
	if (c->out && !e)
		e = buf_done(events, &text);
	if (e && !c->failed)
		c->failed = e;
	if (!c->failed && text.n && fwrite(text.p, 1, text.n, c->out) != text.n) {
		c->broken = errno;
		c->failed = ERR_IO;
	}
	c->written += n;
	pthread_cond_broadcast(&c->turn);
	pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct crowd *c = w->crowd;

	for (;;) {
		int64_t first, n;
		struct buf events;

		pthread_mutex_lock(&c->lock);
		first = c->taken;
		n = c->failed ? 0 : c->o.n - first < BLOCK ? c->o.n - first : BLOCK;
		c->taken += n;
		pthread_mutex_unlock(&c->lock);
		if (n <= 0)
			return NULL;
		arena_reset(&w->events);
		buf_init(&events, &w->events, SIMULATE_ARENA_MAX_BYTES / 2);
		write_block(c, first, n, &events, simulate_block(w, first, n, &events));
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Watches until all is done; on a terminal it says how far it is. */
static void watch(struct crowd *c, double started)
{
	bool shows = isatty(STDERR_FILENO), shown = false;

	pthread_mutex_lock(&c->lock);
	while (c->written < c->o.n && !c->failed) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += PROGRESS_EVERY_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&c->turn, &c->lock, &until);
		if (!shows || seconds() - started < PROGRESS_AFTER_MS / 1000.0)
			continue;
		fprintf(stderr, "\r%lld of %lld respondents, %.0f/s\033[K", (long long)c->written, (long long)c->o.n,
		    (double)c->written / (seconds() - started));
		shown = true;
		fflush(stderr);
	}
	pthread_mutex_unlock(&c->lock);
	if (shown)
		fputs("\r\033[K", stderr);
}

/* Runs everybody; the sum of what they met comes back in the first worker's coverage. */
static enum err run_crowd(struct crowd *c, struct worker *workers, double *took)
{
	double started = seconds();
	int64_t running = 0;

	for (; running < c->o.threads; running++)
		if (pthread_create(&workers[running].thread, NULL, work, &workers[running]) != 0)
			break;
	if (!running)
		return ERR_MEMORY;
	watch(c, started);
	for (int64_t i = 0; i < running; i++)
		pthread_join(workers[i].thread, NULL);
	*took = seconds() - started;
	for (int64_t i = 1; i < running; i++)
		coverage_add(workers[0].coverage, workers[i].coverage);
	return c->failed;
}

static int report(const struct crowd *c, struct worker *first, double took)
{
	struct simulate_result r = {.respondents = c->o.n, .threads = c->o.threads, .seed = c->o.seed, .seconds = took};
	FILE *to = c->out == stdout ? stderr : stdout;
	enum err e = coverage_rows(first->coverage, &first->events, &r.rows, &r.row_count);

	if (e) {
		fprintf(stderr, "collect simulate: %s\n", err_meaning(e));
		return 2;
	}
	if (c->o.json)
		simulate_report_json(&r, &first->events, to);
	else
		simulate_report_text(&r, to);
	return simulate_stuck(&r) ? 1 : 0;
}

static int simulate(struct crowd *c, struct arena *a)
{
	struct worker *workers = arena_array(a, struct worker, (size_t)c->o.threads);
	double took = 0;
	enum err e = workers ? OK : ERR_MEMORY;
	int code;

	for (int64_t i = 0; !e && i < c->o.threads; i++) {
		workers[i].crowd = c;
		arena_init(&workers[i].arena, &arena_malloc, SIMULATE_ARENA_MAX_BYTES);
		arena_init(&workers[i].events, &arena_malloc, SIMULATE_ARENA_MAX_BYTES);
		e = coverage_new(a, c->program, &workers[i].coverage);
	}
	if (!e)
		e = run_crowd(c, workers, &took);
	if (c->out && fflush(c->out) != 0)
		c->broken = errno;
	if (c->broken)
		fprintf(stderr, "collect simulate: %s: %s\n", c->out == stdout ? "standard output" : c->o.out,
		    strerror(c->broken));
	else if (e)
		fprintf(stderr, "collect simulate: %s\n", err_meaning(e));
	code = e || c->broken ? 2 : report(c, &workers[0], took);
	for (int64_t i = 0; workers && i < c->o.threads; i++) {
		arena_free(&workers[i].arena);
		arena_free(&workers[i].events);
	}
	return code;
}

static int run_program(const struct simulate_options *o, struct arena *a, const struct program *p)
{
	struct crowd c = {.program = p, .o = *o, .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};
	int code;

	if (o->out)
		c.out = str_eq(str_from(o->out), S("-")) ? stdout : fopen(o->out, "wb");
	if (o->out && !c.out) {
		fprintf(stderr, "collect simulate: %s: %s\n", o->out, strerror(errno));
		return 2;
	}
	code = simulate(&c, a);
	if (c.out && c.out != stdout && fclose(c.out) != 0 && !c.broken) {
		fprintf(stderr, "collect simulate: %s: %s\n", o->out, strerror(errno));
		code = 2;
	}
	return code;
}

int engine_cmd_simulate(int argc, char **argv)
{
	struct simulate_options o;
	struct compiled compiled;
	struct program *p;
	const char *why = "";
	struct arena a;
	int code;

	if (!parse(argc, argv, &o, &code))
		return code;
	arena_init(&a, &arena_malloc, SIMULATE_ARENA_MAX_BYTES);
	code = engine_compile_file(o.file, o.leave_out, &a, &compiled);
	if (code == 0 && program_load(&a, compiled.program, &p, &why)) {
		fprintf(stderr, "collect simulate: %s\n", *why ? why : err_meaning(ERR_MEMORY));
		code = 2;
	}
	if (code == 0)
		code = run_program(&o, &a, p);
	arena_free(&a);
	return code;
}

/* worker.c - `collect worker`: runs jobs until a signal says otherwise, with an internal listener for whoever watches it. */
#include "main/command.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include "base/limits.h"
#include "core/job_worker.h"
#include "mail/mail.h"
#include "main/domains.h"
#include "main/open.h"
#include "main/serve.h"

#define WORKER_ARENA_MAX_BYTES (16 * MB)
#define LISTENER_DRAIN_MS 1000
#define WAKE_CONNECTIONS 1
#define STOP_MARGIN_MS 200 /* a call that is cut off finds that its job was told to end */
#define ABOUT_MAX_BYTES (16 * KB)
#define NAME_COLUMN 22

struct working {
	struct config *config;
	struct app *app;
	struct arena *arena;
	struct redis *wake; /* its subscriber is the worker's; app->redis keeps its own for whoever caches */
	struct job_worker *jobs;
	struct listener inside;
	struct http_server *server;
};

static enum err start_jobs(struct working *w, struct str *why)
{
	const struct redis_config wake = {.url = config_text(w->config, CFG_redis_url),
	    .connections = WAKE_CONNECTIONS,
	    .timeout_ms = (int)config_int(w->config, CFG_redis_timeout_ms),
	    .log = w->app->log};
	struct job_worker_config config = {.types = domains_jobs,
	    .only = str_from(config_text(w->config, CFG_job_types)),
	    .threads = (int)config_int(w->config, CFG_job_threads)};
	const char *fault = "out of memory";
	enum err e;

	if ((e = redis_open(&wake, &w->wake, &fault))) {
		*why = str_from(fault);
		return e;
	}
	config.wake = w->wake;
	return job_worker_start(w->app, &config, w->arena, &w->jobs, why);
}

static enum err start_listener(struct working *w, struct str *why)
{
	static const struct route *const routes[] = {internal_routes};
	struct http_config http = listener_internal(w->config, CFG_worker_port);
	const char *fault = "out of memory";
	enum err e;

	w->app->routes = routes;
	w->app->route_arrays = countof(routes);
	w->inside = (struct listener){.app = w->app, .internal = true};
	if ((e = router_new(w->app, w->arena, &w->app->router, &fault))) {
		*why = str_from(fault);
		return e;
	}
	return listener_start(&w->inside, w->arena, &http, &w->server, why);
}

static void wait_for_end(struct working *w, const sigset_t *signals)
{
	struct str why;

	for (;;) {
		int signal = sigwaitinfo(signals, NULL);
		struct log_field fields[] = {LF_INT(SIGNAL, signal)};

		if (signal < 0)
			continue;
		if (signal == SIGHUP) {
			if (!config_reload(w->config, &why))
				log_set_level(w->app->log, (enum log_level)config_int(w->config, CFG_log_level));
			continue;
		}
		log_event(w->app->log, LOG_INFO, "draining", fields, countof(fields));
		return;
	}
}

/* False: a run did not end when it was told to. Its job was given back, what it still does is refused, and nothing that it uses may be freed. */
static bool stop(struct working *w)
{
	bool ended = true;

	app_drain(w->app);
	/* then jobs are told to end, and a call out that holds one up must end too */
	egress_stop(w->app->egress, (int)config_int(w->config, CFG_drain_ms) + STOP_MARGIN_MS);
	mail_stop(w->app->mailer, (int)config_int(w->config, CFG_drain_ms) + STOP_MARGIN_MS);
	if (w->jobs)
		ended = job_worker_stop(w->jobs, (int)config_int(w->config, CFG_drain_ms));
	if (w->server)
		ended = http_server_drain(w->server, LISTENER_DRAIN_MS) && ended;
	if (ended && w->wake)
		redis_close(w->wake);
	return ended;
}

static enum err work(struct working *w, const sigset_t *signals, struct str *why)
{
	enum err e;

	if ((e = app_check(w->app, w->arena, why)) || (e = start_listener(w, why)))
		return e;
	event_months_begin(w->app, PG_WORKER, w->arena);
	if (!(e = start_jobs(w, why))) {
		struct log_field fields[] = {LF_STR(COMPONENT, S("worker")), LF_INT(PORT, http_server_port(w->server)),
		    LF_INT(PID, getpid()), LF_INT(COUNT, config_int(w->config, CFG_job_threads))};

		log_event(w->app->log, LOG_INFO, "working", fields, countof(fields));
		wait_for_end(w, signals);
	}
	if (!stop(w)) {
		log_message(w->app->log, LOG_WARN, "ended with jobs under way", S("they were given back"));
		_exit(0);
	}
	return e;
}

static bool take_options(const struct command_line *line, struct config *c)
{
	static const struct {
		const char *option;
		enum setting_id id;
	} settings[] = {{"threads", CFG_job_threads}, {"types", CFG_job_types}, {"port", CFG_worker_port}};
	struct str why;
	char origin[16];
	size_t i;

	for (i = 0; i < countof(settings); i++) {
		const char *value = command_option(line, settings[i].option);

		snprintf(origin, sizeof origin, "--%s", settings[i].option);
		if (value && config_override(c, settings[i].id, value, origin, &why)) {
			command_fail(line, 2, "%.*s", STR_ARGS(why));
			return false;
		}
	}
	return true;
}

/* What `--help` says, with the types of job that there are. */
static const char *describe(struct arena *a)
{
	const struct job_type *const *type;
	struct str text;
	struct buf b;

	buf_init(&b, a, ABOUT_MAX_BYTES);
	buf_add(&b,
	    S("Does the work that no request waits for: the jobs that the API answers with 202, and the installation's "
	      "own upkeep.\n"
	      "Run as many as you like: each job is taken by one of them, and when that one dies by another.\n"
	      "TERM lets jobs end within drain_ms and gives the others back; HUP re-reads the settings file.\n\n"
	      "types of job:"));
	for (type = domains_jobs; *type; type++) {
		struct str name = str_from((*type)->name);

		buf_add(&b, S("\n  "));
		buf_add(&b, name);
		buf_fill(&b, ' ', name.n < NAME_COLUMN ? NAME_COLUMN - name.n : 1);
		buf_add(&b, str_from((*type)->about));
	}
	return buf_done(&b, &text) ? "" : str_cstr(a, text);
}

static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	sigprocmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run_worker(struct command_line *line, struct working *w, const sigset_t *signals)
{
	struct str why = S("out of memory");
	int status;

	if (!command_config(line, w->arena, &w->config))
		return 1;
	if (!take_options(line, w->config))
		return 2;
	if (app_open(w->arena, w->config, OPEN_WORKER, &w->app, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	/* the vault has them, in locked memory */
	config_forget(w->config, CFG_key);
	config_forget(w->config, CFG_key_previous);
	status = work(w, signals, &why) ? command_fail(line, 1, "%.*s", STR_ARGS(why)) : 0;
	app_close(w->app);
	return status;
}

int worker_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"},
	    {"threads", "N", "Jobs at once (setting job_threads)"},
	    {"types", "NAMES", "Only these types of job, space-separated (setting job_types)"},
	    {"port", "N", "Port of the internal listener: health, metrics (setting worker_port)"}};
	struct command_line line = {
	    .name = "worker", .usage = "[OPTIONS]", .options = options, .option_count = countof(options)};
	struct arena a;
	struct working w = {.arena = &a};
	sigset_t signals;
	int status;

	arena_init(&a, &arena_malloc, WORKER_ARENA_MAX_BYTES);
	line.about = describe(&a);
	if (!command_line_read(&line, argc, argv, &status)) {
		block_signals(&signals);
		status = run_worker(&line, &w, &signals);
	}
	arena_free(&a);
	return status;
}

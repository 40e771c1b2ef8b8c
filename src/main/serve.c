/* serve.c - `collect serve`: two listeners around one app, until a signal says otherwise. */
#include "main/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/limits.h"
#include "core/ratelimit.h"
#include "core/slow.h"
#include "main/contain.h"
#include "main/domains.h"
#include "main/open.h"
#include "main/serve.h"

#define APP_ARENA_MAX_BYTES (64 * MB)
#define CHECK_ARENA_MAX_BYTES (8 * MB)
#define INTERNAL_WORKERS 2
#define INTERNAL_QUEUE 64
#define INTERNAL_CONNECTIONS 256
#define INTERNAL_DRAIN_MS 1000
#define EGRESS_STOP_MS 1500 /* calls out end so long before the requests that wait for them are cut off */
/* Files that are no connection of a client: logs, Redis, the threads' own, what a library opens for a moment. */
#define RESERVED_FILES 128
#define SERVER_POOLS 3 /* the application's, the respondents', the replica's */
#define CONNECTIONS_MIN 10
#define STATUS_CUT_OFF 1
#define URL_BYTES 300
#define PATH_BYTES 4096

struct serving {
	struct config *config;
	struct app *app;
	struct arena *arena;
	struct listener outside, inside;
	struct http_server *public_server, *internal_server;
	bool placed;	     /* serve.json is written */
	char url[URL_BYTES]; /* app->public_url where none is set */
};

/* What the layer below refuses never reaches a handler, so it is counted here. */
static void refuse(void *ctx, struct http_exchange *x, enum err e, const char *detail)
{
	struct listener *l = ctx;
	struct str reason = str_from(err_slug(e));

	metric_add(metrics_series(l->app->metrics, M_HTTP_REJECTED, &reason), 1);
	router_refuse(ctx, x, e, detail);
}

enum err listener_start(
    struct listener *l, struct arena *a, struct http_config *http, struct http_server **out, struct str *why)
{
	const char *fault = NULL;
	char text[URL_BYTES];
	enum err e;
	int i;

	l->worker_arenas = arena_array(a, struct arena, (size_t)http->workers);
	if (!l->worker_arenas)
		return ERR_MEMORY;
	for (i = 0; i < http->workers; i++)
		arena_init(&l->worker_arenas[i], &arena_malloc, REQUEST_ARENA_MAX_BYTES);
	http->source = &arena_malloc;
	http->log = l->app->log;
	http->ctx = l;
	http->admit = router_admit;
	http->inline_handler = router_inline;
	http->handler = router_handle;
	http->refuse = refuse;
	http->finished = router_finished;
	e = http_server_start(http, out, &fault);
	if (e) {
		snprintf(text, sizeof text, "%s:%d cannot be listened on: %s", http->bind, http->port,
		    fault ? fault : err_meaning(e));
		*why = str_dup(a, str_from(text));
	}
	return e;
}

/* Service managers start programs with a soft limit for select(2), which we do not use. Where it cannot be raised it stays. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* No more connections than there can be descriptors for: at the limit accept() would fail and a pool could not reconnect. */
static enum err fit_connections(struct serving *s, int *connections, struct str *why)
{
	const struct config *c = s->config;
	int64_t pool = config_int(c, CFG_database_pool_max), room;
	struct rlimit limit;
	char text[160];

	if (pool < config_int(c, CFG_database_pool_size))
		pool = config_int(c, CFG_database_pool_size);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
		return OK;
	room = (int64_t)limit.rlim_cur - SERVER_POOLS * pool - INTERNAL_CONNECTIONS - RESERVED_FILES;
	if (room >= *connections)
		return OK;
	if (room < CONNECTIONS_MIN) {
		snprintf(text, sizeof text,
		    "the limit of open files (%lld) leaves no room for connections; raise it to %lld",
		    (long long)limit.rlim_cur, (long long)limit.rlim_cur - room + *connections);
		*why = str_dup(s->arena, str_from(text));
		return ERR_SETTING;
	}
	snprintf(text, sizeof text, "%lld instead of %d: the limit of open files is %lld", (long long)room,
	    *connections, (long long)limit.rlim_cur);
	log_message(s->app->log, LOG_WARN, "fewer connections than set", str_from(text));
	*connections = (int)room;
	return OK;
}

struct http_config listener_internal(const struct config *c, enum setting_id port)
{
	return (struct http_config){.bind = config_text(c, CFG_internal_bind),
	    .port = (int)config_int(c, port),
	    .io_threads = 1,
	    .workers = INTERNAL_WORKERS,
	    .queue_max = INTERNAL_QUEUE,
	    .connections_max = INTERNAL_CONNECTIONS,
	    .connections_per_address = INTERNAL_CONNECTIONS};
}

/* An address to reach a listener at: a wildcard is no place to go to. */
static void url_of(char *out, size_t room, const char *bind, int port)
{
	bool any = strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0;
	bool v6 = !any && strchr(bind, ':');

	snprintf(out, room, "http://%s%s%s:%d", v6 ? "[" : "", any ? "127.0.0.1" : bind, v6 ? "]" : "", port);
}

/* A port of the kernel's choice is known only now, and the first request may ask for a link. */
static void set_public_url(void *ctx, int port)
{
	struct serving *s = ctx;

	if (*s->app->public_url)
		return;
	url_of(s->url, sizeof s->url, config_text(s->config, CFG_bind), port);
	s->app->public_url = s->url;
}

static enum err start_listeners(struct serving *s, struct str *why)
{
	const struct config *c = s->config;
	struct http_config internal = listener_internal(c, CFG_internal_port);
	struct http_config public = {.bind = config_text(c, CFG_bind),
	    .port = (int)config_int(c, CFG_port),
	    .io_threads = (int)config_int(c, CFG_io_threads),
	    .workers = (int)config_int(c, CFG_workers),
	    .queue_max = (int)config_int(c, CFG_queue),
	    .connections_max = (int)config_int(c, CFG_connections),
	    .connections_per_address = (int)config_int(c, CFG_connections_per_address),
	    .trusted_hops = (int)config_int(c, CFG_trusted_hops),
	    .bound = set_public_url,
	    .bound_ctx = s};
	enum err e;

	if ((e = fit_connections(s, &public.connections_max, why)))
		return e;
	s->inside = (struct listener){.app = s->app, .internal = true};
	s->outside = (struct listener){.app = s->app};
	/* the public one first: it sets the address that threads of both read */
	if ((e = listener_start(&s->outside, s->arena, &public, &s->public_server, why)))
		return e;
	return listener_start(&s->inside, s->arena, &internal, &s->internal_server, why);
}

/* DATA/serve.json, which leads to DATA/PLACE_FILE, says where the listeners are; written whole or not at all. */
static bool write_place(struct serving *s)
{
	char path[PATH_BYTES], fresh[PATH_BYTES], internal[URL_BYTES], text[2 * URL_BYTES + 128];
	const char *data = config_text(s->config, CFG_data);
	int fd, n;
	bool ok;

	if (!config_is_set(s->config, CFG_data))
		return true;
	s->placed = true;
	url_of(
	    internal, sizeof internal, config_text(s->config, CFG_internal_bind), http_server_port(s->internal_server));
	snprintf(path, sizeof path, "%s/" PLACE_FILE, data);
	snprintf(fresh, sizeof fresh, "%s/" PLACE_FILE ".new", data);
	n = snprintf(text, sizeof text,
	    "{\"pid\":%d,\"url\":\"%s\",\"port\":%d,\"internal_url\":\"%s\",\"internal_port\":%d}\n", (int)getpid(),
	    s->app->public_url, http_server_port(s->public_server), internal, http_server_port(s->internal_server));
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	ok = n < (int)sizeof text && write(fd, text, (size_t)n) == n;
	return close(fd) == 0 && ok && rename(fresh, path) == 0;
}

static void announce(const struct serving *s)
{
	struct log_field outside[] = {
	    LF_STR(COMPONENT, S("public")), LF_INT(PORT, http_server_port(s->public_server)), LF_INT(PID, getpid())};
	struct log_field inside[] = {LF_STR(COMPONENT, S("internal")),
	    LF_INT(PORT, http_server_port(s->internal_server)), LF_INT(PID, getpid())};

	log_event(s->app->log, LOG_INFO, "listening", inside, countof(inside));
	log_event(s->app->log, LOG_INFO, "listening", outside, countof(outside));
}

static void reload(struct serving *s)
{
	const char *fault;
	struct str why;

	if (config_reload(s->config, &why)) {
		log_message(s->app->log, LOG_ERROR, "reload refused", why);
		return;
	}
	log_set_level(s->app->log, (enum log_level)config_int(s->config, CFG_log_level));
	if (ratelimit_reload(s->app, &fault))
		log_message(s->app->log, LOG_ERROR, "reload of rate limits refused", str_from(fault));
	log_message(s->app->log, LOG_INFO, "reloaded", why);
}

static void wait_for_end(struct serving *s, const sigset_t *signals)
{
	for (;;) {
		int signal = sigwaitinfo(signals, NULL);
		struct log_field fields[] = {LF_INT(SIGNAL, signal)};

		if (signal < 0 && errno == EINTR)
			continue;
		if (signal == SIGHUP) {
			reload(s);
			continue;
		}
		log_event(s->app->log, LOG_INFO, "draining", fields, countof(fields));
		return;
	}
}

/* Where nobody listens any more nobody should be sent. */
static void remove_place(const struct serving *s)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s/" PLACE_FILE, config_text(s->config, CFG_data));
	if (s->placed)
		unlink(path);
}

/* The internal listener goes last: whoever asks readyz meanwhile is told 503 and why. */
static void stop_listeners(struct serving *s)
{
	bool ended = true;

	app_drain(s->app);
	egress_stop(s->app->egress, (int)config_int(s->config, CFG_drain_ms) - EGRESS_STOP_MS);
	__atomic_store_n(&s->app->http, NULL, __ATOMIC_RELEASE);
	slow_stop(s->app->slow);
	if (s->public_server)
		ended = http_server_drain(s->public_server, (int)config_int(s->config, CFG_drain_ms));
	if (s->internal_server)
		ended = http_server_drain(s->internal_server, INTERNAL_DRAIN_MS) && ended;
	if (ended)
		return;
	/* A handler still uses the app: nothing of it is closed. Its transaction ends uncommitted with the process, and
	 * its client was told nothing. */
	log_message(s->app->log, LOG_ERROR, "ended with requests under way", S("they took longer than drain_ms"));
	_exit(STATUS_CUT_OFF);
}

static enum err serve(struct serving *s, const sigset_t *signals, struct str *why)
{
	struct arena scratch;
	enum err e;

	arena_init(&scratch, &arena_malloc, CHECK_ARENA_MAX_BYTES);
	e = app_check(s->app, &scratch, why);
	if (e) /* the sentence must outlive the scratch */
		*why = str_dup(s->arena, *why);
	if (!e)
		event_months_begin(s->app, PG_APP, &scratch);
	arena_free(&scratch);
	if (e)
		return e;
	e = start_listeners(s, why);
	if (!e)
		__atomic_store_n(&s->app->http, s->public_server, __ATOMIC_RELEASE);
	if (!e && !write_place(s)) {
		*why = S("serve.json cannot be written into the data folder");
		e = ERR_IO;
	}
	if (!e) {
		announce(s);
		wait_for_end(s, signals);
		remove_place(s);
	}
	stop_listeners(s);
	return e;
}

static bool take_options(const struct command_line *line, struct config *c)
{
	static const struct {
		const char *option;
		enum setting_id id;
	} settings[] = {{"port", CFG_port}, {"bind", CFG_bind}};
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

static int run_server(struct command_line *line, struct serving *s, const sigset_t *signals)
{
	struct str why = S("out of memory");
	int status;

	if (!command_config(line, s->arena, &s->config))
		return 1;
	if (!take_options(line, s->config))
		return 2;
	if (app_open(s->arena, s->config, OPEN_SERVER, &s->app, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	/* the vault has them, in locked memory */
	config_forget(s->config, CFG_key);
	config_forget(s->config, CFG_key_previous);
	status = serve(s, signals, &why) ? command_fail(line, 1, "%.*s", STR_ARGS(why)) : 0;
	app_close(s->app);
	return status;
}

int serve_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"},
	    {"port", "N", "Port of the public listener (0: any free one)"},
	    {"bind", "ADDRESS", "Address of the public listener"}};
	struct command_line line = {.name = "serve",
	    .usage = "[OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .about = "Answers HTTP requests: API, respondents' pages, API reference; and health and metrics on a "
		     "listener of their own.\n"
		     "TERM stops it after the requests under way, HUP re-reads the settings file."};
	struct serving s = {0};
	struct arena a;
	sigset_t signals;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	/* before any thread is there, so that each inherits the mask and sigwaitinfo gets them all */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	arena_init(&a, &arena_malloc, APP_ARENA_MAX_BYTES);
	s.arena = &a;
	status = run_server(&line, &s, &signals);
	arena_free(&a);
	return status;
}

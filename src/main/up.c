/* up.c - `collect up`: everything in one folder, started in order, watched, stopped in order. */
#include "main/up.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/pg_conninfo.h"

#define UP_ARENA_MAX_BYTES (16 * MB)
#define POLL_MS 20
#define WATCH_MS 1000
#define SERVER_START_MS 30000

/* Before anything is started: a taken port must not cost a cluster. */
static bool port_is_free(const struct up *up)
{
	const char *host = config_text(up->config, CFG_bind), *port = config_text(up->config, CFG_port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE},
			*address;
	int fd, on = 1, fault = getaddrinfo(host, port, &hints, &address);
	bool free = false;

	if (fault) {
		command_fail(up->line, 2, "\"%s\" is no address to listen on: %s", host, gai_strerror(fault));
		return false;
	}
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		free = bind(fd, address->ai_addr, address->ai_addrlen) == 0;
		if (!free && errno == EADDRINUSE)
			command_fail(up->line, 1,
			    "port %s on %s is taken by another program; choose another with --port N, or 0 for any "
			    "free one",
			    port, host);
		else if (!free)
			command_fail(up->line, 1, "%s:%s cannot be listened on: %s", host, port, strerror(errno));
		close(fd);
	} else {
		command_fail(up->line, 1, "no socket: %s", strerror(errno));
	}
	freeaddrinfo(address);
	return free;
}

static bool set_environment(const struct up *up)
{
	const struct {
		const char *name, *value;
	} variables[] = {{"COLLECT_DATABASE_URL", up->database_url}, {"COLLECT_REDIS_URL", up->redis_url},
	    {"COLLECT_DATA", up->data}, {"COLLECT_PORT", config_text(up->config, CFG_port)},
	    {"COLLECT_BIND", config_text(up->config, CFG_bind)}};
	size_t i;

	for (i = 0; i < countof(variables); i++)
		if (setenv(variables[i].name, variables[i].value, 1) != 0) {
			command_fail(up->line, 1, "out of memory");
			return false;
		}
	return true;
}

/* What is started from here on serves strangers: it knows where the database is, not its owner. */
static bool forget_owner(struct up *up)
{
	struct str why = S("out of memory");

	if ((up->server_url || !pg_conninfo(up->arena, up->database_url, PG_APP, "", &up->server_url, &why)) &&
	    setenv("COLLECT_DATABASE_URL", up->server_url, 1) == 0)
		return true;
	command_fail(up->line, 1, "%.*s", STR_ARGS(why));
	return false;
}

/* So that `collect doctor --config DATA/collect.conf` and its like find what runs here. */
static bool write_config(const struct up *up)
{
	char path[UP_PATH_BYTES];
	FILE *f;
	int fd;
	bool ok;

	if (!up_path(up, path, "collect.conf"))
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	ok = f && fprintf(f, "# Written by `collect up` at each start.\ndata = %s\ndatabase_url = %s\nredis_url = %s\n",
		      up->data, up->database_url, up->redis_url) > 0;
	if (ok)
		cluster_write_passwords(up, f);
	if (f && fclose(f) == 0 && ok)
		return true;
	command_fail(up->line, 1, "%s: %s", path, strerror(errno));
	return false;
}

static bool start_server(struct up *up)
{
	struct child *c = &up->children[UP_SERVER];
	int64_t deadline = clock_mono_ns() + SERVER_START_MS * 1000000LL;
	char path[UP_PATH_BYTES];

	if (!up_path(up, path, "serve.json") || (unlink(path) != 0 && errno != ENOENT))
		return false;
	*c = (struct child){.name = "the server",
	    .log = "serve.log",
	    .argv = {"collect", "serve", NULL},
	    .without = {"COLLECT_DATABASE_WORKER_PASSWORD", NULL},
	    .stop_signal = SIGTERM,
	    .stop_wait_ms = (int)config_int(up->config, CFG_drain_ms) + 5000};
	if (command_option(up->line, "config")) {
		c->argv[2] = "--config";
		c->argv[3] = command_option(up->line, "config");
	}
	up_say("starting the server");
	if (!child_start(up, c))
		return false;
	while (access(path, R_OK) != 0) {
		if (up->stopping)
			return false;
		if (!child_alive(up, c) || clock_mono_ns() > deadline) {
			command_fail(up->line, 1, "the server did not start");
			if (c->pid)
				child_show_log(up, c);
			return false;
		}
		up_wait(up, POLL_MS);
	}
	return true;
}

/* A server that is started again keeps its ports, also those of the kernel's choice: links and scrapers know them by now. */
static bool keep_ports(const struct up *up)
{
	static const char *const names[][2] = {{"port", "COLLECT_PORT"}, {"internal_port", "COLLECT_INTERNAL_PORT"}};
	size_t i;

	for (i = 0; i < countof(names); i++) {
		const char *port = str_cstr(up->arena, up_json_text(up, "serve.json", names[i][0]));

		if (!port || setenv(names[i][1], port, 1) != 0)
			return false;
	}
	return true;
}

static bool start_worker(struct up *up)
{
	struct child *c = &up->children[UP_WORKER];

	*c = up->children[UP_SERVER];
	c->name = "the worker";
	c->log = "worker.log";
	c->argv[1] = "worker";
	c->without[0] = "COLLECT_DATABASE_APP_PASSWORD";
	c->without[1] = "COLLECT_DATABASE_PUBLIC_PASSWORD";
	c->without[2] = NULL;
	c->pid = 0;
	return child_start(up, c);
}

static bool start_all(struct up *up)
{
	if ((up->private_database || up->private_redis) && !cluster_start(up))
		return false;
	if (!set_environment(up) || !cluster_migrate(up) || !write_config(up) || !forget_owner(up) || up->stopping)
		return false;
	if (!start_server(up) || !keep_ports(up) || !start_worker(up))
		return false;
	return !up->demo || child_call(up, demo_make) == 0;
}

static void watch(struct up *up)
{
	int i;

	while (!up->stopping) {
		int signal = up_wait(up, WATCH_MS);

		child_reap(up);
		logs_limit(up);
		for (i = 0; i < UP_CHILDREN && !up->stopping; i++) {
			struct child *c = &up->children[i];

			if (signal == SIGHUP && c->pid && (i == UP_SERVER || i == UP_WORKER))
				kill(c->pid, SIGHUP);
			if (c->retry_ns && c->retry_ns <= clock_mono_ns() && child_start(up, c))
				up_say("  %s is started again", c->name);
		}
	}
}

/* Whoever uses another goes first: requests under way still find the database. Those of a stage stop side by side. */
static void stop_all(struct up *up)
{
	static const enum up_child stages[][2] = {{UP_SERVER, UP_WORKER}, {UP_REDIS, UP_POSTGRES}};
	size_t i, k;

	up->stopping = true;
	up_say("stopping");
	for (i = 0; i < countof(stages); i++) {
		for (k = 0; k < countof(stages[i]); k++)
			child_ask_to_stop(up, &up->children[stages[i][k]]);
		for (k = 0; k < countof(stages[i]); k++)
			child_wait_for_end(up, &up->children[stages[i][k]]);
	}
	up_leave(up);
	up_say("stopped");
}

static bool take_options(struct up *up)
{
	static const struct {
		const char *option;
		enum setting_id id;
	} settings[] = {{"port", CFG_port}, {"bind", CFG_bind}, {"data", CFG_data}};
	struct str why;
	char origin[16];
	size_t i;

	for (i = 0; i < countof(settings); i++) {
		const char *value = command_option(up->line, settings[i].option);

		snprintf(origin, sizeof origin, "--%s", settings[i].option);
		if (value && config_override(up->config, settings[i].id, value, origin, &why)) {
			command_fail(up->line, 2, "%.*s", STR_ARGS(why));
			return false;
		}
	}
	up->demo = command_option(up->line, "demo") != NULL;
	up->database_url = config_text(up->config, CFG_database_url);
	up->redis_url = config_text(up->config, CFG_redis_url);
	up->private_database = !*up->database_url;
	up->private_redis = !*up->redis_url;
	return true;
}

static int run(struct up *up)
{
	bool ok;

	if (!port_is_free(up) || !up_prepare(up, command_option(up->line, "fresh") != NULL))
		return 1;
	logs_begin(up);
	ok = start_all(up);
	if (ok) {
		up_show(up);
		watch(up);
	} else if (up->stopping) {
		ok = true; /* asked to stop while starting */
	}
	stop_all(up);
	return ok ? 0 : 1;
}

int up_command(int argc, char **argv)
{
	struct option_row options[] = {{"demo", NULL, "Make a demonstration tenant with two published questionnaires"},
	    {"port", "N", "Port of the server (default 8080; 0: any free one)"},
	    {"bind", "ADDRESS", "Address of the server (default 127.0.0.1)"},
	    {"data", "DIR", "Folder for everything it keeps (default ./var)"},
	    {"fresh", NULL, "Remove everything in that folder first"},
	    {"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "up",
	    .usage = "[OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .about = "Starts everything: a PostgreSQL cluster and a Redis of its own (unless COLLECT_DATABASE_URL and "
		     "COLLECT_REDIS_URL name\n"
		     "others), the server and the worker. Ctrl-C or TERM stops what it started. As root it runs all of "
		     "it as the user \"collect\"."};
	struct up up = {.line = &line};
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	arena_init(&a, &arena_malloc, UP_ARENA_MAX_BYTES);
	up.arena = &a;
	if (!command_config(&line, &a, &up.config))
		return 1;
	if (!take_options(&up))
		return 2;
	sigemptyset(&up.signals);
	sigaddset(&up.signals, SIGTERM);
	sigaddset(&up.signals, SIGINT);
	sigaddset(&up.signals, SIGHUP);
	sigaddset(&up.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &up.signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	status = run(&up);
	arena_free(&a);
	return status;
}

/* worker.c - `collect worker`: the work that no request waits for. */
#include "main/command.h"

#include <errno.h>
#include <signal.h>
#include "base/limits.h"
#include "main/open.h"
#include "sql.h"

#define WORKER_ARENA_MAX_BYTES (16 * MB)
#define ROUND_ARENA_MAX_BYTES (1 * MB)
#define PARTITION_MONTHS_AHEAD 3
#define ROUND_S 3600
#define RETRY_S 10 /* after a round that failed: the database may be back soon */

struct made {
	int64_t made;
};

static enum err ensure_partitions(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct made, made, PGT_INT)};
	const struct pg_param in[] = {P_INT(PARTITION_MONTHS_AHEAD)};
	struct made *row = ctx;
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, ROUND_ARENA_MAX_BYTES);
	e = tx_one(tx, &a, &Q(SQL_event_partitions_ensure, in, cols), row);
	arena_free(&a);
	return e;
}

static bool work_round(struct app *app)
{
	struct made row = {0};
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, ROUND_ARENA_MAX_BYTES);
	e = tx_run(app, PG_WORKER, NULL, &a, ensure_partitions, &row);
	arena_free(&a);
	if (e) {
		log_message(app->log, LOG_ERROR, "event partitions could not be made", str_from(err_meaning(e)));
		return false;
	}
	if (row.made) {
		struct log_field fields[] = {LF_INT(COUNT, row.made)};

		log_event(app->log, LOG_INFO, "event partitions made", fields, countof(fields));
	}
	return true;
}

static void work(struct app *app, const struct config *c, const sigset_t *signals)
{
	for (;;) {
		struct timespec pause = {.tv_sec = work_round(app) ? ROUND_S : RETRY_S};
		int signal = sigtimedwait(signals, NULL, &pause);
		struct str why;

		if (signal == SIGHUP && !config_reload((struct config *)c, &why))
			log_set_level(app->log, (enum log_level)config_int(c, CFG_log_level));
		else if (signal > 0 && signal != SIGHUP)
			return;
	}
}

int worker_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "worker",
	    .usage = "[OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .about = "Does the work that no request waits for: keeps the event log's monthly partitions ahead of the "
		     "calendar.\n"
		     "TERM stops it after the work under way."};
	struct config *config;
	struct arena a;
	struct app *app;
	struct str why = S("out of memory");
	sigset_t signals;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	arena_init(&a, &arena_malloc, WORKER_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	if (app_open(&a, config, OPEN_WORKER, &app, &why))
		return command_fail(&line, 1, "%.*s", STR_ARGS(why));
	if (app_check(app, &a, &why)) {
		status = command_fail(&line, 1, "%.*s", STR_ARGS(why));
	} else {
		log_event(app->log, LOG_INFO, "working", NULL, 0);
		work(app, config, &signals);
		status = 0;
	}
	app_close(app);
	arena_free(&a);
	return status;
}

/* up.h - the parts of `collect up`, the supervisor. Private to up*.c.
 *
 * The supervisor has one thread. Root only makes the data folder and gives it to an unprivileged user; then it drops to that user for good,
 * before it touches anything inside, and starts everything as its own children, each in a process group of its own, so that Ctrl-C reaches the supervisor alone and it decides the order of the end.
 * A child dies with the supervisor even when that is killed (PR_SET_PDEATHSIG). */
#ifndef MAIN_UP_H
#define MAIN_UP_H

#include <signal.h>
#include <sys/types.h>
#include "main/command.h"

#define UP_PATH_BYTES 4096
#define UP_URL_BYTES 512
#define UP_ARGS_MAX 48
#define UP_SUPERUSER "postgres"   /* of the private cluster */
#define UP_WITHOUT_MAX 4

struct child {
	const char *name;            /* "PostgreSQL", "server": for people */
	const char *log;             /* file in DATA/log that takes its output */
	const char *program;         /* path; NULL: this program itself */
	const char *argv[UP_ARGS_MAX];
	const char *without[UP_WITHOUT_MAX]; /* variables of the environment that it does not get; ended by NULL */
	int stop_signal, stop_wait_ms;
	pid_t pid;                   /* 0: not running */
	int failures;                /* in a row, for the back-off */
	int64_t started_ns, retry_ns;   /* monotonic; retry_ns 0: no restart is due */
};

enum up_child { UP_POSTGRES, UP_REDIS, UP_SERVER, UP_WORKER, UP_CHILDREN };

struct up {
	struct command_line *line;
	struct config *config;
	struct arena *arena;
	char data[UP_PATH_BYTES];    /* absolute */
	char run[UP_PATH_BYTES];     /* where the unix sockets are: DATA/run, or a short folder when that path is too long */
	bool run_is_ours;            /* a short folder, to be removed at the end */
	int lock_fd, self_fd;
	char self[UP_PATH_BYTES];    /* this program, when its path can be reached after the drop; else empty, and self_fd is run */
	bool private_database, private_redis, demo;
	const char *database_url;    /* as its owner: the schema, tenants; never the server's or the worker's */
	const char *server_url;      /* of the same database, without the owner and his secret; NULL until it is known */
	const char *redis_url;
	struct child children[UP_CHILDREN];
	sigset_t signals;            /* blocked in the supervisor, unblocked in children */
	bool stopping;
};

/* A line of progress on standard output, at once. */
void up_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* DATA/name into path; false (said) when that is too long. */
bool up_path(const struct up *up, char path[UP_PATH_BYTES], const char *name);

/* ---- up_folder.c: the data folder, and who we are ---- */

/* Makes DATA, as root gives it to the unprivileged user and becomes that user; then makes it ours (marker file, lock) and empties it with
 * `fresh`. Root takes only a folder that is that user's already or an empty one of its own. False: said why. */
bool up_prepare(struct up *up, bool fresh);
void up_leave(struct up *up);                    /* removes a short socket folder; the lock goes with the process */

/* ---- up_process.c: children ---- */

bool child_start(struct up *up, struct child *c);
/* Runs this program's subcommand to its end with our output; its exit status, or -1. */
int child_run(struct up *up, const char *program, const char *const *argv, bool quiet);
/* Runs `work` in a process of its own, for what needs threads: the supervisor keeps one. 0 when it answered true. */
int child_call(struct up *up, bool (*work)(struct up *up));
void child_ask_to_stop(struct up *up, struct child *c);
/* After stop_wait_ms it is killed. */
void child_wait_for_end(struct up *up, struct child *c);
/* Reaps what ended; a child that ended by itself is said so, and gets its time of restart. */
void child_reap(struct up *up);
bool child_alive(struct up *up, struct child *c);
/* The logs of the start before become NAME.old; before any child is started. */
void logs_begin(const struct up *up);
/* A log of more than 32 MB is copied to NAME.old and begins anew; a line written at that moment may be lost. */
void logs_limit(const struct up *up);
/* The last lines of its log, for people. */
void child_show_log(const struct up *up, const struct child *c);
/* Sleeps, at most this long, until a signal comes: its number (SIGCHLD among them), or 0. TERM and INT set up->stopping. */
int up_wait(struct up *up, int ms);

/* ---- up_cluster.c: the private PostgreSQL and Redis ---- */

bool cluster_start(struct up *up);               /* both, side by side; true when both answer */
/* The keys, the schema, and the logins' passwords where the server asks for them. */
bool cluster_migrate(struct up *up);
/* Lines for DATA/collect.conf that name the files of generated passwords. */
void cluster_write_passwords(const struct up *up, FILE *f);

/* ---- up_owner.c: the superuser of the private cluster ---- */

/* His connection string; it names the file of his password. NULL: too long, or no memory. */
const char *owner_url(struct up *up, const char *database);
bool owner_make_password(struct up *up);         /* DATA/keys/postgres.pgpass, unless it is there. False: said why */
/* A cluster that lets people in without a password (a new one, one of an older release) no longer does after this. */
bool owner_close_cluster(struct up *up);

/* ---- up_demo.c ---- */

/* Makes what is missing of the demonstration and DATA/demo.json. Runs in a child of its own. False: said why. */
bool demo_make(struct up *up);
/* The readable block at the end. */
void up_show(const struct up *up);
/* A member of a JSON file in DATA, dotted ("links.csat"), text or whole number; empty when it is not there. */
struct str up_json_text(const struct up *up, const char *file, const char *member);

#endif

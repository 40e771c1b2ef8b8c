#include "main/up.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/limits.h"
#include "io/clock.h"

#define LOG_TAIL_BYTES 1500
#define LOG_MAX_BYTES (32 * MB)
#define BACK_OFF_MAX_S 30
#define HEALTHY_NS 60000000000 /* ran this long: the next failure is a first one */

extern char **environ;

void up_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

bool up_path(const struct up *up, char path[UP_PATH_BYTES], const char *name)
{
	int n = snprintf(path, UP_PATH_BYTES, "%s/%s", up->data, name);

	if (n < UP_PATH_BYTES)
		return true;
	command_fail(up->line, 1, "the path of the data folder is too long");
	return false;
}

struct call {
	const char *program, *const *argv, *const *without;
};

/* In the child, up to exec. Only plain system calls: nothing here may fail in silence, hence the exit statuses. */
static void child_become(struct up *up, pid_t supervisor, const struct call *call, int out)
{
	const char *program = call->program, *const *without = call->without;
	char *const *argv = (char *const *)call->argv;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, strstr(program ? program : "", "postgres") ? SIGINT : SIGTERM);
	if (getppid() != supervisor) /* it died before the line above */
		_exit(125);
	sigprocmask(SIG_UNBLOCK, &up->signals, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (; without && *without; without++)
		unsetenv(*without);
	if (null >= 0)
		dup2(null, 0);
	if (out >= 0) {
		dup2(out, 1);
		dup2(out, 2);
	}
	if (program)
		execv(program, argv);
	else if (*up->self)
		execv(up->self, argv);
	else
		fexecve(up->self_fd, argv, environ);
	fprintf(stderr, "%s: %s\n", program ? program : argv[0], strerror(errno));
	_exit(127);
}

static pid_t child_spawn(struct up *up, const struct call *call, int out)
{
	pid_t supervisor = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child_become(up, supervisor, call, out);
	return pid;
}

static bool log_paths(const struct up *up, const char *log, char path[UP_PATH_BYTES], char old[UP_PATH_BYTES])
{
	char name[64];

	snprintf(name, sizeof name, "log/%s", log);
	if (!up_path(up, path, name))
		return false;
	snprintf(name, sizeof name, "log/%s.old", log);
	return up_path(up, old, name);
}

void logs_begin(const struct up *up)
{
	static const char *const logs[] = {"postgres.log", "redis.log", "serve.log", "worker.log"};
	char path[UP_PATH_BYTES], old[UP_PATH_BYTES];
	size_t i;

	for (i = 0; i < countof(logs); i++)
		if (log_paths(up, logs[i], path, old) && rename(path, old) != 0 && errno != ENOENT)
			up_say("! %s cannot be put aside: %s", path, strerror(errno));
}

/* Not renamed: the child holds it open, and writes on at the new end (O_APPEND). When the disk is full the old half is lost instead. */
static void log_put_aside(const char *path, const char *old)
{
	int in = open(path, O_RDWR | O_CLOEXEC),
	    out = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t at = 0;
	ssize_t n = -1;

	if (in >= 0 && out >= 0)
		while (at < 2 * LOG_MAX_BYTES && (n = sendfile(out, in, &at, 1 * MB)) > 0)
			;
	if (n < 0)
		up_say("! %s could not be copied to %s: %s", path, old, strerror(errno));
	if (in < 0 || ftruncate(in, 0) != 0)
		up_say("! %s grows beyond its limit: %s", path, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

void logs_limit(const struct up *up)
{
	char path[UP_PATH_BYTES], old[UP_PATH_BYTES];
	struct stat st;
	int i;

	for (i = 0; i < UP_CHILDREN; i++) {
		const char *log = up->children[i].log;

		if (log && log_paths(up, log, path, old) && stat(path, &st) == 0 && st.st_size > LOG_MAX_BYTES)
			log_put_aside(path, old);
	}
}

bool child_start(struct up *up, struct child *c)
{
	char path[UP_PATH_BYTES], name[64];
	int out;

	snprintf(name, sizeof name, "log/%s", c->log);
	if (!up_path(up, path, name))
		return false;
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0) {
		command_fail(up->line, 1, "%s: %s", path, strerror(errno));
		return false;
	}
	c->retry_ns = 0;
	c->started_ns = clock_mono_ns();
	c->pid = child_spawn(up, &(struct call){c->program, c->argv, c->without}, out);
	close(out);
	if (c->pid < 0) {
		c->pid = 0;
		command_fail(up->line, 1, "%s cannot be started: %s", c->name, strerror(errno));
		return false;
	}
	return true;
}

int child_run(struct up *up, const char *program, const char *const *argv, bool quiet)
{
	int null = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1, status;
	pid_t pid = child_spawn(up, &(struct call){program, argv, NULL}, null);

	if (null >= 0)
		close(null);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int child_call(struct up *up, bool (*work)(struct up *up))
{
	pid_t supervisor = getpid(), pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != supervisor)
			_exit(125);
		setpgid(0, 0);
		sigprocmask(SIG_UNBLOCK, &up->signals, NULL);
		status = work(up) ? 0 : 1;
		fflush(NULL);
		_exit(status);
	}
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int up_wait(struct up *up, int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	int signal = sigtimedwait(&up->signals, NULL, &t);

	if (signal == SIGTERM || signal == SIGINT)
		up->stopping = true;
	return signal > 0 ? signal : 0;
}

static void child_ended(struct up *up, struct child *c, int status)
{
	int64_t now = clock_mono_ns();
	int pause_s;

	c->pid = 0;
	if (up->stopping)
		return;
	c->failures = now - c->started_ns > HEALTHY_NS ? 1 : c->failures + 1;
	pause_s = c->failures > 5 ? BACK_OFF_MAX_S : 1 << (c->failures - 1);
	c->retry_ns = now + pause_s * 1000000000LL;
	if (WIFSIGNALED(status))
		up_say("! %s was ended by signal %d (%s); it starts again in %d s", c->name, WTERMSIG(status),
		    strsignal(WTERMSIG(status)), pause_s);
	else
		up_say("! %s ended with status %d; it starts again in %d s", c->name, WEXITSTATUS(status), pause_s);
	child_show_log(up, c);
}

void child_reap(struct up *up)
{
	int status, i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < UP_CHILDREN; i++)
			if (up->children[i].pid == pid)
				child_ended(up, &up->children[i], status);
}

bool child_alive(struct up *up, struct child *c)
{
	child_reap(up);
	return c->pid != 0;
}

void child_ask_to_stop(struct up *up, struct child *c)
{
	c->retry_ns = 0;
	if (child_alive(up, c))
		kill(c->pid, c->stop_signal);
}

void child_wait_for_end(struct up *up, struct child *c)
{
	int64_t deadline = clock_mono_ns() + c->stop_wait_ms * 1000000LL;

	while (child_alive(up, c)) {
		if (clock_mono_ns() > deadline) {
			up_say("! %s did not stop within %d s and is killed", c->name, c->stop_wait_ms / 1000);
			kill(c->pid, SIGKILL);
			deadline = INT64_MAX;
		}
		up_wait(up, 20);
	}
}

void child_show_log(const struct up *up, const struct child *c)
{
	char path[UP_PATH_BYTES], name[64], text[LOG_TAIL_BYTES + 1], *at = text;
	ssize_t n = -1;
	int fd;

	snprintf(name, sizeof name, "log/%s", c->log);
	if (!up_path(up, path, name))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		off_t end = lseek(fd, 0, SEEK_END);

		n = pread(fd, text, LOG_TAIL_BYTES, end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0);
		close(fd);
	}
	if (n <= 0)
		return;
	text[n] = '\0';
	if (n == LOG_TAIL_BYTES && strchr(text, '\n')) /* not from the middle of a line */
		at = strchr(text, '\n') + 1;
	up_say("  the end of %s:\n%s", path, at);
}

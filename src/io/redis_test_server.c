/* redis_test_server.c - starts and ends the server of redis_test.h. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <hiredis/hiredis.h>
#include "io/redis_test.h"

static bool answers(const struct redis_test *t)
{
	redisContext *c = redisConnectUnix(t->socket);
	redisReply *reply = c && !c->err ? redisCommand(c, "PING") : NULL;
	bool ok = reply && reply->type == REDIS_REPLY_STATUS;

	if (reply)
		freeReplyObject(reply);
	if (c)
		redisFree(c);
	return ok;
}

void redis_test_start(struct redis_test *t)
{
	char log[64];
	pid_t parent = getpid();

	assert_int_equal(t->pid, 0);
	snprintf(log, sizeof log, "%s/log", t->dir);
	t->pid = fork();
	if (t->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			/* Without a file but the log, so that it dies without a trace. */
			execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", t->socket, "--save", "",
			    "--appendonly", "no", "--dir", t->dir, "--logfile", log, NULL);
		_exit(127);
	}
	assert_true(t->pid > 0);
	wait_until(answers(t));
}

void redis_test_kill(struct redis_test *t)
{
	if (!t->pid)
		return;
	kill(t->pid, SIGKILL);
	assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
	t->pid = 0;
	unlink(t->socket);
}

void redis_test_signal(const struct redis_test *t, int signal)
{
	assert_int_equal(kill(t->pid, signal), 0);
}

void redis_test_tell(const struct redis_test *t, const char *command, char reply[REDIS_TEST_REPLY_BYTES])
{
	const char *args[16];
	size_t lengths[16];
	struct str rest = str_from(command);
	redisContext *c = redisConnectUnix(t->socket);
	redisReply *r;
	int n = 0;

	while (rest.n) {
		struct str word = str_cut(&rest, ' ', NULL);

		assert_true(n < (int)countof(args));
		args[n] = word.p;
		lengths[n++] = word.n;
	}
	assert_true(c && !c->err);
	r = redisCommandArgv(c, n, args, lengths);
	assert_non_null(r);
	if (r->str)
		snprintf(reply, REDIS_TEST_REPLY_BYTES, "%s", r->str);
	else if (r->type == REDIS_REPLY_INTEGER)
		snprintf(reply, REDIS_TEST_REPLY_BYTES, "%lld", r->integer);
	else
		snprintf(reply, REDIS_TEST_REPLY_BYTES, "%s", r->type == REDIS_REPLY_NIL ? "(nil)" : "(array)");
	freeReplyObject(r);
	redisFree(c);
}

static bool says(const struct redis_test *t, const char *command, const char *expected)
{
	char reply[REDIS_TEST_REPLY_BYTES];

	redis_test_tell(t, command, reply);
	return strcmp(reply, expected) == 0;
}

void redis_test_await(const struct redis_test *t, const char *command, const char *expected)
{
	wait_until(says(t, command, expected));
}

int redis_test_open(void **state)
{
	struct redis_test *t = calloc(1, sizeof *t);

	signal(SIGPIPE, SIG_IGN); /* as the program does */
	snprintf(t->dir, sizeof t->dir, "/tmp/collect-redis-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->socket, sizeof t->socket, "%s/redis.sock", t->dir);
	snprintf(t->url, sizeof t->url, "unix://%s", t->socket);
	redis_test_start(t);
	*state = t;
	return 0;
}

/* A new one: a test may have changed its settings or stopped it. */
int redis_test_fresh(void **state)
{
	struct redis_test *t = *state;

	redis_test_kill(t);
	redis_test_start(t);
	return 0;
}

int redis_test_close(void **state)
{
	struct redis_test *t = *state;
	char log[64];

	redis_test_kill(t);
	snprintf(log, sizeof log, "%s/log", t->dir);
	unlink(log);
	rmdir(t->dir);
	free(t);
	return 0;
}

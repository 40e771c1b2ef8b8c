/* redis_test.h - a redis-server of the test's own, on a socket in a folder of its own. It dies with the test program.
 *
 *     cmocka_run_group_tests(tests, redis_test_open, redis_test_close);         *state is a struct redis_test, empty and running
 *     cmocka_unit_test_setup(a_test, redis_test_fresh)                          running again, and empty, whatever the last test did
 *
 * All of it fails the test when it cannot do its work. */
#ifndef IO_REDIS_TEST_H
#define IO_REDIS_TEST_H

#include <sys/types.h>
#include "base/test.h"
#include "io/clock.h"
#include "io/redis.h"

#define REDIS_TEST_REPLY_BYTES 200
/* Machines that test are busy: what shall take no time may take this long. */
#define SLACK_MS 250

struct redis_test {
	char dir[40], socket[60], url[80];
	pid_t pid;                   /* 0: not running */
};

int redis_test_open(void **state);
int redis_test_fresh(void **state);
int redis_test_close(void **state);
void redis_test_start(struct redis_test *t);   /* returns when it answers */
void redis_test_kill(struct redis_test *t);
void redis_test_signal(const struct redis_test *t, int signal);
/* One command, words parted by spaces, over a connection of its own; texts, errors and numbers are put into `reply`. */
void redis_test_tell(const struct redis_test *t, const char *command, char reply[REDIS_TEST_REPLY_BYTES]);
/* Asks again until that is the reply; ten seconds at most. */
void redis_test_await(const struct redis_test *t, const char *command, const char *expected);
#define assert_redis(t, command, expected)                                                                             \
	do {                                                                                                           \
		char reply_[REDIS_TEST_REPLY_BYTES];                                                                   \
		redis_test_tell((t), (command), reply_);                                                               \
		assert_string_equal(reply_, (expected));                                                               \
	} while (0)

static inline int64_t ms_since(int64_t start_ns)
{
	return (clock_mono_ns() - start_ns) / 1000000;
}

/* Looks every few milliseconds; fails the test when it stays false for ten seconds. */
#define wait_until(condition)                                                                                          \
	do {                                                                                                           \
		int64_t start_ = clock_mono_ns();                                                                      \
		while (!(condition)) {                                                                                 \
			if (ms_since(start_) > 10000)                                                                  \
				fail_msg("never true: %s", #condition);                                                \
			usleep(5000);                                                                                  \
		}                                                                                                      \
	} while (0)

#endif

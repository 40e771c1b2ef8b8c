/* redis_subscribe_test.c - the subscriber's thread, against a real Redis that is killed and stopped. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include "io/redis_test.h"

#define TIMEOUT_MS 400

/* What was heard. Written on the subscriber's thread. */
struct heard {
	pthread_mutex_t lock;
	int joined, lost, messages, out_of_order;
	char last[40];
	struct redis *r;
	struct redis_listener listener;
};

static void hear_message(void *ctx, struct str message)
{
	struct heard *h = ctx;
	char number[16];

	pthread_mutex_lock(&h->lock);
	snprintf(number, sizeof number, "%d", h->messages++);
	h->out_of_order += !str_eq(message, str_from(number));
	snprintf(h->last, sizeof h->last, "%.*s", STR_ARGS(message));
	pthread_mutex_unlock(&h->lock);
}

static void hear_lost(void *ctx)
{
	struct heard *h = ctx;

	pthread_mutex_lock(&h->lock);
	h->lost++;
	pthread_mutex_unlock(&h->lock);
}

static void hear_joined(void *ctx)
{
	struct heard *h = ctx;

	pthread_mutex_lock(&h->lock);
	h->joined++;
	pthread_mutex_unlock(&h->lock);
}

static int count(struct heard *h, const int *what)
{
	int n;

	pthread_mutex_lock(&h->lock);
	n = *what;
	pthread_mutex_unlock(&h->lock);
	return n;
}

static void listen_to(struct heard *h, void **state)
{
	const struct redis_test *t = *state;
	struct redis_config config = {.url = t->url, .connections = 1, .timeout_ms = TIMEOUT_MS};
	const char *why;

	*h = (struct heard){.listener = {h, hear_message, hear_lost, hear_joined}};
	pthread_mutex_init(&h->lock, NULL);
	assert_int_equal(redis_open(&config, &h->r, &why), OK);
	assert_int_equal(redis_subscribe(h->r, "channel", &h->listener), OK);
}

static void messages_are_heard(void **state)
{
	struct heard h;
	char text[16];
	int i;

	listen_to(&h, state);
	wait_until(count(&h, &h.joined) == 1);
	for (i = 0; i < 500; i++)
		assert_int_equal(
		    redis_publish(h.r, S("channel"), str_make(text, (size_t)snprintf(text, sizeof text, "%d", i))), OK);
	assert_int_equal(redis_publish(h.r, S("another"), S("x")), OK);
	wait_until(count(&h, &h.messages) == 500);
	assert_int_equal(count(&h, &h.out_of_order), 0);
	/* Longer than the silence after which it asks: that is no loss. */
	usleep(1000 * (2 * REDIS_SILENCE_MS + 500));
	assert_int_equal(count(&h, &h.lost), 0);
	assert_int_equal(redis_publish(h.r, S("channel"), S("500")), OK);
	wait_until(count(&h, &h.messages) == 501);
	redis_close(h.r);
	assert_int_equal(h.lost, 1);
	assert_int_equal(h.joined, 1);
}

static void lost_and_joined_again(void **state)
{
	struct heard h;
	int64_t start;

	listen_to(&h, state);
	wait_until(count(&h, &h.joined) == 1);
	start = clock_mono_ns();
	redis_test_kill(*state);
	wait_until(count(&h, &h.lost) == 1);
	assert_true(ms_since(start) < 2 * SLACK_MS);
	usleep(1000 * 500);
	redis_test_start(*state);
	start = clock_mono_ns();
	wait_until(count(&h, &h.joined) == 2);
	assert_true(ms_since(start) < REDIS_REJOIN_MS + TIMEOUT_MS + SLACK_MS);
	wait_until(redis_publish(h.r, S("channel"), S("0")) == OK);
	wait_until(count(&h, &h.messages) == 1);
	redis_close(h.r);
}

static void a_silent_one_counts_as_lost(void **state)
{
	struct heard h;
	int64_t start;

	listen_to(&h, state);
	wait_until(count(&h, &h.joined) == 1);
	redis_test_signal(*state, SIGSTOP);
	start = clock_mono_ns();
	wait_until(count(&h, &h.lost) == 1);
	assert_in_range(ms_since(start), REDIS_SILENCE_MS - SLACK_MS, 2 * REDIS_SILENCE_MS + SLACK_MS);
	usleep(1000 * 2 * (REDIS_REJOIN_MS + TIMEOUT_MS));
	assert_int_equal(count(&h, &h.joined), 1);
	redis_test_signal(*state, SIGCONT);
	wait_until(count(&h, &h.joined) == 2);
	redis_close(h.r);
}

static void closing_does_not_wait_for_a_dead_one(void **state)
{
	struct heard h;
	int64_t start;

	redis_test_kill(*state);
	listen_to(&h, state);
	usleep(50000);
	start = clock_mono_ns();
	redis_close(h.r);
	assert_true(ms_since(start) < SLACK_MS);
	assert_int_equal(h.joined + h.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(messages_are_heard, redis_test_fresh),
	    cmocka_unit_test_setup(lost_and_joined_again, redis_test_fresh),
	    cmocka_unit_test_setup(a_silent_one_counts_as_lost, redis_test_fresh),
	    cmocka_unit_test_setup(closing_does_not_wait_for_a_dead_one, redis_test_fresh),
	};

	return cmocka_run_group_tests_name("redis_subscribe", tests, redis_test_open, redis_test_close);
}

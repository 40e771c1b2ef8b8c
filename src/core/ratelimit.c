/* ratelimit.c - the generic cell rate algorithm: one number per key, the theoretical arrival time (TAT). A request is
 * allowed when TAT lies no further ahead than the burst; it moves TAT by one emission interval. */
#include "core/ratelimit.h"

#include <pthread.h>
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"
#include "core/config.h"
#include "core/router.h"

#define SCRIPT_RESULTS 4
#define PREFIX_MAX_BYTES 32

/* Respondents of a call centre or a campus share one address, so the classes that count addresses are generous. */
static const struct rate_row {
	const char *name;
	int per_minute, burst;
} rates[] = {
    [RATE_NONE] = {"none", 0, 0},
    [RATE_LOGIN] = {"login", 20, 20},
    [RATE_CONSOLE] = {"console", 1200, 300},
    [RATE_EXPORT] = {"export", 60, 20},
    [RATE_PUBLIC_READ] = {"public-read", 12000, 2000},
    [RATE_SUBMIT] = {"submit", 6000, 1000},
};

struct ratelimit {
	uint64_t seed; /* or someone could look for a key that shares another's bound */
	pthread_mutex_t lock;
	int64_t tat_us[RATE_SLOTS];
};

/* KEYS[1]; ARGV: emission interval and burst tolerance in microseconds. Returns allowed, remaining, reset and retry in milliseconds. */
static const char gcra_script[] =
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000000 + t[2] "
    "local step, burst = tonumber(ARGV[1]), tonumber(ARGV[2]) "
    "local tat = tonumber(redis.call('GET', KEYS[1])) or now "
    "if tat < now then tat = now end "
    "local ahead = tat + step - now "
    "if ahead > burst then return {0, 0, math.ceil((tat - now) / 1000), math.ceil((ahead - burst) / 1000)} end "
    "redis.call('SET', KEYS[1], string.format('%.0f', tat + step), 'PX', math.ceil(ahead / 1000) + 1) "
    "return {1, math.floor((burst - ahead) / step), math.ceil(ahead / 1000), 0}";

enum err ratelimit_new(struct app *app, struct arena *a)
{
	if (!(app->ratelimit = arena_new(a, struct ratelimit)))
		return ERR_MEMORY;
	app->ratelimit->seed = random_u64();
	return pthread_mutex_init(&app->ratelimit->lock, NULL) ? ERR_INTERNAL : OK;
}

static int64_t step_us(const struct rate_row *row)
{
	return 60000000 / row->per_minute;
}

static bool loopback(struct str key)
{
	return str_starts(key, S("127.")) || str_eq(key, S("::1")) || str_starts(key, S("::ffff:127."));
}

static bool exempt(const struct app *app, int klass, struct str key)
{
	if (klass == RATE_NONE || !config_bool(app->config, CFG_rate_limits))
		return true;
	return klass != RATE_LOGIN && loopback(key) && !config_bool(app->config, CFG_rate_limit_loopback);
}

static void verdict(const struct rate_row *row, const int64_t r[SCRIPT_RESULTS], struct rate_verdict *out)
{
	*out = (struct rate_verdict){.allowed = r[0] != 0,
	    .limit = row->burst,
	    .remaining = (int)r[1],
	    .reset_s = (int)((r[2] + 999) / 1000),
	    .retry_after_s = (int)((r[3] + 999) / 1000)};
}

static int64_t ms_up(int64_t us)
{
	return (us + 999) / 1000;
}

static void take_local(struct app *app, const struct rate_row *row, struct str key, struct rate_verdict *out)
{
	struct ratelimit *limits = app->ratelimit;
	int64_t step = step_us(row), burst = step * row->burst, now = clock_mono_ns() / 1000, ahead;
	int64_t *tat = &limits->tat_us[hash64(key, limits->seed + (uint64_t)(row - rates)) % RATE_SLOTS];
	int64_t r[SCRIPT_RESULTS] = {0};

	pthread_mutex_lock(&limits->lock);
	if (*tat < now)
		*tat = now;
	ahead = *tat + step - now;
	r[0] = ahead <= burst;
	if (r[0]) {
		*tat += step;
		r[1] = (burst - ahead) / step;
		r[2] = ms_up(ahead);
	} else {
		r[2] = ms_up(ahead - step);
		r[3] = ms_up(ahead - burst);
	}
	pthread_mutex_unlock(&limits->lock);
	verdict(row, r, out);
}

void ratelimit_take_local(struct app *app, int klass, struct str key, struct rate_verdict *out)
{
	*out = (struct rate_verdict){.allowed = true};
	if (!exempt(app, klass, key))
		take_local(app, &rates[klass], key, out);
}

void ratelimit_take(struct app *app, int klass, struct str key, struct rate_verdict *out)
{
	char name[PREFIX_MAX_BYTES + RATE_KEY_MAX_BYTES], step[24], burst[24];
	struct str args[3];
	const struct redis_script script = {gcra_script, args, 1, 3};
	const struct rate_row *row = &rates[klass];
	int64_t r[SCRIPT_RESULTS];
	int n;

	*out = (struct rate_verdict){.allowed = true};
	if (exempt(app, klass, key))
		return;
	key = str_sub(key, 0, RATE_KEY_MAX_BYTES);
	n = snprintf(name, PREFIX_MAX_BYTES, "collect:rate:%s:", row->name);
	mem_copy(name + n, key.p, key.n);
	args[0] = str_make(name, (size_t)n + key.n);
	args[1] = str_make(step, (size_t)snprintf(step, sizeof step, "%lld", (long long)step_us(row)));
	args[2] =
	    str_make(burst, (size_t)snprintf(burst, sizeof burst, "%lld", (long long)(step_us(row) * row->burst)));
	if (redis_run(app->redis, &script, r, SCRIPT_RESULTS))
		take_local(app, row, key, out);
	else
		verdict(row, r, out);
}

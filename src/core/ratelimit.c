/* ratelimit.c - the generic cell rate algorithm: one number per key, the theoretical arrival time (TAT). A request is allowed when no key's TAT
 * lies further ahead than its burst; it moves each by one emission interval. */
#include "core/ratelimit.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"
#include "core/config.h"
#include "core/router.h"

#define SCRIPT_RESULTS 5
#define KEY_MAX_BYTES 192
#define MINUTE_US 60000000
#define RATE_MAX MINUTE_US /* a minute: an interval is one microsecond or more */
#define BURST_MAX 1000000

static const struct rate_class_row {
	const char *name;
	enum setting_id setting;
} classes[RATE_CLASSES] = {
    [RATE_LOGIN] = {"login", CFG_rate_login},
    [RATE_CONSOLE] = {"console", CFG_rate_console},
    [RATE_EXPORT] = {"export", CFG_rate_export},
    [RATE_PUBLIC_READ] = {"read", CFG_rate_read},
    [RATE_INTAKE] = {"intake", CFG_rate_intake},
};

static const struct str key_names[RATE_KEYS] = {{"address", 7}, {"caller", 6}, {"link", 4}, {"tenant", 6}};

struct rule {
	int64_t step_us; /* 0: not counted */
	int64_t burst;	 /* requests */
};

/* Read while another thread reloads: a pair that is half old and half new is still two numbers that somebody chose. */
struct live_rule {
	_Atomic int64_t step_us, burst;
};

struct ratelimit {
	uint64_t seed;	    /* or someone could look for a key that shares another's bound */
	_Atomic bool alone; /* Redis did not answer when last asked */
	struct live_rule rules[RATE_CLASSES][RATE_KEYS];
	pthread_mutex_t lock;
	int64_t tat_us[RATE_SLOTS];
};

/* What one request is counted for. */
struct count {
	struct str name; /* in Redis */
	struct rule rule;
	enum rate_key key;
};
struct counts {
	size_t n;
	struct count rows[RATE_KEYS];
	char names[RATE_KEYS][KEY_MAX_BYTES];
};

/* ---- rules ---- */

/* "caller=1200/300" */
static bool rule_read(struct str text, struct rule rules[RATE_KEYS])
{
	bool has_rate, has_burst;
	struct str name = str_cut(&text, '=', &has_rate), rate = str_cut(&text, '/', &has_burst);
	int64_t per_minute, burst;

	if (!has_rate || !has_burst || !str_to_int(rate, &per_minute) || !str_to_int(text, &burst))
		return false;
	if (per_minute < 1 || per_minute > RATE_MAX || burst < 1 || burst > BURST_MAX)
		return false;
	for (int k = 0; k < RATE_KEYS; k++) {
		if (!str_eq(name, key_names[k]) || rules[k].step_us)
			continue;
		rules[k] = (struct rule){MINUTE_US / per_minute, burst};
		return true;
	}
	return false;
}

static bool rules_read(struct str text, struct rule rules[RATE_KEYS])
{
	while (text.n > 0) {
		struct str one = str_trim(str_cut(&text, ' ', NULL));

		if (one.n > 0 && !rule_read(one, rules))
			return false;
	}
	return true;
}

enum err ratelimit_reload(struct app *app, const char **why)
{
	struct rule rules[RATE_CLASSES][RATE_KEYS] = {{{0}}};

	for (int c = RATE_LOGIN; c < RATE_CLASSES; c++) {
		if (rules_read(str_from(config_text(app->config, classes[c].setting)), rules[c]))
			continue;
		*why = "rate_login, rate_console, rate_export, rate_read and rate_intake are written as "
		       "KEY=PER_MINUTE/BURST "
		       "with the keys address, caller, link and tenant, each once: caller=1200/300 tenant=12000/3000";
		return ERR_SETTING;
	}
	for (int c = RATE_LOGIN; c < RATE_CLASSES; c++) {
		for (int k = 0; k < RATE_KEYS; k++) {
			struct live_rule *live = &app->ratelimit->rules[c][k];

			atomic_store_explicit(&live->burst, rules[c][k].burst, memory_order_relaxed);
			atomic_store_explicit(&live->step_us, rules[c][k].step_us, memory_order_relaxed);
		}
	}
	return OK;
}

enum err ratelimit_new(struct app *app, struct arena *a, const char **why)
{
	*why = "there is not enough memory";
	if (!(app->ratelimit = arena_new(a, struct ratelimit)))
		return ERR_MEMORY;
	app->ratelimit->seed = random_u64();
	if (pthread_mutex_init(&app->ratelimit->lock, NULL))
		return ERR_INTERNAL;
	return app->config ? ratelimit_reload(app, why) : OK;
}

/* ---- what is counted ---- */

static void put(char **at, struct str text)
{
	mem_copy(*at, text.p, text.n);
	*at += text.n;
}

static struct str name_of(char *room, int klass, enum rate_key k, const struct rate_subject *who)
{
	const struct uuid *id = k == RATE_BY_CALLER ? who->caller : k == RATE_BY_LINK ? who->link : NULL;
	char *at = room;

	if (k == RATE_BY_ADDRESS) {
		put(&at, S("-"));
	} else {
		uuid_text(who->tenant, at);
		at += UUID_TEXT_BYTES;
	}
	put(&at, S(":rate:"));
	put(&at, str_from(classes[klass].name));
	put(&at, S(":"));
	put(&at, key_names[k]);
	if (k == RATE_BY_ADDRESS || id)
		put(&at, S(":"));
	if (k == RATE_BY_ADDRESS)
		put(&at, str_sub(who->address, 0, RATE_ADDRESS_MAX_BYTES));
	if (id) {
		uuid_text(id, at);
		at += UUID_TEXT_BYTES;
	}
	return str_make(room, (size_t)(at - room));
}

static bool known(const struct app *app, int klass, enum rate_key k, const struct rate_subject *who)
{
	switch (k) {
	case RATE_BY_ADDRESS:
		return who->address.n > 0 &&
		       (!who->loopback || klass == RATE_LOGIN || config_bool(app->config, CFG_rate_limit_loopback));
	case RATE_BY_CALLER:
		return who->tenant && who->caller;
	case RATE_BY_LINK:
		return who->tenant && who->link;
	default:
		return who->tenant;
	}
}

static void find_counts(const struct app *app, int klass, const struct rate_subject *who, struct counts *out)
{
	const struct ratelimit *limits = app->ratelimit;

	out->n = 0;
	if (klass <= RATE_NONE || !config_bool(app->config, CFG_rate_limits))
		return;
	for (int k = 0; k < RATE_KEYS; k++) {
		const struct live_rule *live = &limits->rules[klass][k];
		struct count *c = &out->rows[out->n];

		c->key = k;
		c->rule.step_us = atomic_load_explicit(&live->step_us, memory_order_relaxed);
		c->rule.burst = atomic_load_explicit(&live->burst, memory_order_relaxed);
		if (c->rule.step_us == 0 || c->rule.burst == 0 || !known(app, klass, k, who))
			continue;
		c->name = name_of(out->names[out->n], klass, k, who);
		out->n++;
	}
}

/* ---- by this process alone ---- */

/* What the script below answers: allowed, which key (from 1), left of it, and microseconds until it is whole and until it has room. */
static void take_local(struct ratelimit *limits, const struct counts *c, int64_t r[SCRIPT_RESULTS])
{
	int64_t now = clock_mono_ns() / 1000, wait = 0, least = INT64_MAX, *tats[RATE_KEYS];
	size_t i;

	pthread_mutex_lock(&limits->lock);
	for (i = 0; i < c->n; i++) {
		const struct rule *rule = &c->rows[i].rule;
		int64_t burst = rule->step_us * rule->burst, ahead;

		tats[i] = &limits->tat_us[hash64(c->rows[i].name, limits->seed) % RATE_SLOTS];
		if (*tats[i] < now)
			*tats[i] = now;
		/* the slot may have been another rule's */
		if (*tats[i] > now + burst)
			*tats[i] = now + burst;
		ahead = *tats[i] + rule->step_us - now;
		if (ahead - burst > wait) {
			wait = ahead - burst;
			r[1] = (int64_t)i + 1;
			r[3] = *tats[i] - now;
		} else if (!wait && ahead <= burst && (burst - ahead) / rule->step_us < least) {
			least = (burst - ahead) / rule->step_us;
			r[1] = (int64_t)i + 1;
			r[3] = ahead;
		}
	}
	for (i = 0; i < c->n && !wait; i++)
		*tats[i] += c->rows[i].rule.step_us;
	pthread_mutex_unlock(&limits->lock);
	r[0] = !wait;
	r[2] = wait ? 0 : least;
	r[4] = wait;
}

/* ---- by Redis ---- */

/* ARGV: for each key the emission interval and the burst, in microseconds. A TAT beyond the burst was set by a wider rule or a clock that
 * has been set back since. */
static const char gcra_script[] =
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000000 + t[2] "
    "local had, tats = redis.call('MGET', unpack(KEYS)), {} "
    "local key, reset, wait, least = 0, 0, 0, math.huge "
    "for i = 1, #KEYS do "
    "local step, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i]) "
    "local tat = math.min(math.max(tonumber(had[i]) or now, now), now + burst) "
    "local ahead = tat + step - now "
    "tats[i] = tat + step "
    "if ahead - burst > wait then key, reset, wait = i, tat - now, ahead - burst "
    "elseif wait == 0 and ahead <= burst and math.floor((burst - ahead) / step) < least then "
    "key, reset, least = i, ahead, math.floor((burst - ahead) / step) end end "
    "if wait > 0 then return {0, key, 0, math.ceil(reset), math.ceil(wait)} end "
    "for i = 1, #KEYS do redis.call('SET', KEYS[i], string.format('%.0f', tats[i]), 'PX', "
    "math.ceil((tats[i] - now) / 1000) + 1) end "
    "return {1, key, least, math.ceil(reset), 0}";

static enum err take_shared(struct app *app, const struct counts *c, int64_t r[SCRIPT_RESULTS])
{
	char numbers[2 * RATE_KEYS][24];
	struct str args[3 * RATE_KEYS];
	const struct redis_script script = {gcra_script, args, c->n, 3 * c->n};

	for (size_t i = 0; i < c->n; i++) {
		const struct rule *rule = &c->rows[i].rule;

		args[i] = c->rows[i].name;
		for (size_t k = 0; k < 2; k++) {
			char *number = numbers[2 * i + k];
			int64_t us = k ? rule->step_us * rule->burst : rule->step_us;

			args[c->n + 2 * i + k] =
			    str_make(number, (size_t)snprintf(number, sizeof numbers[0], "%lld", (long long)us));
		}
	}
	return redis_run(app->redis, &script, r, SCRIPT_RESULTS);
}

/* Said once, not with every request. */
static void tell_alone(struct app *app, bool alone)
{
	if (atomic_load_explicit(&app->ratelimit->alone, memory_order_relaxed) == alone ||
	    atomic_exchange(&app->ratelimit->alone, alone) == alone)
		return;
	if (alone)
		log_message(
		    app->log, LOG_WARN, "rate limits", S("counted by this process alone, Redis does not answer"));
	else
		log_message(app->log, LOG_INFO, "rate limits", S("counted together with the other processes again"));
}

/* ---- the verdict ---- */

static int seconds_up(int64_t us)
{
	return (int)((us + 999999) / 1000000);
}

static void verdict(
    struct app *app, int klass, const struct counts *c, const int64_t r[SCRIPT_RESULTS], struct rate_verdict *out)
{
	const struct count *row = &c->rows[r[1] - 1];

	*out = (struct rate_verdict){.allowed = r[0] != 0,
	    .limit = (int)row->rule.burst,
	    .remaining = (int)r[2],
	    .reset_s = seconds_up(r[3]),
	    .retry_after_s = seconds_up(r[4]),
	    .key = row->key};
	if (!out->allowed && app->metrics)
		metric_add(metrics_series(app->metrics, M_RATE_LIMITED,
			       (struct str[]){str_from(classes[klass].name), key_names[row->key]}),
		    1);
}

void ratelimit_take_local(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out)
{
	int64_t r[SCRIPT_RESULTS];
	struct counts c;

	*out = (struct rate_verdict){.allowed = true};
	find_counts(app, klass, who, &c);
	if (c.n == 0)
		return;
	take_local(app->ratelimit, &c, r);
	verdict(app, klass, &c, r, out);
}

void ratelimit_take(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out)
{
	int64_t r[SCRIPT_RESULTS];
	struct counts c;
	bool alone;

	*out = (struct rate_verdict){.allowed = true};
	find_counts(app, klass, who, &c);
	if (c.n == 0)
		return;
	alone = take_shared(app, &c, r) != OK || r[1] < 1 || r[1] > (int64_t)c.n;
	tell_alone(app, alone);
	if (alone) {
		take_local(app->ratelimit, &c, r);
		if (app->metrics)
			metric_add(metrics_series(app->metrics, M_RATE_ALONE, NULL), 1);
	}
	verdict(app, klass, &c, r, out);
}

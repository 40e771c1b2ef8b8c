#include "io/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/num.h"

#define LABELS_MAX 4
#define LABEL_BOUND 200		/* METRIC_LABELS_MAX of the header: tenants and surveys seen by name */
#define SERIES_TABLE 4096	/* chains; a power of two */
#define SERIES_PER_METRIC 20000 /* beyond them everything of a metric goes to one series of "other" */
#define METRICS_ARENA_MAX_BYTES (64 * MB)

static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
#define BUCKETS (countof(bounds) + 1)

static const struct metric_row rows[METRIC_COUNT] = {
    [M_HTTP_REQUESTS] = {"http_requests_total", "Requests answered.", METRIC_COUNTER,
	{"method", "endpoint", "status_code", "tenant_id"}},
    [M_HTTP_DURATION] = {"http_request_duration_seconds", "Time from the request's first byte to its reply.",
	METRIC_HISTOGRAM, {"method", "endpoint", "tenant_id"}},
    [M_RESPONSES] = {"survey_responses_total", "Answers stored.", METRIC_COUNTER, {"tenant_id", "survey_id", "status"}},
    [M_ACTIVE_SURVEYS] = {"active_surveys_count", "Published surveys.", METRIC_GAUGE, {"tenant_id"}},
    [M_POOL_SIZE] = {"database_connection_pool_size", "Open database connections.", METRIC_GAUGE, {"pool_type"}},
    [M_HTTP_CONNECTIONS] = {"http_connections", "Open connections of clients.", METRIC_GAUGE, {NULL}},
    [M_HTTP_QUEUE] = {"http_queue_length", "Requests waiting for a worker.", METRIC_GAUGE, {NULL}},
    [M_SLOW_QUEUE] = {"password_queue_length", "Sign-ins and the like waiting to hash a password.", METRIC_GAUGE,
	{NULL}},
    [M_HTTP_REJECTED] = {"http_rejected_total", "Requests refused before a handler ran.", METRIC_COUNTER, {"reason"}},
    [M_RATE_LIMITED] = {"rate_limited_total",
	"Requests refused with 429, by class of the route and the key that had no room.", METRIC_COUNTER,
	{"class", "key"}},
    [M_RATE_ALONE] = {"rate_limit_alone_total", "Requests counted by this process alone, because Redis did not answer.",
	METRIC_COUNTER, {NULL}},
    [M_CONFINED] = {"process_confined", "What this process has given up; landlock is the version in force, 0 none.",
	METRIC_GAUGE, {"part"}},
    [M_CACHE] = {"cache_requests_total", "Look-ups in the caches.", METRIC_COUNTER, {"level", "result"}},
    [M_CACHE_RATIO] = {"cache_hit_ratio",
	"Look-ups that found something, of all since the process began: l1 in it, l2 in Redis.", METRIC_GAUGE,
	{"level"}},
    [M_CACHE_ENTRIES] = {"cache_entries", "Things in the process's cache.", METRIC_GAUGE, {NULL}},
    [M_EVENT_MONTHS] = {"event_months_ahead",
	"Months after this one that the event log has partitions for; without this month's nothing is stored.",
	METRIC_GAUGE, {NULL}},
    [M_EVENT_UNREAD] = {"event_months_unread",
	"1 while this worker may not detach an old month of the event log, because the search has not read all of it.",
	METRIC_GAUGE, {NULL}},
    [M_CACHE_BYTES] = {"cache_bytes", "Memory of the process's cache.", METRIC_GAUGE, {NULL}},
    [M_JOBS] = {"jobs_count", "Jobs that wait, are run, or were given up (dead).", METRIC_GAUGE, {"type", "state"}},
    [M_JOB_WAIT] = {"jobs_oldest_wait_seconds", "How long the oldest job that is due has waited.", METRIC_GAUGE,
	{"type"}},
    [M_JOB_RUNS] = {"job_runs_total", "Runs of jobs that this worker ended, by how they ended.", METRIC_COUNTER,
	{"type", "outcome"}},
    [M_JOB_DURATION] = {"job_run_duration_seconds", "Time of one run.", METRIC_HISTOGRAM, {"type"}},
    [M_EGRESS] = {"egress_requests_total", "Requests sent out, or refused to be.", METRIC_COUNTER, {"outcome"}},
    [M_MAILS] = {"mails_total", "Mails sent, or tried to be.", METRIC_COUNTER, {"kind", "outcome"}},
};

struct metric_series {
	struct metric_series *next; /* in its chain; set before it is published */
	enum metric_id id;
	struct str labels[LABELS_MAX];
	_Atomic uint64_t value;	   /* bits of a double; of a histogram: the sum */
	_Atomic uint64_t *buckets; /* BUCKETS of them, histograms only; not cumulative */
};

/* The first LABEL_BOUND values of a label: only ever appended to, so reading needs no lock. */
struct label_set {
	_Atomic size_t n;
	struct str values[LABEL_BOUND];
};

struct metrics {
	pthread_mutex_t lock; /* held to add series and labels, and to use the arena */
	struct arena arena;
	_Atomic(struct metric_series *) table[SERIES_TABLE];
	size_t counts[METRIC_COUNT];
	struct label_set tenants, surveys;
	struct metric_series spill[METRIC_COUNT];
	_Atomic uint64_t spill_buckets[METRIC_COUNT][BUCKETS];
};

static size_t label_count(enum metric_id id)
{
	size_t n = 0;

	while (n < LABELS_MAX && rows[id].labels[n])
		n++;
	return n;
}

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof *m);
	size_t id, i;

	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	arena_init(&m->arena, &arena_malloc, METRICS_ARENA_MAX_BYTES);
	for (id = 0; id < METRIC_COUNT; id++) {
		m->spill[id].id = (enum metric_id)id;
		m->spill[id].buckets = m->spill_buckets[id];
		for (i = 0; i < LABELS_MAX; i++)
			m->spill[id].labels[i] = S("other");
	}
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	arena_free(&m->arena);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct label_set *set_of(struct metrics *m, const char *label)
{
	if (str_eq(str_from(label), S("tenant_id")))
		return &m->tenants;
	if (str_eq(str_from(label), S("survey_id")))
		return &m->surveys;
	return NULL;
}

static bool label_known(struct label_set *set, struct str value)
{
	size_t n = atomic_load_explicit(&set->n, memory_order_acquire), i;

	for (i = 0; i < n; i++)
		if (str_eq(set->values[i], value))
			return true;
	return false;
}

/* Called with the lock held. The empty value ("no tenant") takes no place. */
static bool label_add(struct metrics *m, struct label_set *set, struct str value)
{
	size_t n = atomic_load(&set->n);

	if (label_known(set, value))
		return true;
	if (n == LABEL_BOUND)
		return false;
	set->values[n] = str_dup(&m->arena, value);
	if (!set->values[n].p)
		return false;
	atomic_store_explicit(&set->n, n + 1, memory_order_release);
	return true;
}

static void labels_bound(struct metrics *m, enum metric_id id, struct str *labels)
{
	size_t n = label_count(id), i;

	for (i = 0; i < n; i++) {
		struct label_set *set = set_of(m, rows[id].labels[i]);
		bool in;

		if (!set || labels[i].n == 0 || label_known(set, labels[i]))
			continue;
		pthread_mutex_lock(&m->lock);
		in = label_add(m, set, labels[i]);
		pthread_mutex_unlock(&m->lock);
		if (!in)
			labels[i] = S("other");
	}
}

static bool series_is(const struct metric_series *s, enum metric_id id, const struct str *labels)
{
	size_t n = label_count(id), i;

	if (s->id != id)
		return false;
	for (i = 0; i < n; i++)
		if (!str_eq(s->labels[i], labels[i]))
			return false;
	return true;
}

static struct metric_series *series_find(struct metrics *m, size_t chain, enum metric_id id, const struct str *labels)
{
	struct metric_series *s = atomic_load_explicit(&m->table[chain], memory_order_acquire);

	while (s && !series_is(s, id, labels))
		s = s->next;
	return s;
}

/* Called with the lock held. */
static struct metric_series *series_add(struct metrics *m, size_t chain, enum metric_id id, const struct str *labels)
{
	struct metric_series *s = series_find(m, chain, id, labels);
	size_t n = label_count(id), i;

	if (s)
		return s;
	if (m->counts[id] == SERIES_PER_METRIC || !(s = arena_new(&m->arena, struct metric_series)))
		return &m->spill[id];
	s->id = id;
	for (i = 0; i < n; i++) {
		s->labels[i] = str_dup(&m->arena, labels[i]);
		if (labels[i].n && !s->labels[i].p)
			return &m->spill[id];
	}
	if (rows[id].kind == METRIC_HISTOGRAM) {
		s->buckets = arena_alloc_array(&m->arena, BUCKETS, sizeof *s->buckets);
		if (!s->buckets)
			return &m->spill[id];
	}
	s->next = atomic_load(&m->table[chain]);
	m->counts[id]++;
	atomic_store_explicit(&m->table[chain], s, memory_order_release);
	return s;
}

struct metric_series *metrics_series(struct metrics *m, enum metric_id id, const struct str *given)
{
	struct str labels[LABELS_MAX] = {{0, 0}};
	size_t n = label_count(id), chain, i;
	uint64_t hash = id;
	struct metric_series *s;

	for (i = 0; i < n; i++)
		labels[i] = given[i];
	labels_bound(m, id, labels);
	for (i = 0; i < n; i++)
		hash = hash64(labels[i], hash);
	chain = hash & (SERIES_TABLE - 1);
	s = series_find(m, chain, id, labels);
	if (s)
		return s;
	pthread_mutex_lock(&m->lock);
	s = series_add(m, chain, id, labels);
	pthread_mutex_unlock(&m->lock);
	return s;
}

static double number(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

static uint64_t bits(double v)
{
	uint64_t b;

	memcpy(&b, &v, sizeof b);
	return b;
}

void metric_add(struct metric_series *s, double v)
{
	uint64_t old = atomic_load_explicit(&s->value, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(
	    &s->value, &old, bits(number(old) + v), memory_order_relaxed, memory_order_relaxed))
		;
}

void metric_set(struct metric_series *s, double v)
{
	atomic_store_explicit(&s->value, bits(v), memory_order_relaxed);
}

void metric_observe(struct metric_series *s, double seconds)
{
	size_t i = 0;

	while (i < countof(bounds) && seconds > bounds[i])
		i++;
	atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
	metric_add(s, seconds);
}

/* ---- the text format ---- */

static void put_label(struct buf *out, struct str name, struct str value, bool first)
{
	size_t i;

	buf_char(out, first ? '{' : ',');
	buf_add(out, name);
	buf_add(out, S("=\""));
	for (i = 0; i < value.n; i++) {
		if (value.p[i] == '\n') {
			buf_add(out, S("\\n"));
			continue;
		}
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, value.p[i]);
	}
	buf_char(out, '"');
}

static void put_name(struct buf *out, const struct metric_series *s, struct str suffix, struct str le)
{
	size_t n = label_count(s->id), i;

	buf_add(out, str_from(rows[s->id].name));
	buf_add(out, suffix);
	for (i = 0; i < n; i++)
		put_label(out, str_from(rows[s->id].labels[i]), s->labels[i], i == 0);
	if (le.n)
		put_label(out, S("le"), le, n == 0);
	if (n || le.n)
		buf_char(out, '}');
	buf_char(out, ' ');
}

static void put_histogram(struct buf *out, const struct metric_series *s)
{
	uint64_t total = 0;
	char text[NUM_TEXT_MAX];
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		struct str le = S("+Inf");

		if (i < countof(bounds))
			le = str_make(text, num_text(bounds[i], text));
		total += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
		put_name(out, s, S("_bucket"), le);
		buf_int(out, (int64_t)total);
		buf_char(out, '\n');
	}
	put_name(out, s, S("_sum"), S(""));
	num_put(out, number(atomic_load_explicit(&s->value, memory_order_relaxed)));
	buf_char(out, '\n');
	put_name(out, s, S("_count"), S(""));
	buf_int(out, (int64_t)total);
	buf_char(out, '\n');
}

static void put_series(struct buf *out, const struct metric_series *s)
{
	if (rows[s->id].kind == METRIC_HISTOGRAM) {
		put_histogram(out, s);
		return;
	}
	put_name(out, s, S(""), S(""));
	num_put(out, number(atomic_load_explicit(&s->value, memory_order_relaxed)));
	buf_char(out, '\n');
}

static bool spilled(const struct metric_series *s)
{
	uint64_t any = atomic_load(&s->value);
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		any |= atomic_load(&s->buckets[i]);
	return any != 0;
}

void metrics_print(struct metrics *m, struct buf *out)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	size_t id, chain;

	for (id = 0; id < METRIC_COUNT; id++) {
		buf_add(out, S("# HELP "));
		buf_add(out, str_from(rows[id].name));
		buf_char(out, ' ');
		buf_add(out, str_from(rows[id].help));
		buf_add(out, S("\n# TYPE "));
		buf_add(out, str_from(rows[id].name));
		buf_char(out, ' ');
		buf_add(out, str_from(kinds[rows[id].kind]));
		buf_char(out, '\n');
		for (chain = 0; chain < SERIES_TABLE; chain++) {
			const struct metric_series *s = atomic_load_explicit(&m->table[chain], memory_order_acquire);

			for (; s; s = s->next)
				if (s->id == (enum metric_id)id)
					put_series(out, s);
		}
		if (spilled(&m->spill[id]))
			put_series(out, &m->spill[id]);
	}
}

/* metrics.h - counters, gauges and histograms in the Prometheus text format. Thread-safe, lock-free on the hot path.
 *
 * A metric is a row (name, help, kind, label names); label values come from bounded sets: `label_set` keeps the first
 * METRIC_LABELS_MAX (200) values of a kind (tenants, surveys) and calls the rest "other". */
#ifndef IO_METRICS_H
#define IO_METRICS_H

#include "base/str.h"

struct metrics;
struct metric_series; /* one metric with fixed label values */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
struct metric_row {
	const char *name, *help;
	enum metric_kind kind;
	const char *labels[4];
}; /* unused labels NULL */

enum metric_id {
	M_HTTP_REQUESTS,
	M_HTTP_DURATION,
	M_RESPONSES,
	M_ACTIVE_SURVEYS,
	M_POOL_SIZE,
	M_HTTP_CONNECTIONS,
	M_HTTP_QUEUE,
	M_SLOW_QUEUE,
	M_HTTP_REJECTED,
	M_RATE_LIMITED,
	M_RATE_ALONE,
	M_CONFINED,
	M_CACHE,
	M_CACHE_RATIO,
	M_CACHE_ENTRIES,
	M_CACHE_BYTES,
	M_EVENT_MONTHS,
	M_EVENT_UNREAD,
	M_EGRESS,
	M_MAILS,
	M_JOBS,
	M_JOB_WAIT,
	M_JOB_RUNS,
	M_JOB_DURATION,
	METRIC_COUNT
};
/* http_requests_total{method,endpoint,status_code,tenant_id} · http_request_duration_seconds{method,endpoint,tenant_id} ·
 * survey_responses_total{tenant_id,survey_id,status} · active_surveys_count{tenant_id} · database_connection_pool_size{pool_type} ·
 * http_connections · http_queue_length · http_rejected_total{reason} · rate_limited_total{class,key} · rate_limit_alone_total · process_confined{part} · cache_requests_total{level,result} · jobs_count{type,state} ·
 * jobs_oldest_wait_seconds{type} · job_runs_total{type,outcome} · job_run_duration_seconds{type} ·
 * egress_requests_total{outcome} · mails_total{kind,outcome} */

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* Finds or makes the series. Label values by position in the row; values of bounded labels (tenant_id, survey_id) beyond the first
 * 200 become "other". Never NULL. */
struct metric_series *metrics_series(struct metrics *m, enum metric_id id, const struct str *labels);
void metric_add(struct metric_series *s, double v);	      /* counter, gauge */
void metric_set(struct metric_series *s, double v);	      /* gauge */
void metric_observe(struct metric_series *s, double seconds); /* histogram */
void metrics_print(struct metrics *m, struct buf *out);

#endif

/* log.h - JSON lines with an allow-list of fields: `{"time":…,"level":"info","event":"request",…}`, one write(2) a line.
 *
 *     log_event(log, LOG_INFO, "request", (struct log_field[]){ LF_STR(REQUEST_ID, id), LF_INT(STATUS, 200) }, 2);
 *
 * A field that is not a row of LOG_FIELDS cannot be written: tokens, answers and personal data have no name here. Thread-safe. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include "base/str.h"

struct log;
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define LOG_FIELDS(X) \
	X(REQUEST_ID, "request_id") X(CLIENT_REQUEST_ID, "client_request_id") X(TENANT, "tenant_id") X(USER, "user_id") X(METHOD, "method") X(ROUTE, "route") \
	X(STATUS, "status") X(DURATION_US, "duration_us") X(BYTES, "bytes") X(CLIENT, "client") X(CODE, "code") \
	X(MESSAGE, "message") X(SQLSTATE, "sqlstate") X(STATEMENT, "statement") X(SETTING, "setting") X(PORT, "port") \
	X(PID, "pid") X(COUNT, "count") X(SURVEY, "survey_id") X(COMPONENT, "component") X(MIGRATION, "migration") X(SIGNAL, "signal") \
	X(JOB, "job_id") X(JOB_TYPE, "job_type") X(ATTEMPT, "attempt") X(OUTCOME, "outcome")
enum log_key {
#define X(k, name) LOG_KEY_##k,
	LOG_FIELDS(X)
#undef X
	LOG_KEYS
};
struct log_field { enum log_key key; bool is_int; struct str s; int64_t i; };
#define LF_STR(k, value) { LOG_KEY_##k, false, (value), 0 }
#define LF_INT(k, value) { LOG_KEY_##k, true, { 0, 0 }, (value) }

/* To a descriptor (2 for standard error). Lines below `level` are dropped. */
struct log *log_open(int fd, enum log_level level);
void log_set_level(struct log *l, enum log_level level);
void log_event(struct log *l, enum log_level level, const char *event, const struct log_field *fields, size_t n);
void log_message(struct log *l, enum log_level level, const char *event, struct str message);
void log_close(struct log *l);

#endif

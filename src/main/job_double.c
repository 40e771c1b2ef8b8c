/* job_double.c - the list of jobs of the tests' worker: the real ones, and some that do what jobs do at their worst. What they do is counted in
 * the event log: an event a step, in the step's transaction. */
#include <signal.h>
#include "event/event.h"
#include "fieldwork/fieldwork.h"
#include "mail/mail.h"
#include "main/domains.h"
#include "privacy/privacy.h"

struct count {
	struct job *job;
	int64_t at;
	char text[64];
};

static void pause_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static int64_t number(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, str_from(key));

	return v && v->type == JSON_INT ? v->i : 0;
}

static enum err mark(struct tx *tx, void *ctx)
{
	const struct count *c = ctx;

	return event_append(tx, &(struct event){S("test"), &c->job->id, S("counted"), str_from(c->text), c->at});
}

/* {"n": steps, "ms": pause before each}: counts from its state on. */
static enum err count_run(struct job *job)
{
	struct count c = {.job = job};
	int64_t n = number(job->payload, "n");
	enum err e;

	for (c.at = number(job->state, "at") + 1; c.at <= n; c.at++) {
		pause_ms(number(job->payload, "ms"));
		snprintf(c.text, sizeof(c.text), "{\"at\": %lld}", (long long)c.at);
		if ((e = job_check(job)) || (e = job_step(job, mark, &c, str_from(c.text))) ||
		    (e = job_progress(job, c.at, n)))
			return e;
	}
	return job_complete(job, NULL, NULL, str_from(c.text));
}

/* One step, and that is its end. */
static enum err once_run(struct job *job)
{
	struct count c = {.job = job, .at = 1, .text = "{\"at\": 1}"};

	pause_ms(number(job->payload, "ms"));
	return job_complete(job, mark, &c, S("{\"marked\": true}"));
}

static enum err fail_run(struct job *job)
{
	(void)job_progress(job, job->attempt, 10);
	return job_fail(job, ERR_IO, "It fails on purpose.");
}

static enum err hopeless_run(struct job *job)
{
	return job_give_up(job, ERR_GONE, "What it was about is gone.");
}

/* {"ms"}: asks nobody whether it may go on. */
static enum err hang_run(struct job *job)
{
	pause_ms(number(job->payload, "ms"));
	return OK;
}

static enum err kill_run(struct job *job)
{
	(void)job;
	raise(SIGKILL);
	return OK;
}

static enum err ask_for_mail(struct tx *tx, void *ctx)
{
	struct job *job = ctx;
	const struct mail_value values[] = {{"by", json_str_or(job->payload, S("by"), S("Ana"))},
	    {"tenant", json_str_or(job->payload, S("tenant"), S("Acme"))}, {"days", S("7")}};
	const struct mail m = {.kind = MAIL_INVITATION,
	    .to = json_str_or(job->payload, S("to"), S("")),
	    .language = json_str_or(job->payload, S("language"), S("en")),
	    .path = json_str_or(job->payload, S("path"), S("/x")),
	    .values = values,
	    .value_count = countof(values)};
	struct uuid id;

	return job->app->mail_add(job->app, tx, job->arena, &m, &id);
}

/* {"to", "language", "path", "by", "tenant"}: asks for an invitation, as a room does that invites. */
static enum err mail_run(struct job *job)
{
	return job_complete(job, ask_for_mail, job, S(""));
}

#define COMMON .max_attempts = 3, .lease_s = 5, .backoff_s = 1
static const struct job_type count_job = {.name = "test.count", .run = count_run, COMMON, .about = "Counts"};
static const struct job_type once_job = {.name = "test.once", .run = once_run, COMMON, .about = "Counts to one"};
static const struct job_type fail_job = {.name = "test.fail", .run = fail_run, COMMON, .about = "Fails"};
static const struct job_type hopeless_job = {.name = "test.hopeless", .run = hopeless_run, COMMON, .about = "Gives up"};
static const struct job_type hang_job = {.name = "test.hang", .run = hang_run, COMMON, .about = "Hangs"};
static const struct job_type kill_job = {.name = "test.kill", .run = kill_run, COMMON, .about = "Kills its worker"};
static const struct job_type ask_job = {.name = "test.mail", .run = mail_run, COMMON, .about = "Asks for a mail"};

const struct job_type *const domains_jobs[] = {&partitions_job, &purge_job, &count_job, &once_job, &fail_job,
    &hopeless_job, &hang_job, &kill_job, &ask_job, &mail_job, &reseal_job, &retention_job, &erase_job, &export_job,
    &privacy_purge_job, &search_job, &response_action_job, &link_codes_job, &link_postback_job, &abandon_job,
    &lease_job, NULL};

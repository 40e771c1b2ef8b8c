/* privacy_person.h - one person's data: who is meant, and the way through a tenant's answers. Room-internal.
 *
 * There is no need for an index to be right: every answer of the tenant is opened and looked at, the personal part and the others, and every text in it
 * compared with the address or number. That takes as long as a tenant has answers, is done by a job, and finds the address wherever somebody
 * typed it in: as a whole text, or within one. Both are compared in core/contact.h's form, which is that of the blind index. What that index names is
 * found as well, whether it can be opened or not, and counted apart. */
#ifndef PRIVACY_PRIVACY_PERSON_H
#define PRIVACY_PRIVACY_PERSON_H

#include "base/limits.h"
#include "core/job.h"

enum subject_kind { SUBJECT_EMAIL, SUBJECT_PHONE, SUBJECT_RESPONSE, SUBJECT_USER, SUBJECT_KINDS };
struct str subject_kind_name(enum subject_kind k);

struct subject {
	enum subject_kind kind;
	struct str text; /* address or number, in the form that is compared; a number with a + in front */
	int64_t country; /* calling code of numbers that are written without one; subject_open() */
	struct uuid survey_id, response_id, user_id;
};
/* The form in which they are compared. ERR_INVALID: it is none. */
enum err subject_email(struct arena *a, struct str written, struct str *out);
enum err subject_phone(const struct app *app, struct arena *a, struct str written, struct str *out);
bool subject_is(const struct subject *who, struct str written);
/* Somewhere in a value, whatever its form. */
bool subject_in(const struct subject *who, const struct json *v);

/* Sealed as column subject of privacy_requests, bound to the request. ERR_INVALID, ERR_GONE: it does not open. */
enum err subject_seal(struct app *app, struct tx *tx, const struct uuid *request, const struct subject *who,
    struct arena *a, struct str *sealed, int64_t *version);
struct sealed_subject {
	struct uuid id; /* the request's */
	struct str subject_kind, subject;
	int64_t key_version;
};
enum err subject_open(
    struct app *app, struct tx *tx, const struct sealed_subject *in, struct arena *a, struct subject *out);

/* An answer as it is stored. */
struct person_answer {
	struct uuid survey_id, id;
	bool indexed; /* person_page only */
	int64_t survey_version, started_at, completed_at, duration_ms, created_at, sealed_key_version,
	    answers_key_version;
	struct str status, outcome, language, link, survey, answers, parameters, consents, sealed, answers_sealed;
};
/* What stands in it, read. personal: NULL when there is none, or its key is gone. sealed: the tenant has all answers sealed, and these were opened. */
struct person_read {
	bool sealed;
	struct json *answers, *parameters, *consents, *personal;
};
enum err person_answer_get(
    struct tx *tx, struct arena *a, const struct uuid *survey, const struct uuid *id, struct person_answer *out);
enum err person_answer_read(
    struct app *app, struct tx *keys, struct arena *a, const struct person_answer *in, struct person_read *out);

/* A run of an erasure or an export. */
struct person_job {
	struct job *job;
	struct uuid request;
	struct subject who;
	bool whole;
	struct arena scratch; /* of one answer */
	struct arena page;    /* of one page of answers */
	int64_t looked, total;
	int64_t found;		      /* on the pages before; some may have been gone when their turn came */
	struct uuid at_survey, at_id; /* the last answer that was looked at */
	bool through;		      /* all were */
	struct person_match {
		struct uuid survey_id, id;
		bool indexed; /* the blind index names it */
	} * matches;
	size_t n;
	int64_t done;	 /* of the matches, in the transaction under way */
	int64_t indexed; /* of those done, how many the index names */
	int64_t exports; /* ended in it */
	struct person_code {
		struct uuid link_id, id;
	} * codes; /* of single-use links, that bring something along which names the person: person_codes_find() */
	size_t code_count;
};
/* ["hex"]: what the index has for an address or number, under each version of its key. On p->page. */
enum err person_hashes(struct person_job *p, struct tx *tx, struct str *json);
/* Reads the request and where an earlier run was. ERR_GONE: there is no such request any more, or its subject cannot be opened; give up. */
enum err person_begin(struct person_job *p, struct job *job);
void person_end(struct person_job *p);
/* From where it is to the end: `act` for each answer found, in the transaction that also writes down how far it is and appends the event `told` with the
 * ids of the answers that act counted in p->done. What it takes from p->scratch is gone with the next answer. Behind those of a page comes `then`
 * (NULL: nothing) with a JSON list of their ids. ERR_NOT_FOUND: the request has ended meanwhile, and nothing was written. */
enum err person_walk(struct person_job *p,
    enum err (*act)(struct tx *tx, struct person_job *p, const struct person_match *m),
    enum err (*then)(struct tx *tx, struct person_job *p, struct str response_ids), struct str told);
/* privacy_code.c. Looks through what the tenant's codes bring along: p->codes, by link and id. ERR_LIMIT: there are more than these PERSON_CODES_MAX. */
enum err person_codes_find(struct person_job *p);
/* In the transaction, before it locks requests. *n of them were there, and have nothing any more; ids: a JSON list, on p->page. */
enum err person_codes_forget(struct tx *tx, struct person_job *p, int64_t *n, struct str *ids);
/* A JSON list of them, and one of their ids; on p->page. */
enum err person_codes_json(struct tx *tx, struct person_job *p, struct str *list, struct str *ids);
/* The job's end: its result are the request's counts, {"responses": n, ...}; with an export where it is. */
enum err person_complete(struct person_job *p, enum err (*last)(struct tx *tx, void *person_job));

#endif

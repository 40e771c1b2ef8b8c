/* mail.h - asking for an e-mail, from any room: the words and the sending are the mail room's, which main hangs into struct app.
 *
 *     const struct mail_value values[] = {{"by", inviter}, {"tenant", tenant_name}, {"days", S("7")}};
 *     const struct mail m = {.kind = MAIL_INVITATION, .to = email, .language = S("vi"), .path = path, .values = values,
 *         .value_count = countof(values)};
 *     if ((e = rq->app->mail_add(rq->app, rq->tx, rq->arena, &m, &job_id)))
 *         return e;
 *
 * A job in the caller's transaction: no change, no mail. All of it is sealed with the tenant's key until it is sent, so that neither
 * addresses nor the secrets in links stand in the job's row. ERR_INVALID when it can never be sent: `to` is no address, or a value is missing.
 *
 * A mail about somebody's account is asked for in a transaction bound to the system's tenant (core/job.h): no tenant's people see it or end it. With
 * `account` it is looked up only when the mail is sent whether there is an account, so that asking says nothing of that, not even by the time it takes. */
#ifndef CORE_MAIL_H
#define CORE_MAIL_H

#include "base/uuid.h"

enum mail_kind {
#define MAIL(name, text, link, values) MAIL_##name,
#include "core/mails.def"
#undef MAIL
	MAIL_KINDS
};

/* Text for people, of any origin: in the mail it is text and nothing else (no mark-up, no link, one line). */
struct mail_value {
	const char *name;            /* of the kind's row */
	struct str value;            /* at most MAIL_VALUE_MAX_CHARS are shown */
};

struct mail {
	enum mail_kind kind;
	struct str to;               /* local@domain in ASCII */
	struct str language;         /* of the words: "vi", "en-GB"; English when we do not speak it */
	struct str path;             /* of the link, on the server's public address: "/reset?token=…"; empty for kinds without one */
	const struct mail_value *values;
	size_t value_count;
	bool account;                /* for whoever has an account with the address `to`, in his language; nobody: no mail. To a path is added what
				      * changes with his password: '.' and MAIL_STAMP_CHARS characters. In the system's tenant only */
};
#define MAIL_STAMP_CHARS 32

#endif

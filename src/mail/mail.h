/* mail.h - e-mail to the people who work with the server: set a password, come in, something happened. Respondents get none from here.
 *
 * A mail has a kind (core/mails.def), whose words stand in templates/KIND.LANGUAGE.txt: the first line is the subject, paragraphs follow, parted by
 * empty lines; {{name}} is a value, a paragraph [Label] the link. Every mail is plain text and the same as simple HTML. Links are made
 * of the server's public address (setting public_url) and a path of ours; nothing else in a mail is a link, whatever a value says.
 *
 * Delivered by SMTP (libcurl) when smtp_url is set, with TLS unless smtp_starttls is off; else written into a file, DATA/mail/TIME-KIND-ID.eml,
 * which is what development wants. The SMTP server is the operator's choice and not held to io/egress's rules.
 *
 * Other rooms ask for mail as core/mail.h says; the job mail_job sends it. */
#ifndef MAIL_MAIL_H
#define MAIL_MAIL_H

#include "core/app.h"
#include "core/job.h"
#include "core/mail.h"

struct mailer;

struct mailer_config {
	const char *smtp_url;                /* smtp://HOST[:PORT], smtps://HOST[:PORT]; "": files */
	const char *user, *password;         /* "" for none */
	bool starttls;                       /* smtp:// must offer TLS */
	const char *from;                    /* "Name <local@domain>" or "local@domain"; "" only without smtp_url */
	const char *ca_file;                 /* as in io/egress.h */
	const char *public_url;              /* ""; then that of DATA/serve.json */
	const char *data;
	struct log *log;
	struct metrics *metrics;             /* mails_total{kind,outcome}; may be NULL */
};
/* Connects to nothing. ERR_SETTING with *why (constant). */
enum err mail_open(struct arena *a, const struct mailer_config *config, struct mailer **out, const char **why);
/* What is being sent is given up after so long, within about a second. From any thread. */
void mail_stop(struct mailer *m, int grace_ms);
void mail_close(struct mailer *m);

/* Sends it now, on the caller's thread, in at most MAIL_TIMEOUT_MS; `id` becomes its Message-ID, so that a mail sent twice can be known by it.
 * ERR_INVALID: not deliverable (no address, a value is missing, or the server refuses it for good). ERR_UNAVAILABLE: perhaps later.
 * ERR_SETTING: a link is needed and the public address is not known. ERR_IO: the file could not be written. Logged here. Thread-safe. */
enum err mail_send(struct mailer *m, struct arena *a, const struct mail *mail, const struct uuid *id);
/* struct app's mail_add. */
enum err mail_add(struct app *app, struct tx *tx, struct arena *a, const struct mail *mail, struct uuid *job);
extern const struct job_type mail_job;

/* "invitation" to MAIL_INVITATION; false when there is no such kind. */
bool mail_kind_read(struct str name, enum mail_kind *out);
const char *mail_kind_name(enum mail_kind kind);
const char *mail_kind_values(enum mail_kind kind);   /* their names, parted by spaces */
bool mail_kind_has_link(enum mail_kind kind);

#endif

/* mail_deliver.h - brings a written mail to its server, or into its file. */
#ifndef MAIL_MAIL_DELIVER_H
#define MAIL_MAIL_DELIVER_H

#include <stdatomic.h>
#include "mail/mail.h"
#include "mail/mail_message.h"

struct mailer {
	struct mailer_config config;
	struct mail_address from;
	_Atomic int64_t stop_ns; /* on the monotonic clock */
};

/* What the server said at last is in *code, 0 when nothing. */
enum err mail_deliver_smtp(struct mailer *m, struct str to, struct str message, int *code);
enum err mail_deliver_file(struct mailer *m, struct arena *a, const char *name, struct str message);

#endif

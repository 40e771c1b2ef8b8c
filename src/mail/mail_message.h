/* mail_message.h - a mail as it travels (RFC 5322, MIME): one text, whether it goes to a server or into a file. Pure.
 *
 * multipart/alternative of plain text and HTML, both quoted-printable in UTF-8; every line is ASCII, at most 76 bytes long (addresses and links of
 * headers aside) and ends in CR LF. No header can be added by what a mail says: addresses are checked, and other text is encoded. */
#ifndef MAIL_MAIL_MESSAGE_H
#define MAIL_MAIL_MESSAGE_H

#include "base/uuid.h"
#include "mail/mail_text.h"

struct mail_address {
	struct str name;                     /* UTF-8, may be empty */
	struct str address;                  /* local@domain */
};
/* local@domain: a dot-atom of ASCII and a name of letters, digits, '-' and dots; at most 64 and 254 bytes. */
bool mail_address_fits(struct str address);
/* "Name <local@domain>" or "local@domain" */
bool mail_address_read(struct str text, struct mail_address *out);

struct mail_message {
	struct mail_address from;
	struct str to;
	const struct mail_text *text;
	const struct uuid *id;               /* of the Message-ID; its domain is the sender's */
	int64_t date_ms;
};
/* ERR_INVALID: an address does not fit. ERR_MEMORY: also when it is larger than MAIL_MESSAGE_MAX_BYTES. */
enum err mail_message_write(struct arena *a, const struct mail_message *m, struct str *out);

/* The body of a header as RFC 2047 encoded words where it is not plain ASCII; lines are folded. For the tests. */
void mail_header_text(struct buf *b, struct str text, size_t column);
void mail_quoted_printable(struct buf *b, struct str text);

#endif

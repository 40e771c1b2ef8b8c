/* contact.h - one form for all ways to write the same e-mail address or phone number. No state, thread-safe, takes no memory.
 *
 * E-mail: blanks around it go, letters A-Z become small, the domain is written as IDNA has it (xn--...). Phone: digits only, with the country's; a number
 * that begins with neither + nor 00 is one of `country` (its calling code), and a 0 at its beginning goes. */
#ifndef CORE_CONTACT_H
#define CORE_CONTACT_H

#include "base/str.h"

#define CONTACT_MAX_BYTES 320	    /* of an e-mail address: 64 before the @, 255 behind it */
#define CONTACT_PHONE_DIGITS_MAX 15 /* E.164 */

struct contact_form {
	char text[2 * CONTACT_MAX_BYTES];
	size_t n;
};
/* false: it is none. */
bool contact_email(struct str written, struct contact_form *out);
bool contact_phone(struct str written, int64_t country, struct contact_form *out);
/* Somewhere in a text, with borders: not as the end of a longer address or inside a longer number. form: what contact_email() or contact_phone() made. Of a
 * number at least seven digits; up to three blanks, dots, dashes, slashes or brackets stand between its groups. */
bool contact_email_within(struct str text, struct str form);
bool contact_phone_within(struct str text, int64_t country, struct str form);

#endif

/* egress_url.h - reads an address that somebody gave us into the one form that is checked, looked up, connected to and sent.
 *
 *     egress_url_read(a, S("HTTPS://0x7f.1:443/a b"), &t)   -> EGRESS_URL (a space)
 *     egress_url_read(a, S("https://0x7f.1/x#top"), &t)     -> EGRESS_OK, t.url "https://127.0.0.1/x", t.literal
 *
 * Parsed by libcurl, so that nothing is understood here in one way and there in another: the canonical text is what goes to it in the
 * end. Decimal, octal, hexadecimal and short IPv4, full-width digits and dots, IDN (IDNA 2008 with the UTS 46 mapping), a trailing dot and
 * the default port all come out as one form. Refused: white space, control characters and backslashes anywhere; userinfo, percent
 * signs and zones in the host; schemes other than http and https; names that end in a number without being an address; empty labels.
 * The fragment is dropped.
 *
 * Pure: nothing is looked up. Whether it may be connected to is egress_address.h's matter. */
#ifndef IO_EGRESS_URL_H
#define IO_EGRESS_URL_H

#include "io/egress_address.h"

/* How a call out ended, or why it did not begin. The slug may be shown to whoever gave the address, the sentence too. */
enum egress_outcome {
#define EGRESS(name, err, slug, sentence) EGRESS_##name,
#include "io/egress.def"
#undef EGRESS
	EGRESS_OUTCOMES
};
const char *egress_slug(enum egress_outcome o);
const char *egress_sentence(enum egress_outcome o);
enum err egress_err(enum egress_outcome o);

struct egress_target {
	struct str url;                     /* canonical, in the arena */
	struct str host;                    /* lower-case ASCII, no brackets, no trailing dot */
	uint16_t port;
	bool https;
	bool literal;                       /* the host is an address: */
	struct egress_address address;
};
/* EGRESS_OK, EGRESS_URL, EGRESS_SCHEME, EGRESS_USERINFO, EGRESS_HOST, EGRESS_MEMORY */
enum egress_outcome egress_url_read(struct arena *a, struct str url, struct egress_target *out);

#endif

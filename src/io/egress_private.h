/* egress_private.h - what the parts of egress share. */
#ifndef IO_EGRESS_PRIVATE_H
#define IO_EGRESS_PRIVATE_H

#include <stdatomic.h>
#include <openssl/x509.h>
#include "base/limits.h"
#include "io/egress.h"

struct egress {
	const struct egress_policy *policy;
	const char *dns; /* as c-ares reads it; NULL: the system's */
	struct metrics *metrics;
	X509_STORE *roots;
	_Atomic int64_t stop_ns; /* on the monotonic clock; INT64_MAX while nobody stops us */
	_Atomic uint64_t connections;
};

bool egress_stopped(const struct egress *e);

struct egress_addresses {
	struct egress_address list[EGRESS_ADDRESSES_MAX];
	size_t n;
	bool more; /* there were more than the list holds */
};

/* All addresses of a name, both families, by c-ares, until the deadline. EGRESS_OK (n > 0), EGRESS_NAME, _TIMEOUT, _STOPPED, _MEMORY. */
enum egress_outcome egress_lookup(
    const struct egress *e, const char *host, int64_t deadline_ns, struct egress_addresses *out);

#endif

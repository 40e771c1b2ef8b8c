/* egress.h - the one way out: HTTP requests to addresses that somebody else named (webhooks, identity providers).
 *
 *     struct egress_request rq = {.method = EGRESS_POST, .url = url, .headers = h, .header_count = 2, .body = body};
 *     struct egress_reply reply;
 *     if (egress_send(app->egress, a, &rq, &reply)) ... egress_slug(reply.outcome) ...
 *     else reply.status is 200, 302, 500 ...
 *
 * What holds, whoever gave the address: it is read into one form (egress_url.h); its name is looked up here, and every address that the
 * lookup brought must be one that may be connected to (egress_address.h), or nothing is opened; the connection goes to those very
 * addresses, looked at once more on the socket's own address; there is no second lookup, so a name that changes its mind changes nothing.
 * https with TLS 1.2 or later and a certificate valid for the host (http only where the operator says so); no redirect is followed, no
 * proxy, no .netrc, no cookies, no decompression, HTTP/1.1. EGRESS_TIMEOUT_MS in all, EGRESS_CONNECT_TIMEOUT_MS for the connection,
 * EGRESS_REPLY_MAX_BYTES of the body (the rest is cut off and said to be), EGRESS_REPLY_HEADERS_MAX_BYTES of headers. Callers send only
 * headers of a short list, so that no tenant speaks a protocol of machines through us. The body is for programs to read: shown to whoever
 * gave the address, it would be his eyes wherever an operator's egress_allow reaches.
 *
 * Blocks the caller: for worker threads and jobs, never inside a transaction. Thread-safe. The process ignores SIGPIPE. */
#ifndef IO_EGRESS_H
#define IO_EGRESS_H

#include "io/egress_url.h"

struct egress;
struct metrics;

struct egress_config {
	struct egress_policy_config policy; /* read while it opens, not kept */
	const char *ca_file;                /* certificate authorities beside the system's; "" for none */
	const char *dns;                    /* servers, "10.0.0.2 10.0.0.3:5353"; "": those of resolv.conf. /etc/hosts is read first. */
	struct metrics *metrics;            /* egress_requests_total{outcome}; may be NULL */
};
/* Connects to nothing. ERR_SETTING with *why (in the arena) when a setting cannot be read. */
enum err egress_open(struct arena *a, const struct egress_config *config, struct egress **out, struct str *why);
/* What is under way after so long ends with EGRESS_STOPPED (within about a second), and what comes later at once. From any thread. */
void egress_stop(struct egress *e, int grace_ms);
/* No call may be under way. */
void egress_close(struct egress *e);

enum egress_method { EGRESS_GET, EGRESS_POST };

/* Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Modified-Since, If-None-Match, Webhook-Id, Webhook-Signature,
 * Webhook-Timestamp, X-Request-Id; values are printable ASCII. */
struct egress_header {
	struct str name, value;
};

struct egress_request {
	enum egress_method method;
	struct str url;
	const struct egress_header *headers;
	size_t header_count;                /* at most EGRESS_HEADERS_MAX */
	struct str body;                    /* of a POST; at most EGRESS_BODY_MAX_BYTES */
	int timeout_ms;                     /* 0, or less than EGRESS_TIMEOUT_MS */
};

struct egress_reply {
	enum egress_outcome outcome;
	int status;                         /* 0 when none came; 3xx is not followed */
	struct str body;                    /* in the arena; may hold any bytes */
	bool cut;                           /* the body was longer */
	struct str content_type;            /* "" when none was sent */
	int64_t retry_after_s;              /* Retry-After, whatever its form; 0 when none was sent. As large as the receiver likes. */
	int64_t duration_ms;
	char address[EGRESS_ADDRESS_TEXT_BYTES];   /* connected to; "" when none was */
	const char *refused;                /* EGRESS_ADDRESS: what the address is (constant). For our log, not for the tenant. */
};
/* egress_err(reply->outcome). ERR_INVALID: the request can never be sent; ERR_UNAVAILABLE: perhaps later. */
enum err egress_send(struct egress *e, struct arena *a, const struct egress_request *request, struct egress_reply *reply);
/* What can be said of an address before a name is looked up: for whoever stores it. It is judged again each time it is used. */
enum egress_outcome egress_check(const struct egress *e, struct arena *a, struct str url, struct egress_target *out);

/* Sockets opened so far: for tests and the doctor. */
uint64_t egress_connections(const struct egress *e);

#endif

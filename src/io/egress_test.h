/* egress_test.h - receivers, certificates and a DNS server of the test's own, all in threads of the test program. */
#ifndef IO_EGRESS_TEST_H
#define IO_EGRESS_TEST_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/test.h"
#include "io/clock.h"
#include "io/egress.h"

/* ---- receivers ---- */

#define RECEIVED_BYTES (8 * KB)

struct receiver;
/* Serves one connection and returns; the descriptor is closed for it. rv->stop tells long ones to end. */
typedef void (*receive)(struct receiver *rv, int fd);

struct receiver {
	receive serve;               /* NULL: connections are taken and closed */
	void *tls;                   /* SSL_CTX of tls_context(), or NULL */
	int listener;
	uint16_t port;
	_Atomic unsigned taken;      /* connections */
	atomic_bool stop;
	char got[RECEIVED_BYTES];    /* head and body of the last request, as far as it was read */
	pthread_t thread;
};

/* On `address` ("127.0.0.1", "::", ...), port 0 for any; false when it cannot be bound. */
bool receiver_start(struct receiver *rv, const char *address, uint16_t port, receive serve);
void receiver_stop(struct receiver *rv);
void receiver_read(struct receiver *rv, int fd);                       /* a whole request, into rv->got */
bool receiver_write(struct receiver *rv, int fd, const void *p, size_t n);   /* false when the other side is gone */
bool receiver_say(struct receiver *rv, int fd, const char *text);
void receive_ok(struct receiver *rv, int fd);                          /* "200, hello" */

/* Those that do not behave: */
void redirect(struct receiver *rv, int fd);
void drip_body(struct receiver *rv, int fd);
void drip_headers(struct receiver *rv, int fd);
void say_nothing(struct receiver *rv, int fd);
void endless_body(struct receiver *rv, int fd);
void endless_chunks(struct receiver *rv, int fd);
void exact_body(struct receiver *rv, int fd);
void endless_headers(struct receiver *rv, int fd);
void one_long_header(struct receiver *rv, int fd);
void endless_continue(struct receiver *rv, int fd);
void endless_trailers(struct receiver *rv, int fd);
void packed(struct receiver *rv, int fd);
void no_http(struct receiver *rv, int fd);
void close_at_once(struct receiver *rv, int fd);
void half_a_body(struct receiver *rv, int fd);
void reset(struct receiver *rv, int fd);
void later(struct receiver *rv, int fd);

/* ---- certificates ---- */

enum certificate { CERT_GOOD, CERT_OTHER_NAME, CERT_EXPIRED, CERT_NOT_YET, CERT_SELF_SIGNED, CERT_OTHER_AUTHORITY };
/* A server context (SSL_CTX) for "good.test". The first call makes the authority. */
void *tls_context(enum certificate kind);
void tls_context_free(void *context);
void tls_only_old(void *context);                                      /* TLS 1.1 at most */
/* Writes the authority's certificate (PEM); true when it could. */
bool tls_write_authority(const char *path);
void tls_end(void);

/* ---- DNS ---- */

#define DNS_RECORDS_MAX 4000

struct dns_record {
	char name[80];
	struct egress_address address;
	unsigned from, to;           /* answered to the from-th ... to-th question for the name and type (from 1);
			      * counted for names with "turn" in them */
};
struct dns {
	int socket;
	char server[40];             /* "127.0.0.1:PORT", for egress_config.dns */
	struct dns_record *records;
	size_t n;
	char silent[80];             /* a name that is not answered */
	pthread_mutex_t lock;        /* of the records and the silent name */
	_Atomic unsigned asked;
	atomic_bool stop;
	pthread_t thread;
};
bool dns_start(struct dns *d);
void dns_stop(struct dns *d);
void dns_add(struct dns *d, const char *name, const char *address);
void dns_add_turn(struct dns *d, const char *name, const char *address, unsigned from, unsigned to);
void dns_silence(struct dns *d, const char *name);

#endif

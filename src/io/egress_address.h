/* egress_address.h - which addresses and ports may be connected to. Pure: it looks nothing up and opens nothing.
 *
 * An address is let out when it is global unicast, that is, when no row of address_special() names it. IPv6 forms that carry an IPv4
 * address (mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP) are refused whatever they carry: nobody publishes them, and the
 * kernel or a router would unpack them again.
 *
 * The operator may let out more (setting egress_allow): networks, addresses and names, each with a port of its own or without:
 *
 *     10.1.2.0/24   192.168.7.9:8200   [fd00:1::5]:8443   fd00:1::/64   idp.internal   idp.internal:9443
 *
 * A network or address is let out under any name, a name at any address; where an entry has a port, for that port only, which then need
 * not be one of the list of ports. An address that carries another needs both of them let out. */
#ifndef IO_EGRESS_ADDRESS_H
#define IO_EGRESS_ADDRESS_H

#include "base/arena.h"
#include "base/str.h"

struct sockaddr;

#define EGRESS_ADDRESS_TEXT_BYTES 46

struct egress_address {
	unsigned char bytes[16];            /* IPv4: the first four, the rest is 0 */
	bool v6;
};

/* false for other families, and for IPv6 with a scope. */
bool egress_address_of(const struct sockaddr *sa, struct egress_address *out);
/* Exactly four decimal parts, or IPv6 without brackets or zone. */
bool egress_address_read(struct str s, struct egress_address *out);
void egress_address_text(const struct egress_address *a, char out[EGRESS_ADDRESS_TEXT_BYTES]);
bool egress_address_eq(const struct egress_address *a, const struct egress_address *b);
/* NULL for a global unicast address, else what it is: "loopback", "private", "NAT64" ... (constant) */
const char *egress_address_special(const struct egress_address *a);
/* The IPv4 address that an IPv6 one carries. */
bool egress_address_carried(const struct egress_address *a, struct egress_address *v4);

struct egress_policy;

struct egress_policy_config {
	const char *allow;                  /* entries as above, parted by white space; may be "" */
	const char *ports;                  /* "443 80 8443 9000-9010" */
	bool http;                          /* without TLS too */
};
/* ERR_SETTING with *why (in the arena) naming the entry at fault; ERR_MEMORY. */
enum err egress_policy_read(struct arena *a, const struct egress_policy_config *config, const struct egress_policy **out, struct str *why);
bool egress_policy_http(const struct egress_policy *p);
/* Can anything at all be reached at this port? Asked before a name is looked up. */
bool egress_policy_port(const struct egress_policy *p, uint16_t port);
/* Is this name (canonical, as egress_url_read makes it) one of the operator's, for this port? */
bool egress_policy_names(const struct egress_policy *p, struct str host, uint16_t port);
/* May `host`, which has this address, be connected to there? *why, when not: what the address is, or "port" (constant). */
bool egress_policy_allows(
    const struct egress_policy *p, struct str host, const struct egress_address *address, uint16_t port, const char **why);

#endif

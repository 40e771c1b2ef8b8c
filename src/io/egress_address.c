#include "io/egress_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include "base/limits.h"

#define V6_BITS 128
#define V4_BITS 32

struct row {
	unsigned char bytes[16];
	unsigned char bits;
	const char *what;
};

/* IANA's IPv4 special-purpose registry; what it calls globally reachable for machinery (192.88.99.0/24, relays) is nobody's receiver.
 * 168.63.129.16 answers inside one large cloud only, with its machines' secrets. */
static const struct row v4_rows[] = {
    {{0}, 8, "this network"},
    {{10}, 8, "private"},
    {{100, 64}, 10, "shared by carriers"},
    {{127}, 8, "loopback"},
    {{168, 63, 129, 16}, 32, "a cloud's own"},
    {{169, 254}, 16, "link-local"},
    {{172, 16}, 12, "private"},
    {{192, 0, 0}, 24, "protocol assignments"},
    {{192, 0, 2}, 24, "documentation"},
    {{192, 88, 99}, 24, "6to4 relays"},
    {{192, 168}, 16, "private"},
    {{198, 18}, 15, "benchmarking"},
    {{198, 51, 100}, 24, "documentation"},
    {{203, 0, 113}, 24, "documentation"},
    {{224}, 4, "multicast"},
    {{255, 255, 255, 255}, 32, "broadcast"},
    {{240}, 4, "reserved"},
};

/* The first that fits counts, so the narrow ones stand first. What no row names has to be in 2000::/3. */
static const struct row v6_rows[] = {
    {{0}, 128, "unspecified"},
    {{[15] = 1}, 128, "loopback"},
    {{[10] = 0xff, 0xff}, 96, "IPv4-mapped"},
    {{[8] = 0xff, 0xff}, 96, "IPv4-translated"},
    {{0}, 96, "IPv4-compatible"},
    {{0, 0x64, 0xff, 0x9b}, 96, "NAT64"},
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, "local NAT64"},
    {{1}, 64, "discard"},
    {{1, [7] = 1}, 64, "dummy"},
    {{0x20, 1}, 32, "Teredo"},
    {{0x20, 1, 0, 2}, 48, "benchmarking"},
    {{0x20, 1, 0, 0x10}, 28, "ORCHID"},
    {{0x20, 1, 0, 0x20}, 28, "ORCHID"},
    {{0x20, 1}, 23, "protocol assignments"},
    {{0x20, 1, 0x0d, 0xb8}, 32, "documentation"},
    {{0x20, 2}, 16, "6to4"},
    {{0x3f, 0xfe}, 16, "given back"},
    {{0x3f, 0xff}, 20, "documentation"},
    {{0x5f}, 16, "segment routing"},
    {{0xfc}, 7, "unique local"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "site-local"},
    {{0xff}, 8, "multicast"},
};

static const unsigned char global_unicast[16] = {0x20};
#define GLOBAL_UNICAST_BITS 3

static bool within(const unsigned char *bytes, const unsigned char *network, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(bytes, network, whole) != 0)
		return false;
	return rest == 0 || (bytes[whole] ^ network[whole]) >> (8 - rest) == 0;
}

/* ---- addresses ---- */

bool egress_address_of(const struct sockaddr *sa, struct egress_address *out)
{
	*out = (struct egress_address){.v6 = sa->sa_family == AF_INET6};
	if (sa->sa_family == AF_INET) {
		memcpy(out->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
		return true;
	}
	if (!out->v6 || ((const struct sockaddr_in6 *)sa)->sin6_scope_id)
		return false;
	memcpy(out->bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	return true;
}

bool egress_address_read(struct str s, struct egress_address *out)
{
	char text[EGRESS_ADDRESS_TEXT_BYTES];

	*out = (struct egress_address){.v6 = str_find_char(s, ':', NULL)};
	if (s.n == 0 || s.n >= sizeof text || str_find_char(s, '\0', NULL))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(out->v6 ? AF_INET6 : AF_INET, text, out->bytes) == 1;
}

void egress_address_text(const struct egress_address *a, char out[EGRESS_ADDRESS_TEXT_BYTES])
{
	if (!inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->bytes, out, EGRESS_ADDRESS_TEXT_BYTES))
		*out = '\0';
}

bool egress_address_eq(const struct egress_address *a, const struct egress_address *b)
{
	return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Interface identifiers of RFC 5214: 0000:5efe or 0200:5efe, then the IPv4 address; under any prefix. */
static bool is_isatap(const struct egress_address *a)
{
	return a->v6 && (a->bytes[8] & ~2) == 0 && a->bytes[9] == 0 && a->bytes[10] == 0x5e && a->bytes[11] == 0xfe;
}

const char *egress_address_special(const struct egress_address *a)
{
	const struct row *rows = a->v6 ? v6_rows : v4_rows;
	size_t n = a->v6 ? countof(v6_rows) : countof(v4_rows);

	for (size_t i = 0; i < n; i++)
		if (within(a->bytes, rows[i].bytes, rows[i].bits))
			return rows[i].what;
	if (!a->v6)
		return NULL;
	if (!within(a->bytes, global_unicast, GLOBAL_UNICAST_BITS))
		return "not assigned";
	return is_isatap(a) ? "ISATAP" : NULL;
}

bool egress_address_carried(const struct egress_address *a, struct egress_address *v4)
{
	static const struct {
		struct row row;
		unsigned char at, mask;
	} forms[] = {
	    {{{[10] = 0xff, 0xff}, 96, NULL}, 12, 0},
	    {{{[8] = 0xff, 0xff}, 96, NULL}, 12, 0},
	    {{{0}, 96, NULL}, 12, 0},
	    {{{0, 0x64, 0xff, 0x9b}, 96, NULL}, 12, 0},
	    {{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, NULL}, 12, 0},
	    {{{0x20, 1}, 32, NULL}, 12, 0xff}, /* Teredo: the client's, inverted */
	    {{{0x20, 2}, 16, NULL}, 2, 0},
	};
	size_t i = 0;

	*v4 = (struct egress_address){0};
	if (!a->v6)
		return false;
	while (i < countof(forms) && !within(a->bytes, forms[i].row.bytes, forms[i].row.bits))
		i++;
	if (i == countof(forms) && !is_isatap(a))
		return false;
	for (size_t k = 0; k < 4; k++)
		v4->bytes[k] = i < countof(forms) ? a->bytes[forms[i].at + k] ^ forms[i].mask : a->bytes[12 + k];
	/* :: and ::1 look like an address of the compatible form, but carry none */
	return memcmp(a->bytes, (const unsigned char[15]){0}, 15) != 0;
}

/* ---- what the operator says ---- */

struct entry {
	struct str name; /* else a network: */
	struct egress_address network;
	unsigned bits;
	uint16_t port; /* 0: any of the list */
};

struct ports {
	uint16_t first, last;
};

struct egress_policy {
	struct entry entries[EGRESS_ALLOW_MAX];
	struct ports ports[EGRESS_PORTS_MAX];
	size_t entry_count, port_count;
	bool http;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

/* Empty when there is no more. */
static struct str next_word(struct str *rest)
{
	size_t from = 0, to;

	while (from < rest->n && is_space(rest->p[from]))
		from++;
	for (to = from; to < rest->n && !is_space(rest->p[to]);)
		to++;
	struct str word = str_sub(*rest, from, to - from);
	*rest = str_sub(*rest, to, rest->n);
	return word;
}

static bool read_port(struct str s, uint16_t *out)
{
	int64_t v;

	if (s.n > 5 || !str_to_int(s, &v) || v < 1 || v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool read_network(struct str s, struct entry *out)
{
	bool slash;
	struct str address = str_cut(&s, '/', &slash);
	int64_t bits;

	if (!egress_address_read(address, &out->network))
		return false;
	out->bits = out->network.v6 ? V6_BITS : V4_BITS;
	if (!slash)
		return true;
	if (s.n > 3 || !str_to_int(s, &bits) || bits < 0 || bits > out->bits)
		return false;
	out->bits = (unsigned)bits;
	return true;
}

/* Letters, digits, '-', '_' and dots; what looks like a number was meant as an address. */
static bool read_name(struct arena *a, struct str s, struct entry *out)
{
	bool letter = false;
	char *lower = arena_copy(a, s.p, s.n);

	if (!lower || s.n == 0 || s.n > EGRESS_HOST_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 'A' && c <= 'Z')
			lower[i] = (char)(c | 0x20);
		c = lower[i];
		letter |= c >= 'a' && c <= 'z';
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	out->name = str_make(lower, s.n);
	return letter;
}

static bool read_entry(struct arena *a, struct str s, struct entry *out)
{
	struct str rest = s, host;
	size_t colon, more;
	bool bracket = str_starts(s, S("["));

	*out = (struct entry){0};
	if (bracket) {
		rest = str_sub(s, 1, s.n);
		if (!str_find_char(rest, ']', &colon))
			return false;
		host = str_sub(rest, 0, colon);
		rest = str_sub(rest, colon + 1, rest.n);
		if (rest.n > 0 && (rest.p[0] != ':' || !read_port(str_sub(rest, 1, rest.n), &out->port)))
			return false;
		return str_find_char(host, ':', NULL) && read_network(host, out);
	}
	/* one colon parts a port; more are an IPv6 address */
	host = s;
	if (str_find_char(s, ':', &colon) && !str_find_char(str_sub(s, colon + 1, s.n), ':', &more)) {
		host = str_sub(s, 0, colon);
		if (!read_port(str_sub(s, colon + 1, s.n), &out->port))
			return false;
	}
	return read_network(host, out) || read_name(a, host, out);
}

static bool read_ports(struct str s, struct ports *out)
{
	bool range;
	struct str first = str_cut(&s, '-', &range);

	if (!read_port(first, &out->first))
		return false;
	out->last = out->first;
	return !range || (read_port(s, &out->last) && out->last >= out->first);
}

static enum err complain(struct arena *a, struct str *why, const char *setting, struct str word)
{
	struct buf b;

	buf_init(&b, a, KB);
	buf_add(&b, str_from(setting));
	buf_add(&b, S(": cannot read \""));
	buf_add(&b, str_sub(word, 0, 200));
	buf_add(&b, S("\""));
	return buf_done(&b, why) ? ERR_MEMORY : ERR_SETTING;
}

enum err egress_policy_read(
    struct arena *a, const struct egress_policy_config *config, const struct egress_policy **out, struct str *why)
{
	struct egress_policy *p = arena_new(a, struct egress_policy);
	struct str allow = str_dup(a, str_from(config->allow)), ports = str_from(config->ports), word;

	if (!p || (!allow.p && allow.n))
		return ERR_MEMORY;
	while ((word = next_word(&allow)).n > 0)
		if (p->entry_count == EGRESS_ALLOW_MAX || !read_entry(a, word, &p->entries[p->entry_count++]))
			return complain(a, why, "egress_allow", word);
	while ((word = next_word(&ports)).n > 0)
		if (p->port_count == EGRESS_PORTS_MAX || !read_ports(word, &p->ports[p->port_count++]))
			return complain(a, why, "egress_ports", word);
	p->http = config->http;
	*out = p;
	return OK;
}

bool egress_policy_http(const struct egress_policy *p)
{
	return p->http;
}

static bool listed(const struct egress_policy *p, uint16_t port)
{
	for (size_t i = 0; i < p->port_count; i++)
		if (port >= p->ports[i].first && port <= p->ports[i].last)
			return true;
	return false;
}

bool egress_policy_port(const struct egress_policy *p, uint16_t port)
{
	for (size_t i = 0; i < p->entry_count; i++)
		if (p->entries[i].port == port)
			return true;
	return listed(p, port);
}

static bool names(const struct entry *e, struct str host, uint16_t port)
{
	return e->name.n > 0 && str_eq(e->name, host) && (e->port == 0 || e->port == port);
}

bool egress_policy_names(const struct egress_policy *p, struct str host, uint16_t port)
{
	for (size_t i = 0; i < p->entry_count; i++)
		if (names(&p->entries[i], host, port))
			return true;
	return false;
}

static bool holds(const struct entry *e, const struct egress_address *address, uint16_t port)
{
	return e->name.n == 0 && e->network.v6 == address->v6 && (e->port == 0 || e->port == port) &&
	       within(address->bytes, e->network.bytes, e->bits);
}

bool egress_policy_allows(const struct egress_policy *p, struct str host, const struct egress_address *address,
    uint16_t port, const char **why)
{
	const char *what = egress_address_special(address);
	bool named = false, held = false, port_is_ours = listed(p, port);
	struct egress_address v4;

	for (size_t i = 0; i < p->entry_count; i++) {
		const struct entry *e = &p->entries[i];

		if (names(e, host, port))
			named = true;
		else if (holds(e, address, port))
			held = true;
		else
			continue;
		port_is_ours |= e->port == port;
	}
	*why = what;
	if (what && !named && !held)
		return false;
	/* a network that was let out says nothing about what its addresses carry */
	if (!named && egress_address_carried(address, &v4) && !egress_policy_allows(p, host, &v4, port, why))
		return false;
	*why = port_is_ours ? NULL : "port";
	return port_is_ours;
}

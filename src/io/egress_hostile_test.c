/* Hostile addresses and URLs through the real way out: nothing is connected to.
 *
 * Where the machine allows it, in a network namespace of its own in which every address there is belongs to this machine and traps listen
 * at the ports that calls may go to: a connection to 10.0.0.1, 169.254.169.254 or 8.8.8.8 would arrive. Counted three times: by
 * the traps, by the way out (sockets), and by the kernel (Tcp ActiveOpens of the namespace). That the traps work is shown first, with addresses
 * that may be connected to. Elsewhere the sockets are counted, and a trap on loopback. */
#include "io/egress_test.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRAPS 8
#define CASES_MIN 400

struct world {
	bool isolated; /* every address is ours, every connection arrives */
	bool v6;       /* of IPv6 too, where the machine has it */
	struct receiver traps[TRAPS];
	size_t traps_on;
	struct dns dns;
	struct arena arena;
	struct egress *egress;
	unsigned cases, names;
};

/* ---- a network of our own ---- */

static bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

/* Takes a user namespace along where we are not root. */
static bool leave_network(void)
{
	char map[64];
	uid_t uid = geteuid();

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	snprintf(map, sizeof map, "0 %u 1", uid);
	write_file("/proc/self/setgroups", "deny");
	return write_file("/proc/self/uid_map", map);
}

static bool loopback_up(int s)
{
	struct ifreq rq = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	return ioctl(s, SIOCSIFFLAGS, &rq) == 0;
}

/* "local 0.0.0.0/0 dev lo": whatever the address, it is here. */
static bool own_everything(int family)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr oif;
		int index;
	} m = {.head = {.nlmsg_len = sizeof m,
		   .nlmsg_type = RTM_NEWROUTE,
		   .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK},
	    .route = {.rtm_family = (unsigned char)family,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL},
	    .oif = {.rta_len = RTA_LENGTH(sizeof(int)), .rta_type = RTA_OIF},
	    .index = 1};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} reply = {0};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool ok = s >= 0 && send(s, &m, sizeof m, 0) == sizeof m && recv(s, &reply, sizeof reply, 0) > 0 &&
		  reply.head.nlmsg_type == NLMSG_ERROR && reply.error.error == 0;

	if (s >= 0)
		close(s);
	return ok;
}

static bool isolate(bool *v6)
{
	int s;
	bool up;

	if (!leave_network())
		return false;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	up = s >= 0 && loopback_up(s);
	if (s >= 0)
		close(s);
	*v6 = own_everything(AF_INET6);
	if (!up || !own_everything(AF_INET)) {
		fprintf(stderr, "a namespace without a usable network\n");
		exit(1); /* the old one is gone: nothing can be shown any more */
	}
	return true;
}

/* Connections that this namespace began, as the kernel counts them. */
static unsigned long active_opens(void)
{
	FILE *f = fopen("/proc/self/net/snmp", "r");
	char line[1000];
	unsigned long n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Tcp: %*d %*d %*d %*d %lu", &n) == 1)
			break;
	fclose(f);
	return n;
}

static unsigned trapped(const struct world *w)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->traps_on; i++)
		n += atomic_load(&w->traps[i].taken);
	return n;
}

static int begin(void **state)
{
	static const uint16_t ports[] = {80, 443, 8443, 1};
	struct world *w = calloc(1, sizeof *w);
	struct egress_config config = {.policy = {.allow = "", .ports = "80 443 8443", .http = true}, .ca_file = ""};
	struct str why;

	signal(SIGPIPE, SIG_IGN); /* as every process of ours */
	w->isolated = isolate(&w->v6);
	for (size_t i = 0; i < countof(ports) * 2; i++) {
		struct receiver *trap = &w->traps[w->traps_on];
		const char *any = w->isolated ? (i % 2 ? "::" : "0.0.0.0") : (i % 2 ? "::1" : "127.0.0.1");

		w->traps_on += receiver_start(trap, any, ports[i / 2], receive_ok);
	}
	assert_true(w->traps_on >= (w->v6 ? TRAPS : TRAPS / 2) || !w->isolated);
	assert_true(dns_start(&w->dns));
	arena_init(&w->arena, &arena_malloc, 16 * MB);
	config.dns = w->dns.server;
	assert_int_equal(egress_open(&w->arena, &config, &w->egress, &why), OK);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	egress_close(w->egress);
	arena_free(&w->arena);
	dns_stop(&w->dns);
	for (size_t i = 0; i < w->traps_on; i++)
		receiver_stop(&w->traps[i]);
	free(w);
	return 0;
}

/* ---- one case ---- */

static enum egress_outcome send_to(struct world *w, const char *url, struct egress_reply *reply)
{
	struct egress_request rq = {.url = str_from(url), .timeout_ms = 5000};
	struct arena a;

	arena_init(&a, &arena_malloc, 4 * MB);
	egress_send(w->egress, &a, &rq, reply);
	arena_free(&a);
	return reply->outcome;
}

static void refuse(struct world *w, const char *url)
{
	uint64_t before = egress_connections(w->egress);
	struct egress_reply reply;
	enum egress_outcome o = send_to(w, url, &reply);

	w->cases++;
	if (egress_connections(w->egress) != before || reply.status)
		fail_msg("%s was connected to", url);
	/* found wrong, not just not found: then no luck of the network was needed */
	if (egress_err(o) != ERR_INVALID)
		fail_msg("%s: %s", url, egress_slug(o));
}

/* A name of the test's zone that has these addresses. */
static void refuse_name(struct world *w, const char *first, const char *second)
{
	char name[80], url[120];

	snprintf(name, sizeof name, "n%u.zone.test", ++w->names);
	dns_add(&w->dns, name, first);
	if (second)
		dns_add(&w->dns, name, second);
	snprintf(url, sizeof url, "http://%s/", name);
	refuse(w, url);
}

/* ---- addresses, in every way to write them ---- */

static const char *const v4_hostile[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
    "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.0.0.53", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "172.16.0.1", "172.17.0.1", "172.31.255.255", "192.0.0.1",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "254.1.2.3", "255.255.255.255"};

static const char *const v6_hostile[] = {"::", "::1", "::2", "::7f00:1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1",
    "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
    "2002:a00:1::1", "2002:808:808::1", "3ffe::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00::1",
    "fd00:ec2::254", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "feff::1", "ff02::1", "ff05::2", "2600:1f00::5efe:a00:1",
    "2600:1f00::200:5efe:808:808"};

/* Full-width digits, which the mapping of IDN makes plain ones of. */
static bool write_wide(const char *plain, char out[200])
{
	size_t at = (size_t)snprintf(out, 200, "http://");

	for (; *plain; plain++)
		if (*plain == '.')
			at += (size_t)snprintf(out + at, 200 - at, ".");
		else
			at += (size_t)snprintf(out + at, 200 - at, "\xef\xbc%c", 0x90 + (*plain - '0'));
	return snprintf(out + at, 200 - at, ":8443/") > 0;
}

#define FORMS 24
/* Writes the address in the i-th form; false when it has no such form. */
static bool write_form(int form, const unsigned char *b, char out[200])
{
	unsigned n = (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
	char plain[20];

	snprintf(plain, sizeof plain, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
	switch (form) {
	case 0:
		return snprintf(out, 200, "http://%s/", plain) > 0;
	case 1:
		return snprintf(out, 200, "https://%s/", plain) > 0;
	case 2:
		return snprintf(out, 200, "http://%s./", plain) > 0;
	case 3:
		return snprintf(out, 200, "http://%u/", n) > 0;
	case 4:
		return snprintf(out, 200, "http://0%o/", n) > 0;
	case 5:
		return snprintf(out, 200, "http://0x%08X/", n) > 0;
	case 6:
		return snprintf(out, 200, "http://0%o.0%o.0%o.0%o/", b[0], b[1], b[2], b[3]) > 0;
	case 7:
		return snprintf(out, 200, "http://0x%x.0x%x.0x%x.0x%x/", b[0], b[1], b[2], b[3]) > 0;
	case 8:
		return snprintf(out, 200, "http://%d.%u/", b[0], n & 0xffffff) > 0;
	case 9:
		return snprintf(out, 200, "http://%d.0x%x.%u/", b[0], b[1], n & 0xffff) > 0;
	case 10:
		return snprintf(out, 200, "http://000%o.%d.%d.%d/", b[0], b[1], b[2], b[3]) > 0;
	case 11:
		return snprintf(out, 200, "http://[::ffff:%s]/", plain) > 0;
	case 12:
		return snprintf(out, 200, "http://[0:0:0:0:0:FFFF:%x:%x]/", n >> 16, n & 0xffff) > 0;
	case 13:
		return snprintf(out, 200, "http://[::%s]/", plain) > 0;
	case 14:
		return snprintf(out, 200, "http://[64:ff9b::%s]/", plain) > 0;
	case 15:
		return snprintf(out, 200, "http://[2002:%x:%x::]/", n >> 16, n & 0xffff) > 0;
	case 16:
		return snprintf(out, 200, "http://[2001:0:5ef5:79fd:0:59:%x:%x]/", ~n >> 16, ~n & 0xffff) > 0;
	case 17:
		return snprintf(out, 200, "http://[2600:1f00::5efe:%s]:8443/", plain) > 0;
	case 18:
		return snprintf(out, 200, "http://[::ffff:0:%s]/", plain) > 0;
	case 19:
		return snprintf(out, 200, "http://example.com@%s/", plain) > 0;
	case 20:
		return snprintf(out, 200, "http://%s:80\\@example.com/", plain) > 0;
	case 21:
		return snprintf(out, 200, "http://%%%02x%s/", (unsigned)plain[0], plain + 1) > 0;
	case 22:
		return snprintf(out, 200, "http://%d\xe3\x80\x82%d\xef\xbc\x8e%d\xef\xbd\xa1%d/", b[0], b[1], b[2],
			   b[3]) > 0;
	default:
		return write_wide(plain, out);
	}
}

/* First of all: what may be connected to arrives at the traps, by address and by name, so silence later means something. */
static void test_traps(void **state)
{
	static const char *const urls[] = {"http://8.8.8.8/", "http://1.1.1.1:8443/", "http://[2606:4700::1111]/",
	    "http://public.zone.test/", "http://0x08080808/", "http://public.zone.test.:8443/"};
	struct world *w = *state;
	unsigned long opens = active_opens();
	struct egress_reply reply;
	unsigned sent = 0;

	if (!w->isolated)
		skip();
	dns_add(&w->dns, "public.zone.test", "93.184.216.34");
	for (size_t i = 0; i < countof(urls); i++) {
		if (!w->v6 && strchr(urls[i], '['))
			continue;
		sent++;
		if (send_to(w, urls[i], &reply) || reply.status != 200)
			fail_msg("%s: %s", urls[i], egress_slug(reply.outcome));
	}
	assert_int_equal(trapped(w), sent);
	assert_int_equal(egress_connections(w->egress), sent);
	assert_true(active_opens() - opens >= sent);
	/* a name that has both families is a connection, or two that race */
	dns_add(&w->dns, "both.zone.test", "93.184.216.34");
	dns_add(&w->dns, "both.zone.test", "2606:2800:220:1::1");
	assert_int_equal(send_to(w, "http://both.zone.test/", &reply), EGRESS_OK);
}

static void test_addresses(void **state)
{
	struct world *w = *state;
	char url[200];

	for (size_t i = 0; i < countof(v4_hostile); i++) {
		struct egress_address address;

		assert_true(egress_address_read(str_from(v4_hostile[i]), &address));
		for (int form = 0; form < FORMS; form++)
			if (write_form(form, address.bytes, url))
				refuse(w, url);
	}
	for (size_t i = 0; i < countof(v6_hostile); i++) {
		snprintf(url, sizeof url, "http://[%s]/", v6_hostile[i]);
		refuse(w, url);
		snprintf(url, sizeof url, "https://[%s]:8443/x", v6_hostile[i]);
		refuse(w, url);
	}
}

static void test_names(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < countof(v4_hostile); i++) {
		refuse_name(w, v4_hostile[i], NULL);
		refuse_name(w, "93.184.216.34", v4_hostile[i]);
		refuse_name(w, v4_hostile[i], "93.184.216.34");
		refuse_name(w, v4_hostile[i], "2606:2800:220:1::1");
	}
	for (size_t i = 0; i < countof(v6_hostile); i++) {
		refuse_name(w, v6_hostile[i], NULL);
		refuse_name(w, "93.184.216.34", v6_hostile[i]);
		refuse_name(w, "2606:2800:220:1::1", v6_hostile[i]);
	}
}

static void test_urls(void **state)
{
	static const char *const urls[] = {"", "http:", "http:/", "http://", "http:///", "http://?", "http://#",
	    "http:/127.0.0.1/", "http:127.0.0.1", "http:\\\\127.0.0.1\\", "http:///127.0.0.1/", "http:////127.0.0.1/",
	    "//127.0.0.1/", "127.0.0.1", "localhost", "http://localhost/", "http://LOCALHOST./", "http://intranet/",
	    "http://a/", "ftp://93.184.216.34/", "ftps://93.184.216.34/", "file:///etc/passwd",
	    "file://localhost/etc/passwd", "gopher://93.184.216.34:80/_x", "dict://93.184.216.34:443/",
	    "ldap://93.184.216.34/", "smtp://93.184.216.34:443/", "telnet://93.184.216.34:443",
	    "tftp://93.184.216.34:443/x", "scp://93.184.216.34/x", "imap://93.184.216.34/", "rtsp://93.184.216.34:443/",
	    "smb://93.184.216.34/x", "ws://93.184.216.34/", "wss://93.184.216.34/", "data:text/plain,x", "javascript:x",
	    "unix:///run/x.sock", "http+unix://x", "http://user@93.184.216.34/", "http://user:pw@93.184.216.34/",
	    "http://@93.184.216.34/", "http://:@93.184.216.34/", "http://93.184.216.34@127.0.0.1/",
	    "http://127.0.0.1#@93.184.216.34/", "http://127.0.0.1?@93.184.216.34/", "http://127.0.0.1\\.93.184.216.34/",
	    "http://93.184.216.34\\/", "http://93.184.216.34 /", " http://93.184.216.34/",
	    "http://93.184.216.34/\r\nX: y", "http://93.184.216.34/a b", "http://93.184.216.34/\t",
	    "http://93.184.216.34%2f/", "http://93.184.216.34%00/", "http://93.184.216.34%0d%0aX:y/",
	    "http://93.184.216.34%23@127.0.0.1/", "http://93.184.216.34:22/", "http://93.184.216.34:25/",
	    "http://93.184.216.34:81/", "http://93.184.216.34:6379/", "http://93.184.216.34:5432/",
	    "http://93.184.216.34:1/", "http://93.184.216.34:0/", "http://93.184.216.34:65536/",
	    "http://93.184.216.34:4294967376/", "http://93.184.216.34:-80/", "http://93.184.216.34:80:80/",
	    "http://93.184.216.34:+80/", "http://93.184.216.34:0x50/", "http://93.184.216.34: 80/",
	    "http://93.184.216.34:8O/", "https://public.zone.test:8080/", "http://[::1", "http://::1/",
	    "http://[::1]x/", "http://[::1%25lo]/", "http://[::1%lo]/", "http://[fe80::1%25eth0]/",
	    "http://[127.0.0.1]/", "http://[::ffff:127.0.0.1%25lo]/", "http://[v1.x]/", "http://[::127.0.0.1]:80/",
	    "http://[0:0:0:0:0:0:0:1]/", "http://[0000:0000:0000:0000:0000:ffff:7f00:0001]/", "http://127.1/",
	    "http://127.0.1/", "http://0/", "http://00/", "http://0x0/", "http://0.0.0.0./", "http://1.2.3.4.5/",
	    "http://256.1.1.1/", "http://1.1.1.256/", "http://4294967296/", "http://99999999999/",
	    "http://0x1ffffffff/", "http://08.8.8.8/", "http://8.8.8.08/", "http://0x.8.8.8/", "http://x.8.8.0xf/",
	    "http://8.8.8.8../", "http://.8.8.8.8/", "http://8..8.8/", "http://-8.8.8.8/", "http://8.8.8.-8/",
	    "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.\xe2\x93\xaa.\xe2\x91\xa0/",
	    "http://\xf0\x9d\x9f\x8f\xf0\x9d\x9f\x90\xf0\x9d\x9f\x95.0.0.1/", "http://127.0.0.1\xe3\x80\x82/",
	    "http://loc\xc2\xad"
	    "alhost/",
	    "http://"
	    "\xe2\x93\x9b\xe2\x93\x9e\xe2\x93\x92\xe2\x93\x90\xe2\x93\x9b\xe2\x93\x97\xe2\x93\x9e\xe2\x93\xa2\xe2\x93"
	    "\xa3/",
	    "http://public.zone.test\xef\xbc\x8f.evil.test/",
	    "http://public.zone.test\xef\xbc\xa0"
	    "evil.test/",
	    "http://public.zone.test\xef\xbc\x9a"
	    "22/",
	    "http://public.zone.test\xef\xbc\x83.evil.test/", "http://a..zone.test/", "http://.zone.test/",
	    "http://-x.zone.test/", "http://x-.zone.test/", "http://x zone.test/", "http://x,zone.test/",
	    "http://x'zone.test/", "http://*.zone.test/", "http://$x.zone.test/", "http://(x).zone.test/",
	    "http://xn--\xc3\xa9.test/", "http://\xff\xfe.test/", "http://\xed\xa0\x80.test/",
	    "http://x.zone.test:80@127.0.0.1:80/",
	    "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test/"};
	struct world *w = *state;

	for (size_t i = 0; i < countof(urls); i++)
		refuse(w, urls[i]);
}

/* A name that changes its mind: good when it is judged, bad a moment later. What was judged is what is connected to. */
static void test_rebinding(void **state)
{
	static const char *const bad[] = {"127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00::1"};
	struct world *w = *state;
	struct egress_reply reply;
	char name[80], url[100];

	if (!w->isolated)
		skip();
	for (size_t i = 0; i < countof(bad); i++) {
		unsigned asked;

		snprintf(name, sizeof name, "turn%zu.zone.test", i);
		snprintf(url, sizeof url, "http://%s/", name);
		dns_add_turn(&w->dns, name, "93.184.216.34", 1, 1);
		dns_add_turn(&w->dns, name, bad[i], strchr(bad[i], ':') ? 2 : 2, UINT32_MAX);
		asked = atomic_load(&w->dns.asked);
		assert_int_equal(send_to(w, url, &reply), EGRESS_OK);
		assert_string_equal(reply.address, "93.184.216.34");
		/* one question for each family, and no more afterwards */
		assert_int_equal(atomic_load(&w->dns.asked) - asked, 2);
		refuse(w, url);
	}
}

static void test_nothing_arrived(void **state)
{
	struct world *w = *state;

	print_message("# %u hostile cases, %s\n", w->cases,
	    w->isolated ? "in a network namespace" : "without a namespace of its own");
	assert_true(w->cases >= CASES_MIN);
}

/* Runs the cases, and holds all three counts against what they were. */
static void test_hostile(void **state)
{
	struct world *w = *state;
	unsigned before = trapped(w);
	uint64_t sockets = egress_connections(w->egress);
	unsigned long opens = active_opens();

	test_addresses(state);
	test_urls(state);
	test_names(state);
	assert_int_equal(trapped(w), before);
	assert_int_equal(egress_connections(w->egress), sockets);
	if (w->isolated)
		assert_int_equal(active_opens(), opens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_traps), cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_rebinding), cmocka_unit_test(test_nothing_arrived)};

	return cmocka_run_group_tests_name("egress hostile", tests, begin, end);
}

/* Addresses and URLs, without a network: what is special, what an URL comes down to, what the operator's list lets out. */
#include "base/test.h"
#include "io/egress_url.h"

static struct egress_address address(const char *text)
{
	struct egress_address a;

	if (!egress_address_read(str_from(text), &a))
		fail_msg("%s is no address", text);
	return a;
}

/* ---- addresses ---- */

static void test_special(void **state)
{
	static const char *const special[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
	    "100.127.255.255", "100.100.100.200", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.0",
	    "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.192",
	    "192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
	    "198.51.100.7", "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254",
	    "255.255.255.255", "::", "::1", "::2", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:127.0.0.1",
	    "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9a::1",
	    "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:1f::1", "2001:2f::1", "2001:1ff:ffff::1",
	    "2001:db8::1", "2001:db8:ffff::1", "2002::1", "2002:808:808::1", "3ffe::1", "3fff::1", "3fff:fff::1",
	    "4000::1", "5f00::1", "8000::1", "fbff::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe00::1", "fe80::1",
	    "febf::1", "fec0::1", "feff::1", "ff00::1", "ff02::1", "ffff::1", "1fff::1", "2600::5efe:10.0.0.1",
	    "2600::200:5efe:8.8.8.8"};
	static const char *const common[] = {"1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
	    "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17",
	    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
	    "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
	    "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "2000::1",
	    "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2400:cb00::1",
	    "2606:4700::1111", "2a00::1", "3ffd::1", "3fff:1000::1", "2600::5eff:10.0.0.1"};

	(void)state;
	for (size_t i = 0; i < countof(special); i++) {
		struct egress_address a = address(special[i]);

		if (!egress_address_special(&a))
			fail_msg("%s is let out", special[i]);
	}
	for (size_t i = 0; i < countof(common); i++) {
		struct egress_address a = address(common[i]);

		if (egress_address_special(&a))
			fail_msg("%s is refused: %s", common[i], egress_address_special(&a));
	}
}

/* What the operator reads in a log. */
static void test_what_it_is(void **state)
{
	static const struct {
		const char *address, *what;
	} rows[] = {{"10.0.0.1", "private"}, {"127.0.0.1", "loopback"}, {"255.255.255.255", "broadcast"},
	    {"255.255.255.254", "reserved"}, {"::", "unspecified"}, {"::1", "loopback"},
	    {"::ffff:8.8.8.8", "IPv4-mapped"}, {"::ffff:0:8.8.8.8", "IPv4-translated"},
	    {"::8.8.8.8", "IPv4-compatible"}, {"64:ff9b::8.8.8.8", "NAT64"}, {"64:ff9b:1::1", "local NAT64"},
	    {"100::1", "discard"}, {"100:0:0:1::1", "dummy"}, {"2001::1", "Teredo"}, {"2001:2::1", "benchmarking"},
	    {"2001:10::1", "ORCHID"}, {"2001:20::1", "ORCHID"}, {"2001:100::1", "protocol assignments"},
	    {"2001:db8::1", "documentation"}, {"2002::1", "6to4"}, {"3fff::1", "documentation"},
	    {"5f00::1", "segment routing"}, {"fc00::1", "unique local"}, {"fe80::1", "link-local"},
	    {"fec0::1", "site-local"}, {"ff02::1", "multicast"}, {"4000::1", "not assigned"},
	    {"2600::5efe:10.0.0.1", "ISATAP"}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct egress_address a = address(rows[i].address);

		assert_string_equal(egress_address_special(&a), rows[i].what);
	}
}

static void test_carried(void **state)
{
	static const struct {
		const char *outer, *inner;
	} rows[] = {{"::ffff:10.1.2.3", "10.1.2.3"}, {"::10.1.2.3", "10.1.2.3"}, {"64:ff9b::10.1.2.3", "10.1.2.3"},
	    {"2002:a01:203::1", "10.1.2.3"}, {"2001:0:1:2::f5fe:fdfc", "10.1.2.3"}, {"2600::5efe:10.1.2.3", "10.1.2.3"},
	    {"::ffff:0:10.1.2.3", "10.1.2.3"}, {"64:ff9b:1::10.1.2.3", "10.1.2.3"}, {"2600::1", NULL}, {"::1", NULL},
	    {"::", NULL}, {"8.8.8.8", NULL}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct egress_address outer = address(rows[i].outer), inner, v4;
		bool carries = egress_address_carried(&outer, &v4);

		assert_int_equal(carries, rows[i].inner != NULL);
		if (!carries)
			continue;
		inner = address(rows[i].inner);
		assert_true(egress_address_eq(&inner, &v4));
	}
}

/* ---- URLs ---- */

#define OK_ROW(in, out)                                                                                                \
	{                                                                                                              \
		in, EGRESS_OK, out                                                                                     \
	}

static const struct {
	const char *in;
	enum egress_outcome outcome;
	const char *out;
} urls[] = {
    OK_ROW("https://example.com", "https://example.com/"),
    OK_ROW("HTTPS://EXAMPLE.com:443/a/../b?x=1&y=%20#top", "https://example.com/b?x=1&y=%20"),
    OK_ROW("http://example.com:80/", "http://example.com/"),
    OK_ROW("http://example.com:443/", "http://example.com:443/"),
    OK_ROW("https://example.com./", "https://example.com/"),
    OK_ROW("https://example.com:08443/", "https://example.com:8443/"),
    OK_ROW("https://b\xc3\xbc"
	   "cher.example/",
	"https://xn--bcher-kva.example/"),
    OK_ROW("https://fa\xc3\x9f.example/", "https://xn--fa-hia.example/"),
    OK_ROW("https://ti\xe1\xba\xbfng-vi\xe1\xbb\x87t.vn/\xe1\xbb\x87", "https://xn--ting-vit-e50d7c.vn/%e1%bb%87"),
    OK_ROW("https://2130706433/", "https://127.0.0.1/"),
    OK_ROW("https://0x7f000001/", "https://127.0.0.1/"),
    OK_ROW("https://017700000001/", "https://127.0.0.1/"),
    OK_ROW("https://0177.0.0.1/", "https://127.0.0.1/"),
    OK_ROW("https://0x7f.1/", "https://127.0.0.1/"),
    OK_ROW("https://127.1/", "https://127.0.0.1/"),
    OK_ROW("https://0/", "https://0.0.0.0/"),
    OK_ROW("https://127.0.0.1./", "https://127.0.0.1/"),
    OK_ROW("https://0x7F.0x0.0x0.0x1./", "https://127.0.0.1/"),
    OK_ROW("https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", "https://127.0.0.1/"),
    OK_ROW("https://127\xe3\x80\x82"
	   "0\xe3\x80\x82"
	   "0\xe3\x80\x82"
	   "1/",
	"https://127.0.0.1/"),
    OK_ROW(
	"https://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.\xe2\x93\xaa.\xe2\x91\xa0/", "https://127.0.0.1/"),
    OK_ROW("https://[::1]/", "https://[::1]/"),
    OK_ROW("https://[0:0:0:0:0:ffff:7f00:1]:8443/", "https://[::ffff:127.0.0.1]:8443/"),
    OK_ROW("https://under_score.example/", "https://under_score.example/"),
    OK_ROW("https://example.com/a?", "https://example.com/a"),
    {"", EGRESS_URL},
    {" https://example.com/", EGRESS_URL},
    {"https://example.com/ ", EGRESS_URL},
    {"https://example.com/a b", EGRESS_URL},
    {"https://example.com/\n", EGRESS_URL},
    {"https://exa\tmple.com/", EGRESS_URL},
    {"https://example.com\\@evil.example/", EGRESS_URL},
    {"https:\\\\example.com/", EGRESS_URL},
    {"https://example.com/\x7f", EGRESS_URL},
    {"https://example.com/\xff", EGRESS_URL},
    {"example.com", EGRESS_SCHEME},
    {"//example.com/", EGRESS_SCHEME},
    {"ftp://example.com/", EGRESS_SCHEME},
    {"file:///etc/passwd", EGRESS_SCHEME},
    {"gopher://127.0.0.1:6379/_PING", EGRESS_SCHEME},
    {"https:example.com", EGRESS_SCHEME},
    {"https:/example.com", EGRESS_SCHEME},
    {"javascript:alert(1)", EGRESS_SCHEME},
    {"dict://127.0.0.1:11211/", EGRESS_SCHEME},
    {"https://user@example.com/", EGRESS_USERINFO},
    {"https://a:b@example.com/", EGRESS_USERINFO},
    {"https://@example.com/", EGRESS_USERINFO},
    {"https://example.com@127.0.0.1/", EGRESS_USERINFO},
    {"https://[::1]@example.com/", EGRESS_USERINFO},
    {"https:///example.com/", EGRESS_HOST},
    {"https://?x", EGRESS_HOST},
    {"https://:443/", EGRESS_HOST},
    {"https://./", EGRESS_HOST},
    {"https://exam%70le.com/", EGRESS_HOST},
    {"https://127.0.0.1%00.example.com/", EGRESS_HOST},
    {"https://[fe80::1%25eth0]/", EGRESS_HOST},
    {"https://example..com/", EGRESS_HOST},
    {"https://.example.com/", EGRESS_HOST},
    {"https://example.com../", EGRESS_HOST},
    {"https://-a.example/", EGRESS_HOST},
    {"https://a-.example/", EGRESS_HOST},
    {"https://256.256.256.256/", EGRESS_HOST},
    {"https://1.2.3.4.5/", EGRESS_HOST},
    {"https://a.1/", EGRESS_HOST},
    {"https://a.0x1f/", EGRESS_HOST},
    {"https://4294967296/", EGRESS_HOST},
    {"https://0x100000000/", EGRESS_HOST},
    {"https://08/", EGRESS_HOST},
    {"https://1.2.3.4..", EGRESS_HOST},
    {"https://[1.2.3.4]/", EGRESS_HOST},
    {"https://[::1/", EGRESS_HOST},
    {"https://::1/", EGRESS_URL},
    {"https://[::g]/", EGRESS_HOST},
    {"https://a,b.example/", EGRESS_HOST},
    {"https://a;b.example/", EGRESS_HOST},
    {"https://a'b.example/", EGRESS_HOST},
    {"https://*.example/", EGRESS_HOST},
    OK_ROW("https://exa\xe2\x80\x8bmple.\xe2\x80\x8b/", "https://example/"),
    {"https://a\xe2\x84\x80"
     "b.example/",
	EGRESS_HOST},
    {"https://example.com\xef\xbc\x8f.evil.example/", EGRESS_HOST},
    {"https://a\xef\xbc\xa0"
     "b.example/",
	EGRESS_HOST},
    {"https://a\xef\xbc\x85"
     "41.example/",
	EGRESS_HOST},
    {"https://a\xef\xbc\x9a"
     "443.example/",
	EGRESS_HOST},
    {"https://example.com:0/", EGRESS_URL},
    {"https://example.com:65536/", EGRESS_URL},
    {"https://example.com:-1/", EGRESS_URL},
    {"https://example.com:443:443/", EGRESS_URL},
    {"https://example.com:http/", EGRESS_URL},
    {"https://example.com:4 43/", EGRESS_URL},
};

static void test_read(void **state)
{
	for (size_t i = 0; i < countof(urls); i++) {
		struct egress_target t, again;
		enum egress_outcome o = egress_url_read(*state, str_from(urls[i].in), &t);

		if (!o != !urls[i].outcome)
			fail_msg("%s: got %s, expected %s", urls[i].in, egress_slug(o), egress_slug(urls[i].outcome));
		if (o != urls[i].outcome)
			print_message("%s: %s, not %s\n", urls[i].in, egress_slug(o), egress_slug(urls[i].outcome));
		assert_int_equal(o, urls[i].outcome);
		if (o)
			continue;
		assert_str(t.url, urls[i].out);
		assert_int_equal(egress_url_read(*state, t.url, &again), EGRESS_OK);
		assert_str(again.url, urls[i].out);
	}
}

static void test_length(void **state)
{
	char url[EGRESS_URL_MAX_BYTES + 2] = "https://example.com/";
	struct egress_target t;

	memset(url + 20, 'a', sizeof url - 20);
	assert_int_equal(egress_url_read(*state, str_make(url, EGRESS_URL_MAX_BYTES), &t), EGRESS_OK);
	assert_int_equal(egress_url_read(*state, str_make(url, EGRESS_URL_MAX_BYTES + 1), &t), EGRESS_URL);
	/* what grows beyond it in its canonical form */
	memset(url + 20, '\xe1', sizeof url - 20);
	for (size_t i = 20; i + 1 < EGRESS_URL_MAX_BYTES; i += 2)
		memcpy(url + i, "\xc3\xa9", 2);
	assert_int_equal(egress_url_read(*state, str_make(url, EGRESS_URL_MAX_BYTES), &t), EGRESS_URL);
	assert_int_equal(egress_url_read(*state, str_make("https://a.example/\0", 19), &t), EGRESS_URL);
}

/* ---- the operator's list ---- */

static const struct egress_policy *policy(struct arena *a, const char *allow, const char *ports)
{
	const struct egress_policy_config config = {.allow = allow, .ports = ports};
	const struct egress_policy *p;
	struct str why;

	if (egress_policy_read(a, &config, &p, &why))
		fail_msg("%.*s", STR_ARGS(why));
	return p;
}

static void test_allow(void **state)
{
	const struct egress_policy *p = policy(*state,
	    "10.1.0.0/16, 192.168.7.9:8200 [fd00:1::5]:9443\tfd00:2::/64 idp.internal IDP2.internal:9000 ::ffff:0:0/96 "
	    "64:ff9b::/96",
	    "443 80 8443 9100-9110");
	static const struct {
		const char *host, *address;
		uint16_t port;
		const char *why; /* NULL: allowed */
	} rows[] = {
	    {"x.example", "8.8.8.8", 443, NULL},
	    {"x.example", "8.8.8.8", 9105, NULL},
	    {"x.example", "8.8.8.8", 9111, "port"},
	    {"x.example", "8.8.8.8", 8200, "port"},
	    {"x.example", "10.1.255.255", 443, NULL},
	    {"x.example", "10.2.0.0", 443, "private"},
	    {"x.example", "10.1.2.3", 22, "port"},
	    {"x.example", "192.168.7.9", 8200, NULL},
	    {"x.example", "192.168.7.9", 443, "private"},
	    {"x.example", "192.168.7.10", 8200, "private"},
	    {"x.example", "fd00:1::5", 9443, NULL},
	    {"x.example", "fd00:1::5", 443, "unique local"},
	    {"x.example", "fd00:2::77", 443, NULL},
	    {"x.example", "fd00:2:0:1::77", 443, "unique local"},
	    {"idp.internal", "127.0.0.1", 443, NULL},
	    {"idp.internal", "127.0.0.1", 22, "port"},
	    {"idp2.internal", "10.9.9.9", 9000, NULL},
	    {"idp2.internal", "10.9.9.9", 443, "private"},
	    {"x.idp.internal", "127.0.0.1", 443, "loopback"},
	    {"x.example", "::ffff:8.8.8.8", 443, NULL},
	    {"x.example", "::ffff:10.1.2.3", 443, NULL},
	    {"x.example", "::ffff:127.0.0.1", 443, "loopback"},
	    {"x.example", "64:ff9b::192.168.1.1", 443, "private"},
	    {"x.example", "64:ff9b::8.8.8.8", 443, NULL},
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct egress_address a = address(rows[i].address);
		const char *why = "unset";
		bool ok = egress_policy_allows(p, str_from(rows[i].host), &a, rows[i].port, &why);

		if (ok != !rows[i].why || (why && strcmp(why, rows[i].why ? rows[i].why : "") != 0))
			fail_msg("%s %s %d: %s", rows[i].host, rows[i].address, rows[i].port, why ? why : "let out");
	}
	assert_true(egress_policy_port(p, 8200) && egress_policy_port(p, 9000) && !egress_policy_port(p, 22));
	assert_true(
	    egress_policy_names(p, S("idp2.internal"), 9000) && !egress_policy_names(p, S("idp2.internal"), 9001));
}

static void test_allow_unreadable(void **state)
{
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/x", "::/129", "[::1",
	    "[::1]x", "[::1]:0", "[10.0.0.1]", "host:", "host:0", "host:65536", "host:x", "ho st:1x", "127.1", "12",
	    "a/8", "*", "*.internal", "fe80::1%eth0", "http://idp/"};
	static const char *const bad_ports[] = {"0", "65536", "x", "80-", "90-80", "-80", "80-90-100", "443;80"};
	struct egress_policy_config config = {.ports = "443"};
	const struct egress_policy *p;
	struct str why;

	for (size_t i = 0; i < countof(bad); i++) {
		config.allow = bad[i];
		if (egress_policy_read(*state, &config, &p, &why) != ERR_SETTING)
			fail_msg("%s was read", bad[i]);
		assert_true(str_starts(why, S("egress_allow: cannot read \"")));
	}
	config.allow = "";
	for (size_t i = 0; i < countof(bad_ports); i++) {
		config.ports = bad_ports[i];
		if (egress_policy_read(*state, &config, &p, &why) != ERR_SETTING)
			fail_msg("ports %s were read", bad_ports[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_special), cmocka_unit_test(test_what_it_is),
	    cmocka_unit_test(test_carried), with_arena(test_read), with_arena(test_length), with_arena(test_allow),
	    with_arena(test_allow_unreadable)};

	return cmocka_run_group_tests_name("egress url", tests, NULL, NULL);
}

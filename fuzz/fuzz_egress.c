/* Addresses that calls out are given: whatever is read has one form, and nothing special is let out. */
#include <arpa/inet.h>
#include "base/utf8.h"
#include "fuzz.h"
#include "io/egress_url.h"

static const struct egress_policy *policy(struct arena *a, struct str allow)
{
	const struct egress_policy_config config = {.allow = str_cstr(a, allow), .ports = "443 80 8443"};
	const struct egress_policy *p = NULL;
	struct str why;

	if (config.allow && egress_policy_read(a, &config, &p, &why))
		p = NULL;
	return p;
}

static void check_host(struct str host)
{
	must(host.n > 0 && host.n <= EGRESS_HOST_MAX_BYTES);
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		must((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':');
	}
}

/* The resolver's and the C library's idea of an address: what is none to us must be none to them. */
static void check_name(struct arena *a, struct str host)
{
	struct in_addr v4;
	struct in6_addr v6;
	const char *text = str_cstr(a, host);

	must(text);
	must(!inet_aton(text, &v4));
	must(inet_pton(AF_INET6, text, &v6) != 1);
}

static void check_url(struct arena *a, struct str s, const struct egress_policy *strict)
{
	struct egress_target t, again;
	const char *why;

	if (egress_url_read(a, s, &t))
		return;
	must(t.url.n <= EGRESS_URL_MAX_BYTES && t.port > 0);
	must(str_starts(t.url, t.https ? S("https://") : S("http://")));
	for (size_t i = 0; i < t.url.n; i++)
		must(t.url.p[i] > ' ' && t.url.p[i] < 0x7f && t.url.p[i] != '\\');
	check_host(t.host);
	if (!t.literal)
		check_name(a, t.host);
	else if (egress_policy_allows(strict, t.host, &t.address, t.port, &why))
		must(!egress_address_special(&t.address));
	must(egress_url_read(a, t.url, &again) == EGRESS_OK);
	must(str_eq(again.url, t.url) && str_eq(again.host, t.host) && again.port == t.port);
	must(again.literal == t.literal && egress_address_eq(&again.address, &t.address));
}

/* Bytes as an address: what carries a special IPv4 address is special, and so is everything outside of 2000::/3. */
static void check_bytes(const unsigned char *data, size_t size, const struct egress_policy *strict)
{
	struct egress_address address = {.v6 = size >= 16}, v4;
	char text[EGRESS_ADDRESS_TEXT_BYTES];
	struct egress_address again;
	const char *why;

	if (size < 4)
		return;
	memcpy(address.bytes, data, address.v6 ? 16 : 4);
	if (egress_address_carried(&address, &v4))
		must(egress_address_special(&address));
	if (address.v6 && address.bytes[0] >> 5 != 1)
		must(egress_address_special(&address));
	must(egress_policy_allows(strict, S("x.example"), &address, 443, &why) == !egress_address_special(&address));
	egress_address_text(&address, text);
	must(egress_address_read(str_from(text), &again) && egress_address_eq(&again, &address));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	const struct egress_policy *strict;
	struct arena a;

	arena_init(&a, &arena_malloc, 64 * MB);
	strict = policy(&a, S(""));
	must(strict);
	check_url(&a, s, strict);
	check_bytes(data, size, strict);
	policy(&a, s);
	arena_free(&a);
	return 0;
}

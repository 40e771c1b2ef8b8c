/* egress_open.c - what all calls out share, made when the process starts. */
#include <ares.h>
#include <curl/curl.h>
#include "io/clock.h"
#include "io/egress_private.h"

#define NS_PER_MS 1000000LL

static enum err complain(struct arena *a, struct str *why, const char *text)
{
	*why = str_dup(a, str_from(text));
	return why->p ? ERR_SETTING : ERR_MEMORY;
}

static enum err open_dns(struct egress *e, struct arena *a, const char *servers, struct str *why)
{
	ares_channel channel;
	char *text = str_cstr(a, str_from(servers));
	bool fits;

	if (!text)
		return ERR_MEMORY;
	for (char *p = text; *p; p++)
		if (*p == ' ' || *p == '\t')
			*p = ',';
	e->dns = *text ? text : NULL;
	if (!e->dns)
		return OK;
	if (ares_init(&channel))
		return ERR_MEMORY;
	fits = ares_set_servers_ports_csv(channel, e->dns) == ARES_SUCCESS;
	ares_destroy(channel);
	return fits ? OK : complain(a, why, "egress_dns: addresses of DNS servers are expected, such as 10.0.0.2");
}

static enum err open_roots(struct egress *e, struct arena *a, const char *file, struct str *why)
{
	e->roots = X509_STORE_new();
	if (!e->roots || !X509_STORE_set_default_paths(e->roots))
		return ERR_MEMORY;
	if (*file && !X509_STORE_load_file(e->roots, file))
		return complain(a, why, "ca_file: no certificates (PEM) can be read from this file");
	return OK;
}

/* The certificate store is OpenSSL's: another libcurl would take no notice of it. */
static bool curl_has_openssl(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return info->ssl_version && strncmp(info->ssl_version, "OpenSSL/", 8) == 0;
}

enum err egress_open(struct arena *a, const struct egress_config *config, struct egress **out, struct str *why)
{
	struct egress *e = arena_new(a, struct egress);
	enum err error;

	*why = S("out of memory");
	if (!e || curl_global_init(CURL_GLOBAL_DEFAULT))
		return ERR_MEMORY;
	ares_library_init(ARES_LIB_INIT_ALL);
	e->metrics = config->metrics;
	atomic_store(&e->stop_ns, INT64_MAX);
	if (!curl_has_openssl())
		error = complain(a, why, "libcurl is not the one that is built with OpenSSL (Debian: libcurl4)");
	else if (!(error = egress_policy_read(a, &config->policy, &e->policy, why)) &&
		 !(error = open_dns(e, a, config->dns, why)))
		error = open_roots(e, a, config->ca_file, why);
	if (error)
		egress_close(e);
	else
		*out = e;
	return error;
}

void egress_stop(struct egress *e, int grace_ms)
{
	atomic_store(&e->stop_ns, clock_mono_ns() + grace_ms * NS_PER_MS);
}

bool egress_stopped(const struct egress *e)
{
	return clock_mono_ns() >= atomic_load(&e->stop_ns);
}

void egress_close(struct egress *e)
{
	X509_STORE_free(e->roots);
	ares_library_cleanup();
	curl_global_cleanup();
}

uint64_t egress_connections(const struct egress *e)
{
	return atomic_load(&e->connections);
}

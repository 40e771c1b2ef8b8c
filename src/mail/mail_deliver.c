#include "mail/mail_deliver.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/limits.h"

#define ENVELOPE_BYTES 300
#define PATH_BYTES 4096

/* ---- a server ---- */

struct sending {
	struct mailer *mailer;
	struct str rest;
};

static size_t give(char *p, size_t size, size_t n, void *ctx)
{
	struct sending *s = ctx;
	struct str part = str_sub(s->rest, 0, size * n);

	memcpy(p, part.p, part.n);
	s->rest = str_sub(s->rest, part.n, s->rest.n);
	return part.n;
}

static int go_on(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct sending *s = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return clock_mono_ns() >= atomic_load(&s->mailer->stop_ns);
}

static CURLcode set_server(CURL *curl, const struct mailer_config *c)
{
	CURLcode e = 0;

	e |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	e |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	e |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	e |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	e |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	e |= curl_easy_setopt(curl, CURLOPT_URL, c->smtp_url);
	e |= curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(c->starttls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	e |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	e |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	e |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	e |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)MAIL_CONNECT_TIMEOUT_MS);
	e |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MAIL_TIMEOUT_MS);
	if (*c->ca_file) /* the system's folder of certificates stays beside it */
		e |= curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca_file);
	if (*c->user)
		e |= curl_easy_setopt(curl, CURLOPT_USERNAME, c->user);
	if (*c->password)
		e |= curl_easy_setopt(curl, CURLOPT_PASSWORD, c->password);
	return e;
}

static CURLcode set_mail(CURL *curl, struct sending *s, const char *from, const struct curl_slist *to)
{
	CURLcode e = 0;

	e |= curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	e |= curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	e |= curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	e |= curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	e |= curl_easy_setopt(curl, CURLOPT_READDATA, s);
	e |= curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->rest.n);
	e |= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
	e |= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
	e |= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	return e;
}

/* What was said of this mail or its addressee is final when it begins with 5; what was said before, of us, is the operator's to mend. */
static enum err judge(CURLcode code, long said)
{
	bool of_mail = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY;

	if (!code)
		return OK;
	if (code == CURLE_OUT_OF_MEMORY)
		return ERR_MEMORY;
	return of_mail && said >= 500 && said < 600 && said != 530 && said != 535 ? ERR_INVALID : ERR_UNAVAILABLE;
}

enum err mail_deliver_smtp(struct mailer *m, struct str to, struct str message, int *code)
{
	struct sending s = {m, message};
	char from[ENVELOPE_BYTES], addressee[ENVELOPE_BYTES];
	CURL *curl = curl_easy_init();
	struct curl_slist *list = NULL;
	enum err e = ERR_MEMORY;
	long said = 0;

	*code = 0;
	snprintf(from, sizeof from, "<%.*s>", STR_ARGS(m->from.address));
	snprintf(addressee, sizeof addressee, "<%.*s>", STR_ARGS(to));
	if (curl && (list = curl_slist_append(NULL, addressee)) && !set_server(curl, &m->config) &&
	    !set_mail(curl, &s, from, list)) {
		CURLcode result = curl_easy_perform(curl);

		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &said);
		*code = (int)said;
		e = judge(result, said);
		if (e)
			log_message(m->config.log, LOG_WARN, "mail_server", str_from(curl_easy_strerror(result)));
	}
	curl_slist_free_all(list);
	curl_easy_cleanup(curl);
	return e;
}

/* ---- a file ---- */

static bool write_all(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = str_sub(text, (size_t)n, text.n);
	}
	return true;
}

/* Whole or not at all, and for the service's user only: links in it let somebody in. */
enum err mail_deliver_file(struct mailer *m, struct arena *a, const char *name, struct str message)
{
	char *path = arena_alloc(a, PATH_BYTES), *fresh = arena_alloc(a, PATH_BYTES);
	const char *data = m->config.data;
	bool ok;
	int fd;

	if (!path || !fresh)
		return ERR_MEMORY;
	if (snprintf(path, PATH_BYTES, "%s/mail", data) >= PATH_BYTES - 200 ||
	    (mkdir(path, 0700) != 0 && errno != EEXIST))
		return ERR_IO;
	snprintf(fresh, PATH_BYTES, "%s/mail/.%s.new", data, name);
	snprintf(path, PATH_BYTES, "%s/mail/%s", data, name);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_IO;
	ok = write_all(fd, message);
	ok = close(fd) == 0 && ok && rename(fresh, path) == 0;
	if (!ok)
		unlink(fresh);
	return ok ? OK : ERR_IO;
}

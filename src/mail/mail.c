#include "mail/mail.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "mail/mail_deliver.h"

#define NS_PER_MS 1000000LL
#define DEFAULT_FROM "Cimigo Collect <collect@localhost>"
#define PLACE_MAX_BYTES (4 * KB)
#define NAME_BYTES 128

static const struct {
	const char *name, *values;
	bool link;
} kinds[MAIL_KINDS] = {
#define MAIL(name, text, link, values) [MAIL_##name] = {#text, values, link},
#include "core/mails.def"
#undef MAIL
};

bool mail_kind_read(struct str name, enum mail_kind *out)
{
	for (size_t i = 0; i < MAIL_KINDS; i++)
		if (str_eq(name, str_from(kinds[i].name))) {
			*out = (enum mail_kind)i;
			return true;
		}
	return false;
}

const char *mail_kind_name(enum mail_kind kind)
{
	return kinds[kind].name;
}

const char *mail_kind_values(enum mail_kind kind)
{
	return kinds[kind].values;
}

bool mail_kind_has_link(enum mail_kind kind)
{
	return kinds[kind].link;
}

/* ---- links ---- */

static bool is_origin(struct str s)
{
	if (!str_starts(s, S("https://")) && !str_starts(s, S("http://")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return true;
}

static struct str without_slash(struct str s)
{
	while (str_ends(s, S("/")))
		s.n--;
	return s;
}

/* Where the server of this data folder listens: it says so in serve.json. */
static struct str place_of_server(const struct mailer *m, struct arena *a)
{
	char path[PLACE_MAX_BYTES], *text = arena_alloc(a, PLACE_MAX_BYTES);
	struct json_error why;
	struct json *doc;
	ssize_t n;
	int fd;

	if (!text || snprintf(path, sizeof path, "%s/serve.json", m->config.data) >= (int)sizeof path)
		return S("");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return S("");
	n = read(fd, text, PLACE_MAX_BYTES);
	close(fd);
	if (n <= 0 || json_read(a, str_make(text, (size_t)n), &json_limits_default, &doc, &why))
		return S("");
	return json_str_or(doc, S("url"), S(""));
}

static bool path_fits(struct str path)
{
	if (path.n > MAIL_PATH_MAX_BYTES || !str_starts(path, S("/")) || str_starts(path, S("//")))
		return false;
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] <= ' ' || path.p[i] > '~' || str_find_char(S("\"<>\\^`{|}"), path.p[i], NULL))
			return false;
	return true;
}

static enum err make_link(const struct mailer *m, struct arena *a, const struct mail *mail, struct str *link)
{
	struct str origin = str_from(m->config.public_url);
	struct buf b;

	*link = S("");
	if (!kinds[mail->kind].link)
		return mail->path.n > 0 ? ERR_INVALID : OK;
	if (origin.n == 0)
		origin = place_of_server(m, a);
	if (!path_fits(mail->path))
		return ERR_INVALID;
	if (!is_origin(origin))
		return ERR_SETTING;
	buf_init(&b, a, PLACE_MAX_BYTES);
	buf_add(&b, without_slash(origin));
	buf_add(&b, mail->path);
	return buf_done(&b, link) ? ERR_MEMORY : OK;
}

/* ---- sending ---- */

static void tell(struct mailer *m, const struct mail *mail, enum err e, int code)
{
	struct log_field fields[] = {LF_STR(COMPONENT, str_from(kinds[mail->kind].name)),
	    LF_STR(CODE, str_from(e ? err_slug(e) : "sent")), LF_INT(STATUS, code)};
	const struct str labels[] = {fields[0].s, fields[1].s};

	log_event(m->config.log, e ? LOG_WARN : LOG_INFO, "mail", fields, countof(fields));
	if (m->config.metrics)
		metric_add(metrics_series(m->config.metrics, M_MAILS, labels), 1);
}

static enum err deliver(
    struct mailer *m, struct arena *a, const struct mail *mail, const struct mail_message *message, int *code)
{
	char name[NAME_BYTES], id[UUID_TEXT_BYTES], time[TIME_TEXT_BYTES];
	struct str text;
	enum err e = mail_message_write(a, message, &text);

	if (e)
		return e;
	if (*m->config.smtp_url)
		return mail_deliver_smtp(m, mail->to, text, code);
	uuid_text(message->id, id);
	time_text(message->date_ms, time);
	snprintf(name, sizeof name, "%.10sT%.2s%.2s%.2sZ-%s-%.36s.eml", time, time + 11, time + 14, time + 17,
	    kinds[mail->kind].name, id);
	return mail_deliver_file(m, a, name, text);
}

enum err mail_send(struct mailer *m, struct arena *a, const struct mail *mail, const struct uuid *id)
{
	struct mail_text text;
	struct mail_message message = {
	    .from = m->from, .to = mail->to, .text = &text, .id = id, .date_ms = clock_now_ms()};
	struct str link;
	int code = 0;
	enum err e;

	if (!(e = make_link(m, a, mail, &link)) && !(e = mail_text_make(a, mail, link, &text)))
		e = deliver(m, a, mail, &message, &code);
	tell(m, mail, e, code);
	return e;
}

/* ---- opening ---- */

static const char *fault_of(const struct mailer_config *c, struct mail_address *from)
{
	struct str url = str_from(c->smtp_url);

	if (url.n > 0 && !str_starts(url, S("smtp://")) && !str_starts(url, S("smtps://")))
		return "smtp_url must begin with smtp:// or smtps://";
	if (str_find_char(url, '@', NULL))
		return "smtp_url must not hold a user or a password: there are smtp_user and smtp_password";
	if (url.n > 0 && !*c->from)
		return "mail_from is needed when smtp_url is set, such as Collect <collect@example.com>";
	if (!mail_address_read(str_from(*c->from ? c->from : DEFAULT_FROM), from))
		return "mail_from is no address; such as Collect <collect@example.com> is expected";
	if (*c->public_url && !is_origin(str_from(c->public_url)))
		return "public_url must begin with https:// or http://";
	return NULL;
}

enum err mail_open(struct arena *a, const struct mailer_config *config, struct mailer **out, const char **why)
{
	struct mailer *m = arena_new(a, struct mailer);

	*why = "out of memory";
	if (!m)
		return ERR_MEMORY;
	m->config = *config;
	atomic_store(&m->stop_ns, INT64_MAX);
	if ((*why = fault_of(config, &m->from)))
		return ERR_SETTING;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		*why = "out of memory";
		return ERR_MEMORY;
	}
	*out = m;
	return OK;
}

void mail_stop(struct mailer *m, int grace_ms)
{
	atomic_store(&m->stop_ns, clock_mono_ns() + grace_ms * NS_PER_MS);
}

void mail_close(struct mailer *m)
{
	(void)m;
	curl_global_cleanup();
}

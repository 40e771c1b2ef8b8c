#include "io/http_impl.h"

#define REQUEST_ID_MAX_BYTES 64
/* For exchanges whose client went away before an answer was complete; never sent. */
#define STATUS_CLIENT_GONE 499

static struct exchange *exchange_take(struct http_loop *l)
{
	struct exchange *ex;

	pthread_mutex_lock(&l->free_lock);
	if ((ex = l->free)) {
		l->free = ex->next;
		l->free_count--;
	}
	pthread_mutex_unlock(&l->free_lock);
	if (!ex && (ex = calloc(1, sizeof(*ex))))
		arena_init(&ex->arena, l->server->config.source, REQUEST_ARENA_MAX_BYTES);
	return ex;
}

/* Arenas go round with their first block in them, so a request in the steady state asks malloc for nothing of ours. */
static void exchange_put(struct http_loop *l, struct exchange *ex)
{
	arena_reset(&ex->arena);
	pthread_mutex_lock(&l->free_lock);
	if (l->free_count < l->free_max) {
		ex->next = l->free;
		l->free = ex;
		l->free_count++;
		ex = NULL;
	}
	pthread_mutex_unlock(&l->free_lock);
	if (!ex)
		return;
	arena_free(&ex->arena);
	free(ex);
}

struct exchange *exchange_new(struct http_server *s, struct MHD_Connection *mhd)
{
	struct conn *c = conn_of(mhd);
	struct exchange *ex;
	struct arena arena;

	if (!c || !(ex = exchange_take(c->loop)))
		return NULL;
	arena = ex->arena;
	*ex = (struct exchange){.arena = arena, .server = s, .conn = c, .loop = c->loop, .mhd = mhd, .refs = 1};
	ex->x = (struct http_exchange){.arena = &ex->arena,
	    .internal = ex,
	    .client = c->client,
	    .client_net = c->net,
	    .client_loopback = c->loopback && s->config.trusted_hops == 0,
	    .started_ns = clock_mono_ns(),
	    .body_max = HTTP_BODY_API_MAX_BYTES};
	s->under_way++;
	return ex;
}

void exchange_release(struct exchange *ex)
{
	struct http_server *s = ex->server;

	if (atomic_fetch_sub(&ex->refs, 1) > 1)
		return;
	if (s->config.finished)
		s->config.finished(
		    s->config.ctx, &ex->x, ex->status, clock_mono_ns() - ex->x.started_ns, ex->sent_bytes);
	if (ex->x.stream)
		stream_free(ex);
	if (ex->address_counted)
		address_give(&s->addresses, &ex->address);
	exchange_put(ex->loop, ex);
	s->under_way--;
}

void exchange_refuse(struct exchange *ex, enum err e, const char *detail)
{
	const struct http_config *c = &ex->server->config;

	ex->x.reply = (struct http_reply){0};
	ex->packed = false;
	if (c->refuse)
		c->refuse(c->ctx, &ex->x, e, detail);
	if (ex->x.reply.status == 0)
		ex->x.reply.status = err_status(e);
}

/* ---- the head ---- */

/* libmicrohttpd 0.9.75 takes the query apart right after this callback, a record of the connection's pool for each
 * parameter. A thousand of them exhaust the pool, its error reply is lost in a wrong state, and the connection hangs
 * and leaks. Nobody here reads those records, so the separators are taken out of its sight, which leaves one; the
 * copy above still has them. */
static void glue_query(struct exchange *ex)
{
	char *at = (char *)(uintptr_t)ex->target, *end = at + ex->target_bytes;

	while (ex->server->layout_known && (at = memchr(at, '&', end - at)))
		*at++ = '_';
}

void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct exchange *ex = exchange_new(s, mhd);
	struct conn *c = conn_of(mhd);

	if (!ex)
		return NULL;
	c->requests++;
	idle_leave(c);
	idle_learn(c, uri);
	c->current = ex;
	ex->target = uri;
	ex->target_bytes = strlen(uri);
	ex->target_copy = arena_copy(
	    &ex->arena, uri, ex->target_bytes < HTTP_LINE_MAX_BYTES ? ex->target_bytes : HTTP_LINE_MAX_BYTES);
	glue_query(ex);
	if (c->requests > 1)
		conn_enter(c, CONN_READING, HTTP_HEADER_TIMEOUT_MS);
	return ex;
}

static bool id_acceptable(struct str id)
{
	if (id.n == 0 || id.n > REQUEST_ID_MAX_BYTES)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '.' &&
		    c != '_' && c != '-')
			return false;
	}
	return true;
}

/* Unique, not secret: a random base of the process and a counter. The client's own name for it is kept beside: by it nobody's place in a log is taken. */
static void name_request(struct exchange *ex)
{
	struct str sent = http_header_get(&ex->x, S("X-Request-Id"));
	struct buf b;

	/* A copy: the log line of a stream is written after libmicrohttpd's memory of the head is gone. */
	if (id_acceptable(sent))
		ex->x.client_request_id = str_dup(&ex->arena, sent);
	buf_init(&b, &ex->arena, REQUEST_ID_MAX_BYTES);
	buf_uint_hex(&b, ex->server->id_base, 16);
	buf_char(&b, '-');
	buf_uint_hex(&b, ex->server->id_next++, 8);
	if (buf_done(&b, &ex->x.request_id))
		ex->x.request_id = S("none");
}

static bool is_port(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0 && s.n <= 5;
}

/* Some proxies write the port, too: "192.0.2.7:1234", "[2001:db8::1]:1234", "[2001:db8::1]". What is none of these is left as it is, and is no address. */
static struct str without_port(struct str s)
{
	size_t at;

	if (str_starts(s, S("[")) && str_find_char(s, ']', &at)) {
		struct str inner = str_sub(s, 1, at - 1), rest = str_sub(s, at + 1, s.n);

		if (!str_find_char(inner, ':', NULL) ||
		    (rest.n > 0 && (rest.p[0] != ':' || !is_port(str_sub(rest, 1, rest.n)))))
			return s;
		return inner;
	}
	if (str_find_char(s, ':', &at) && is_port(str_sub(s, at + 1, s.n)) &&
	    str_find_char(str_sub(s, 0, at), '.', NULL))
		return str_sub(s, 0, at);
	return s;
}

/* Each proxy appends whom it spoke to: the entry of the outermost trusted one stands trusted_hops from the right. */
static void find_client(struct exchange *ex)
{
	struct http_exchange *x = &ex->x;
	int hops = ex->server->config.trusted_hops;
	struct str found = {0};
	char *room;

	for (size_t i = x->header_count; hops > 0 && i-- > 0;) {
		struct str list = x->headers[i].value;

		if (!str_eq_nocase(x->headers[i].name, S("X-Forwarded-For")))
			continue;
		while (hops > 0 && list.n > 0) {
			size_t comma = list.n;

			while (comma > 0 && list.p[comma - 1] != ',')
				comma--;
			found = str_trim(str_sub(list, comma, list.n));
			list = str_sub(list, 0, comma > 0 ? comma - 1 : 0);
			hops--;
		}
	}
	found = without_port(found);
	if (!address_read(found, &ex->address))
		return;
	x->client = found;
	if ((room = arena_alloc(x->arena, ADDRESS_NET_BYTES)))
		x->client_net = address_net(&ex->address, room);
}

/* Without trusted_hops everybody behind a proxy is the proxy: one address, and on this machine one that nothing is counted for. */
static void warn_of_proxy(struct exchange *ex)
{
	struct http_server *s = ex->server;

	if (s->config.trusted_hops > 0 || !ex->conn->loopback || ex->conn->requests > 1 ||
	    !http_header_sent(&ex->x, S("X-Forwarded-For")) || atomic_exchange(&s->warned_of_proxy, true) ||
	    !s->config.log)
		return;
	log_message(s->config.log, LOG_WARN, "proxy",
	    S("requests come with X-Forwarded-For from this machine, but trusted_hops is 0: clients are not told "
	      "apart"));
}

/* Behind proxies connections say nothing about clients; what a client has under way does. */
static bool client_has_room(struct exchange *ex)
{
	struct http_server *s = ex->server;

	if (s->config.trusted_hops == 0)
		return true;
	find_client(ex);
	if (ex->x.client_loopback || s->config.connections_per_address <= 0 || ex->x.client.p == ex->conn->client.p)
		return true;
	ex->address_counted = address_take(&s->addresses, &ex->address, s->config.connections_per_address);
	return ex->address_counted;
}

/* An answer on the first call closes the connection: libmicrohttpd will not read the body then. */
static enum MHD_Result refuse_head(struct exchange *ex, enum err e, const char *detail)
{
	exchange_refuse(ex, e, detail);
	ex->x.reply.close = true;
	ex->conn->linger = true;
	return reply_send(ex);
}

static enum MHD_Result take_head(struct exchange *ex, const char *method, const char *version)
{
	const struct http_config *c = &ex->server->config;
	const char *detail = "";
	enum err e;

	ex->phase = PHASE_BODY;
	e = guard_head(ex, method, version, &detail);
	name_request(ex);
	ex->head_only = ex->x.method == HTTP_HEAD;
	if (!conn_enter(ex->conn, CONN_READING, HTTP_REQUEST_TIMEOUT_MS))
		return MHD_NO;
	if (e)
		return refuse_head(ex, e, detail);
	warn_of_proxy(ex);
	if (!client_has_room(ex))
		return refuse_head(ex, ERR_RATE, "too many requests of this address are under way");
	if (c->admit && (e = c->admit(c->ctx, &ex->x)))
		return refuse_head(ex, e, "");
	if (guard_body_bytes(ex) > ex->x.body_max)
		return refuse_head(ex, ERR_TOO_LARGE, "the body is larger than this address takes");
	buf_init(&ex->body, &ex->arena, ex->x.body_max);
	return MHD_YES;
}

/* ---- the body ---- */

/* In the middle of a body libmicrohttpd takes no answer: it is written past it, and the connection ends. */
static enum MHD_Result take_body(struct exchange *ex, const char *data, size_t *bytes)
{
	buf_add(&ex->body, str_make(data, *bytes));
	if (!ex->body.failed) {
		*bytes = 0;
		return MHD_YES;
	}
	exchange_refuse(ex, ex->body.n + *bytes > ex->x.body_max ? ERR_TOO_LARGE : ERR_MEMORY,
	    "the body is larger than this address takes");
	ex->conn->linger = true;
	if (conn_enter(ex->conn, CONN_DEAD, 0))
		reply_send_raw(ex);
	return MHD_NO;
}

static enum MHD_Result answer(struct exchange *ex)
{
	const struct http_config *c = &ex->server->config;

	if (!conn_enter(ex->conn, CONN_HANDLING, 0))
		return MHD_NO;
	if (buf_done(&ex->body, &ex->x.body))
		return MHD_NO;
	if (c->inline_handler && c->inline_handler(c->ctx, &ex->x))
		return reply_send(ex);
	if (worker_submit(ex))
		return MHD_YES;
	exchange_refuse(ex, ERR_BUSY, "too many requests are waiting");
	return reply_send(ex);
}

enum MHD_Result exchange_step(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *data_bytes, void **context)
{
	struct exchange *ex = *context;

	(void)cls;
	(void)mhd;
	(void)url;
	/* No memory for an exchange: the connection is closed. */
	if (!ex || !ex->target_copy)
		return MHD_NO;
	switch (ex->phase) {
	case PHASE_HEAD:
		return take_head(ex, method, version);
	case PHASE_BODY:
		return *data_bytes > 0 ? take_body(ex, data, data_bytes) : answer(ex);
	case PHASE_WAITING:
		ex->phase = PHASE_ANSWERED;
		if (!ex->x.stream && ex->x.reply.status == 0)
			exchange_refuse(ex, ERR_INTERNAL, "");
		return reply_send(ex);
	default:
		return MHD_NO;
	}
}

void exchange_abandon(struct exchange *ex, int status)
{
	ex->status = ex->status ? ex->status : status;
	if (ex->x.stream)
		stream_gone(ex);
	exchange_release(ex);
}

/* libmicrohttpd answered by itself, the janitor did, or nobody could. */
static int status_without_reply(const struct exchange *ex, enum MHD_RequestTerminationCode code)
{
	if ((atomic_load(&ex->conn->state) & 7) == CONN_DEAD)
		return err_status(ERR_TIMEOUT);
	return code == MHD_REQUEST_TERMINATED_WITH_ERROR && ex->phase <= PHASE_BODY ? err_status(ERR_UNREADABLE)
										    : STATUS_CLIENT_GONE;
}

/* libmicrohttpd leaves a connection that ended in the middle of a reply, its pool already gone, until something happens on the socket, which is never. Those with a
 * timeout of their own are looked at in each turn. */
static void be_looked_at(struct MHD_Connection *mhd)
{
	MHD_set_connection_option(mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
}

void exchange_end(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct exchange *ex = *context;

	(void)cls;
	if (!ex)
		return;
	*context = NULL;
	ex->conn->current = NULL;
	if (ex->status == 0)
		ex->status = status_without_reply(ex, code);
	if (code == MHD_REQUEST_TERMINATED_WITH_ERROR)
		ex->conn->linger = true;
	conn_enter(ex->conn, CONN_IDLE, HTTP_IDLE_TIMEOUT_MS);
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		idle_enter(ex->conn);
	else
		be_looked_at(mhd);
	if (ex->x.stream)
		stream_gone(ex);
	exchange_release(ex);
}

/* document.c - what the server says about itself: the start page, the API's description, its errors. */
#include <brotli/encode.h>
#include <pthread.h>
#include <zlib.h>
#include "base/hash.h"
#include "base/html.h"
#include "base/limits.h"
#include "core/config.h"
#include "main/document.h"
#include "main/domains.h"
#include "main/version.h"

#define PAGE_BYTES (256 * KB)
#define PLAIN_POLICY                                                                                                   \
	"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "  \
	"'none'"

static void page_head(struct html *h, struct str title)
{
	html_doctype(h);
	html_open(h, "html");
	html_attr(h, "lang", S("en"));
	html_open(h, "head");
	html_open(h, "meta");
	html_attr(h, "charset", S("utf-8"));
	html_close_void(h);
	html_open(h, "meta");
	html_attr(h, "name", S("viewport"));
	html_attr(h, "content", S("width=device-width, initial-scale=1"));
	html_close_void(h);
	html_open(h, "title");
	html_text(h, title);
	html_close(h, "title");
	html_open(h, "link");
	html_attr(h, "rel", S("stylesheet"));
	html_attr_url(h, "href", S("/static/docs/plain.css"));
	html_close_void(h);
	html_close(h, "head");
	html_open(h, "body");
	html_open(h, "main");
	html_open(h, "h1");
	html_text(h, title);
	html_close(h, "h1");
}

static enum err page_send(struct req *rq, struct html *h)
{
	struct str text;
	enum err e;

	html_close(h, "main");
	html_close(h, "body");
	html_close(h, "html");
	if ((e = buf_done(h->buf, &text)))
		return e;
	reply_header(rq, S("Content-Security-Policy"), S(PLAIN_POLICY));
	return reply_html(rq, 200, text);
}

static void link_line(struct html *h, struct str url, struct str text, struct str about)
{
	html_open(h, "li");
	html_open(h, "a");
	html_attr_url(h, "href", url);
	html_text(h, text);
	html_close(h, "a");
	html_text(h, about);
	html_close(h, "li");
}

static enum err start_http(struct req *rq)
{
	struct buf b;
	struct html h;

	buf_init(&b, rq->arena, PAGE_BYTES);
	html_init(&h, &b);
	page_head(&h, S("Cimigo Collect"));
	html_open(&h, "p");
	html_text(&h, S("This is a survey server, version " COLLECT_VERSION
			". If you were invited to a survey, please use the link in your invitation."));
	html_close(&h, "p");
	html_open(&h, "ul");
	link_line(&h, S("/docs"), S("API reference"), S(" for those who write programs against it"));
	link_line(&h, S("/openapi.json"), S("openapi.json"), S(": the same for machines (OpenAPI 3.1)"));
	link_line(&h, S("/docs/errors"), S("Errors"), S(" that the API answers with"));
	html_close(&h, "ul");
	return page_send(rq, &h);
}

static const struct {
	const char *slug, *meaning;
	int status;
} errors[] = {
#define ERR(name, code, text, sentence) {text, sentence, code},
#include "base/errors.def"
#undef ERR
};

static enum err errors_http(struct req *rq)
{
	struct buf b;
	struct html h;
	size_t i;

	buf_init(&b, rq->arena, PAGE_BYTES);
	html_init(&h, &b);
	page_head(&h, S("Errors"));
	html_open(&h, "p");
	html_text(&h, S("Every error is an object of the media type application/problem+json (RFC 9457). Its member "
			"\"code\" is one of these:"));
	html_close(&h, "p");
	html_open(&h, "dl");
	for (i = 0; i < countof(errors); i++) {
		html_open(&h, "dt");
		html_attr(&h, "id", str_from(errors[i].slug));
		html_open(&h, "code");
		html_text(&h, str_from(errors[i].slug));
		html_close(&h, "code");
		html_text(&h, S(" \xE2\x80\x93 status "));
		buf_int(&b, errors[i].status);
		html_close(&h, "dt");
		html_open(&h, "dd");
		html_text(&h, str_from(errors[i].meaning));
		html_close(&h, "dd");
	}
	html_close(&h, "dl");
	return page_send(rq, &h);
}

void errors_print(struct buf *out)
{
	size_t i;

	buf_add(out, S("# Errors\n\nEvery error is `application/problem+json` (RFC 9457); `code` is one of these.\n\n"
		       "| code | status | meaning |\n|---|---|---|\n"));
	for (i = 0; i < countof(errors); i++) {
		buf_add(out, S("| `"));
		buf_add(out, str_from(errors[i].slug));
		buf_add(out, S("` | "));
		buf_int(out, errors[i].status);
		buf_add(out, S(" | "));
		buf_add(out, str_from(errors[i].meaning));
		buf_add(out, S(" |\n"));
	}
}

void settings_print(struct buf *out)
{
	static const struct {
		const char *name, *fallback, *about;
		unsigned flags;
	} settings[] = {
#define SETTING(name, type, def, min, max, flags, about) {#name, def, about, flags},
#include "core/settings.def"
#undef SETTING
	};
	size_t i, k;

	buf_add(out, S("# Settings\n\nFrom the environment, or from the file of `--config` under the name in lower "
		       "case without `COLLECT_`.\n\n"
		       "| variable | default | meaning |\n|---|---|---|\n"));
	for (i = 0; i < countof(settings); i++) {
		buf_add(out, S("| `COLLECT_"));
		for (k = 0; settings[i].name[k]; k++) {
			char c = settings[i].name[k];

			buf_char(out, c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
		}
		buf_add(out, S("` | "));
		buf_add(out, str_from(settings[i].fallback));
		buf_add(out, S(" | "));
		buf_add(out, str_from(settings[i].about));
		if (settings[i].flags & SETTING_SECRET)
			buf_add(out, S(" Secret: `_FILE` behind the name gives a file that holds it."));
		if (settings[i].flags & SETTING_RELOADABLE)
			buf_add(out, S(" Read again on HUP."));
		buf_add(out, S(" |\n"));
	}
}

/* ---- /openapi.json ---- */

#define OPENAPI_MAX_BYTES (8 * MB)
/* A good deal smaller than gzip's best and made in milliseconds; the best level would hold up the first reader. */
#define OPENAPI_BROTLI_QUALITY 9

struct openapi {
	pthread_mutex_t lock;
	struct arena arena;
	bool made;
	struct str identity, gzip, br, etag;
};

enum err openapi_open(struct openapi **out)
{
	struct openapi *o = calloc(1, sizeof *o);

	if (!o)
		return ERR_MEMORY;
	pthread_mutex_init(&o->lock, NULL);
	arena_init(&o->arena, &arena_malloc, OPENAPI_MAX_BYTES);
	*out = o;
	return OK;
}

void openapi_close(struct openapi *o)
{
	if (!o)
		return;
	arena_free(&o->arena);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* A form that cannot be made stays empty: the reply then goes out as it is. */
static void openapi_compress(struct openapi *o)
{
	size_t room = BrotliEncoderMaxCompressedSize(o->identity.n);
	unsigned char *br = arena_alloc(&o->arena, room), *gzip;
	z_stream z = {0};

	if (br && BrotliEncoderCompress(OPENAPI_BROTLI_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, o->identity.n,
		      (const unsigned char *)o->identity.p, &room, br))
		o->br = str_make((char *)br, room);
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	room = deflateBound(&z, o->identity.n);
	gzip = arena_alloc(&o->arena, room);
	z.next_in = (unsigned char *)o->identity.p;
	z.avail_in = (unsigned)o->identity.n;
	z.next_out = gzip;
	z.avail_out = (unsigned)room;
	if (gzip && deflate(&z, Z_FINISH) == Z_STREAM_END)
		o->gzip = str_make((char *)gzip, z.total_out);
	deflateEnd(&z);
}

static enum err openapi_make(struct openapi *o, const struct app *app)
{
	unsigned char digest[32];
	struct buf etag;
	enum err e;

	if ((e = openapi_print(app, &o->arena, &o->identity)))
		return e;
	sha256_of(o->identity, digest);
	buf_init(&etag, &o->arena, 64);
	buf_char(&etag, '"');
	hex_put(&etag, digest, 8);
	buf_char(&etag, '"');
	if ((e = buf_done(&etag, &o->etag)))
		return e;
	openapi_compress(o);
	o->made = true;
	return OK;
}

static enum err openapi_http(struct req *rq)
{
	struct openapi *o = rq->app->openapi;
	enum err e = OK;

	pthread_mutex_lock(&o->lock);
	if (!o->made) {
		arena_reset(&o->arena);
		e = openapi_make(o, rq->app);
	}
	pthread_mutex_unlock(&o->lock);
	if (e)
		return e;
	reply_header(rq, S("Access-Control-Allow-Origin"), S("*"));
	return reply_static(rq, S("application/json"), o->identity, o->gzip, o->br, o->etag);
}

/* ---- small files ---- */

static enum err robots_http(struct req *rq)
{
	return reply_text(
	    rq, 200, S("text/plain; charset=utf-8"), S("User-agent: *\nDisallow: /api/\nDisallow: /s/\n"));
}

static enum err favicon_http(struct req *rq)
{
	reply_header(rq, S("Cache-Control"), S("public, max-age=86400"));
	return reply_text(rq, 200, S("image/svg+xml"),
	    S("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" "
	      "rx=\"7\" fill=\"#0b5cad\"/>"
	      "<path d=\"M8 17l5 5 11-12\" fill=\"none\" stroke=\"#fff\" stroke-width=\"4\" stroke-linecap=\"round\" "
	      "stroke-linejoin=\"round\"/></svg>"));
}

#define PLAIN (ROUTE_NO_TX | ROUTE_HIDDEN)
const struct route document_routes[] = {
    {HTTP_GET, "/", PERM_NONE, RATE_NONE, NULL, NULL, 200, start_http, "What this is", .flags = PLAIN | ROUTE_INLINE,
	.out_type = "text/html"},
    {HTTP_GET, "/docs/errors", PERM_NONE, RATE_NONE, NULL, NULL, 200, errors_http, "The errors of the API",
	.flags = PLAIN | ROUTE_INLINE, .out_type = "text/html"},
    {HTTP_GET, "/openapi.json", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, openapi_http, "The API's description",
	.flags = PLAIN, .out_type = "application/json"},
    {HTTP_GET, "/robots.txt", PERM_NONE, RATE_NONE, NULL, NULL, 200, robots_http, "For crawlers",
	.flags = PLAIN | ROUTE_INLINE, .out_type = "text/plain"},
    {HTTP_GET, "/favicon.ico", PERM_NONE, RATE_NONE, NULL, NULL, 200, favicon_http, "The icon",
	.flags = PLAIN | ROUTE_INLINE, .out_type = "image/svg+xml"},
    ROUTE_END,
};

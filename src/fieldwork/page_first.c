/* page_first.c - a kept page is two pieces, before and after the state, each compressed for itself. A reply in gzip is head, the state as a stored
 * block, tail, and the checksum worked out from theirs, so nothing is compressed for a single respondent. */
#include "fieldwork/page_first.h"
#include <zlib.h>
#include "fieldwork/page_html.h"

#define STORED_MAX_BYTES 65535 /* of a block of deflate */
#define GZIP_FRAME_BYTES (10 + 5 + 8)
#define FIRST_PAGE_TTL_MS 3600000

struct first_page {
	struct str head, tail, head_deflated, tail_deflated;
	uint32_t head_crc, tail_crc;
	z_off_t tail_shift; /* crc32_combine_gen() of the tail's length */
	int32_t page, percent;
	struct str *shown;
	size_t shown_count;
};

/* What is kept, on its way through the cache: "PAGE PERCENT STATE-AT COUNT NAME NAME ...\n" and the page without a state. */
struct page_bytes {
	struct str rest;
};

static bool read_number(struct page_bytes *b, int64_t max, int64_t *out)
{
	return str_to_int(str_cut(&b->rest, ' ', NULL), out) && *out >= 0 && *out <= max;
}

static enum err deflated(struct arena *a, struct str plain, int flush, struct str *out)
{
	z_stream z = {0};
	uLong room;
	char *p;
	int rc;

	if (deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return ERR_MEMORY;
	room = deflateBound(&z, plain.n) + 16;
	if (!(p = arena_alloc(a, room))) {
		deflateEnd(&z);
		return ERR_MEMORY;
	}
	z.next_in = (unsigned char *)(uintptr_t)plain.p;
	z.avail_in = (uInt)plain.n;
	z.next_out = (unsigned char *)p;
	z.avail_out = (uInt)room;
	rc = deflate(&z, flush);
	*out = str_make(p, z.total_out);
	deflateEnd(&z);
	return rc == (flush == Z_FINISH ? Z_STREAM_END : Z_OK) && z.avail_in == 0 ? OK : ERR_INTERNAL;
}

static uint32_t crc_of(struct str s)
{
	return (uint32_t)crc32(0, (const unsigned char *)s.p, (uInt)s.n);
}

static enum err make_pieces(struct arena *a, struct str html, size_t at, struct first_page *f)
{
	enum err e;

	f->head = str_sub(html, 0, at);
	f->tail = str_sub(html, at, html.n - at);
	f->head_crc = crc_of(f->head);
	f->tail_crc = crc_of(f->tail);
	f->tail_shift = crc32_combine_gen((z_off_t)f->tail.n);
	if ((e = deflated(a, f->head, Z_SYNC_FLUSH, &f->head_deflated)))
		return e;
	return deflated(a, f->tail, Z_FINISH, &f->tail_deflated);
}

static enum err first_page_make(struct arena *a, struct str bytes, void **object)
{
	struct first_page *f = arena_new(a, struct first_page);
	struct page_bytes b = {0};
	int64_t page, percent, at, count;
	struct str line;

	if (!f || !(b.rest = str_dup(a, bytes)).p)
		return ERR_MEMORY;
	line = str_cut(&b.rest, '\n', NULL);
	struct page_bytes head = {line};

	if (!read_number(&head, INT32_MAX, &page) || !read_number(&head, 100, &percent) ||
	    !read_number(&head, (int64_t)b.rest.n, &at) || !read_number(&head, (int64_t)line.n, &count))
		return ERR_INVALID;
	f->page = (int32_t)page;
	f->percent = (int32_t)percent;
	if (!(f->shown = arena_array(a, struct str, (size_t)count + 1)))
		return ERR_MEMORY;
	for (; f->shown_count < (size_t)count; f->shown_count++)
		f->shown[f->shown_count] = str_cut(&head.rest, ' ', NULL);
	*object = f;
	return make_pieces(a, b.rest, (size_t)at, f);
}

static const struct cache_kind first_page_cache = {"first-page", FIRST_PAGE_TTL_MS, 0, first_page_make};

static enum err key_of(const struct sitting *s, struct str *key)
{
	const struct resolved *r = s->link;
	struct arena *a = s->rq->arena;
	struct buf b;

	buf_init(&b, a, CACHE_KEY_MAX_BYTES);
	buf_add(&b, uuid_str(a, &r->link.tenant_id));
	buf_char(&b, ':');
	buf_add(&b, uuid_str(a, &r->link.link_id));
	buf_char(&b, ':');
	buf_int(&b, r->link.version);
	buf_char(&b, ':');
	buf_add(&b, uuid_str(a, &r->live.version_id));
	buf_char(&b, ':');
	buf_add(&b, s->state.language);
	return buf_done(&b, key);
}

static bool may_keep(const struct sitting *s)
{
	return (!s->state.parameters || s->state.parameters->count == 0) && s->state.filled_count == 0;
}

/* ---- showing ---- */

static void put_little(struct buf *b, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_char(b, (char)(v >> 8 * i & 255));
}

static enum err gzip_of(struct arena *a, const struct first_page *f, struct str state, struct str *out)
{
	static const char header[10] = {31, (char)139, 8, 0, 0, 0, 0, 0, 2, (char)255};
	uint32_t crc = (uint32_t)crc32(f->head_crc, (const unsigned char *)state.p, (uInt)state.n);
	size_t n = f->head_deflated.n + state.n + f->tail_deflated.n + GZIP_FRAME_BYTES;
	struct buf b;

	buf_init(&b, a, n);
	buf_room(&b, n);
	buf_add(&b, str_make(header, sizeof(header)));
	buf_add(&b, f->head_deflated);
	buf_char(&b, 0); /* a stored block, and not the last */
	put_little(&b, (uint32_t)state.n, 2);
	put_little(&b, ~(uint32_t)state.n, 2);
	buf_add(&b, state);
	buf_add(&b, f->tail_deflated);
	put_little(&b, (uint32_t)crc32_combine_op(crc, f->tail_crc, f->tail_shift), 4);
	put_little(&b, (uint32_t)(f->head.n + state.n + f->tail.n), 4);
	return buf_done(&b, out);
}

static enum err plain_of(struct arena *a, const struct first_page *f, struct str state, struct str *out)
{
	size_t n = f->head.n + state.n + f->tail.n;
	struct buf b;

	buf_init(&b, a, n);
	buf_room(&b, n);
	buf_add(&b, f->head);
	buf_add(&b, state);
	buf_add(&b, f->tail);
	return buf_done(&b, out);
}

static enum err show(struct sitting *s, const struct first_page *f)
{
	struct arena *a = s->rq->arena;
	struct str plain, gzip = {0};
	enum err e;

	s->state.page = f->page;
	s->state.percent = f->percent;
	s->state.shown = f->shown;
	s->state.shown_count = f->shown_count;
	if ((e = page_state_seal(s->rq->app->vault, &s->state, a, &s->sealed)) ||
	    (e = plain_of(a, f, s->sealed, &plain)))
		return e;
	/* who takes no gzip gets what is compressed for him alone, or nothing of it */
	if (s->sealed.n <= STORED_MAX_BYTES && str_find(req_header(s->rq, S("Accept-Encoding")), S("gzip"), NULL) &&
	    (e = gzip_of(a, f, s->sealed, &gzip)))
		return e;
	return page_reply_bytes(s->rq, plain, gzip);
}

enum err page_first_show(struct sitting *s, bool *shown)
{
	struct cache *cache = s->rq->app->cache;
	struct cache_entry *pin;
	struct str key;
	enum err e;

	*shown = false;
	if (!may_keep(s))
		return OK;
	if ((e = key_of(s, &key)))
		return e;
	if (!(pin = cache_peek(cache, &first_page_cache, key)))
		return OK;
	e = show(s, cache_object(pin));
	s->state.shown = NULL; /* it was the cache's */
	s->state.shown_count = 0;
	cache_release(cache, pin);
	*shown = !e;
	return e;
}

/* ---- keeping ---- */

static enum err bytes_of(void *ctx, struct arena *a, struct str *bytes)
{
	const struct sitting *s = ctx;
	struct str html = s->rq->x->reply.body;
	size_t at = 0;
	struct buf b;

	if (s->sealed.n == 0 || !str_find(html, s->sealed, &at))
		return ERR_INTERNAL;
	buf_init(&b, a, PAGE_MAX_BYTES);
	buf_int(&b, s->state.page);
	buf_char(&b, ' ');
	buf_int(&b, s->state.percent);
	buf_char(&b, ' ');
	buf_int(&b, (int64_t)at);
	buf_char(&b, ' ');
	buf_int(&b, (int64_t)s->state.shown_count);
	for (size_t i = 0; i < s->state.shown_count; i++) {
		buf_char(&b, ' ');
		buf_add(&b, s->state.shown[i]);
	}
	buf_char(&b, '\n');
	buf_add(&b, str_sub(html, 0, at));
	buf_add(&b, str_sub(html, at + s->sealed.n, html.n - at - s->sealed.n));
	return buf_done(&b, bytes);
}

void page_first_keep(struct sitting *s)
{
	struct cache *cache = s->rq->app->cache;
	struct cache_entry *pin;
	struct str key;

	if (s->individual || !may_keep(s) || s->rq->x->reply.status != 200 || key_of(s, &key))
		return;
	if (!cache_get(cache, &first_page_cache, key, s->rq->arena, bytes_of, s, &pin))
		cache_release(cache, pin);
}

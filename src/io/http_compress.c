#include "io/http_impl.h"

#include <brotli/encode.h>
#include <zlib.h>

/* Text is sent once and read once: speed before the last percent. */
#define GZIP_LEVEL 4
#define BROTLI_QUALITY 4
#define BROTLI_WINDOW 18

/* "0.5" in thousandths; anything unreadable counts as 0, so that it is not chosen. */
static int quality(struct str params)
{
	while (params.n > 0) {
		struct str p = str_trim(str_cut(&params, ';', NULL));
		int q = 0, scale = 1000;

		if (p.n < 3 || (p.p[0] | 32) != 'q' || p.p[1] != '=')
			continue;
		if (p.p[2] != '0' && p.p[2] != '1')
			return 0;
		q = (p.p[2] - '0') * 1000;
		for (size_t i = 4; i < p.n && i < 7 && p.p[i] >= '0' && p.p[i] <= '9'; i++)
			q += (p.p[i] - '0') * (scale /= 10);
		return q > 1000 ? 1000 : q;
	}
	return 1000;
}

enum coding coding_choose(struct str accept, unsigned offered)
{
	int q[3] = {-1, -1, -1}, rest = -1, best = 0;
	enum coding chosen = CODING_IDENTITY;

	while (accept.n > 0) {
		struct str params = str_cut(&accept, ',', NULL), name = str_trim(str_cut(&params, ';', NULL));
		int v = quality(params);

		if (str_eq_nocase(name, S("br")))
			q[CODING_BR] = v;
		else if (str_eq_nocase(name, S("gzip")) || str_eq_nocase(name, S("x-gzip")))
			q[CODING_GZIP] = v;
		else if (str_eq_nocase(name, S("identity")))
			q[CODING_IDENTITY] = v;
		else if (str_eq(name, S("*")))
			rest = v;
	}
	for (int c = CODING_GZIP; c <= CODING_BR; c++) {
		int v = q[c] >= 0 ? q[c] : rest > 0 ? rest : 0;

		if ((offered >> c & 1) && v > 0 && v >= best && v >= q[CODING_IDENTITY]) {
			best = v;
			chosen = c;
		}
	}
	return chosen;
}

static bool gzip(struct arena *a, struct str in, struct str *out)
{
	z_stream z = {0};
	char *to;
	bool good;

	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	/* Larger than the original is of no use, so there is no room for it. */
	if ((to = arena_alloc(a, in.n))) {
		z.next_in = (Bytef *)(uintptr_t)in.p;
		z.avail_in = in.n;
		z.next_out = (Bytef *)to;
		z.avail_out = in.n;
	}
	good = to && deflate(&z, Z_FINISH) == Z_STREAM_END;
	*out = str_make(to, z.total_out);
	deflateEnd(&z);
	return good;
}

static bool brotli(struct arena *a, struct str in, struct str *out)
{
	size_t n = in.n;
	char *to = arena_alloc(a, in.n);

	if (!to || !BrotliEncoderCompress(
		       BROTLI_QUALITY, BROTLI_WINDOW, BROTLI_MODE_TEXT, in.n, (const uint8_t *)in.p, &n, (uint8_t *)to))
		return false;
	*out = str_make(to, n);
	return true;
}

bool compress_body(struct arena *a, enum coding c, struct str in, struct str *out)
{
	return c == CODING_BR ? brotli(a, in, out) : gzip(a, in, out);
}

struct gzip_stream {
	z_stream z;
	unsigned char out[16 * KB];
};

struct gzip_stream *gzip_open(struct arena *a)
{
	struct gzip_stream *g = arena_new(a, struct gzip_stream);

	if (g && deflateInit2(&g->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	return g;
}

enum err gzip_put(
    struct gzip_stream *g, struct str in, bool last, enum err (*out)(void *ctx, struct str bytes), void *ctx)
{
	enum err e = OK;

	g->z.next_in = (Bytef *)(uintptr_t)in.p;
	g->z.avail_in = in.n;
	do {
		g->z.next_out = g->out;
		g->z.avail_out = sizeof(g->out);
		if (deflate(&g->z, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
			return ERR_INTERNAL;
		if (g->z.avail_out < sizeof(g->out))
			e = out(ctx, str_make((const char *)g->out, sizeof(g->out) - g->z.avail_out));
	} while (!e && g->z.avail_out == 0);
	return e;
}

void gzip_close(struct gzip_stream *g)
{
	deflateEnd(&g->z);
}

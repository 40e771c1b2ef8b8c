/* qr.c - see qr.h. */
#include "io/qr.h"
#include <errno.h>
#include <qrencode.h>
#include <string.h>
#include <zlib.h>
#include "base/limits.h"

#define PNG_CHUNK_BYTES 12 /* length, name and checksum around the data of each */

enum err qr_make(struct arena *a, struct str text, struct qr *out)
{
	unsigned char *modules;
	size_t count;
	QRcode *code;

	if (text.n == 0)
		return ERR_INVALID;
	if (text.n > QR_TEXT_MAX_BYTES)
		return ERR_LIMIT;
	code = QRcode_encodeData((int)text.n, (const unsigned char *)text.p, 0, QR_ECLEVEL_M);
	if (!code)
		return errno == ENOMEM ? ERR_MEMORY : ERR_INTERNAL;
	count = (size_t)code->width * (size_t)code->width;
	modules = arena_alloc(a, count);
	/* The library's other bits say what a module is for. */
	for (size_t i = 0; modules && i < count; i++)
		modules[i] = code->data[i] & 1;
	*out = (struct qr){code->width, modules};
	QRcode_free(code);
	return modules ? OK : ERR_MEMORY;
}

static int side_modules(const struct qr *qr)
{
	return qr->size + 2 * QR_QUIET_MODULES;
}

/* Each run of black modules is a line as thick as a module; lines begin where the one before ended. */
static void svg_row(struct buf *b, const struct qr *qr, int y)
{
	const unsigned char *row = qr->modules + (size_t)y * (size_t)qr->size;
	bool begun = false;
	int end = 0;

	for (int x = 0, from; x < qr->size; x++) {
		if (!row[x])
			continue;
		for (from = x; x < qr->size && row[x]; x++)
			;
		buf_char(b, begun ? 'm' : 'M');
		buf_int(b, begun ? from - end : from + QR_QUIET_MODULES);
		buf_char(b, ' ');
		if (begun) {
			buf_char(b, '0');
		} else {
			buf_int(b, y + QR_QUIET_MODULES);
			buf_add(b, S(".5"));
		}
		buf_char(b, 'h');
		buf_int(b, x - from);
		begun = true;
		end = x;
	}
}

enum err qr_svg(struct arena *a, const struct qr *qr, int scale, struct str *out)
{
	int side = side_modules(qr);
	struct buf b;

	if (scale < 1 || scale > QR_SCALE_MAX)
		return ERR_LIMIT;
	buf_init(&b, a, QR_SVG_MAX_BYTES);
	buf_add(&b, S("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\""));
	buf_int(&b, side * scale);
	buf_add(&b, S("\" height=\""));
	buf_int(&b, side * scale);
	buf_add(&b, S("\" viewBox=\"0 0 "));
	buf_int(&b, side);
	buf_char(&b, ' ');
	buf_int(&b, side);
	/* Without crispEdges, smoothing leaves grey seams between rows at odd sizes. */
	buf_add(&b, S("\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h"));
	buf_int(&b, side);
	buf_char(&b, 'v');
	buf_int(&b, side);
	buf_add(&b, S("H0z\"/><path stroke=\"#000\" d=\""));
	for (int y = 0; y < qr->size; y++)
		svg_row(&b, qr, y);
	buf_add(&b, S("\"/></svg>\n"));
	return buf_done(&b, out);
}

static void png_number(unsigned char *p, unsigned long v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i) & 255);
}

static void png_chunk(struct buf *b, const char *name, const unsigned char *data, size_t n)
{
	unsigned char *p = (unsigned char *)buf_room(b, n + PNG_CHUNK_BYTES);

	if (!p)
		return;
	png_number(p, n);
	memcpy(p + 4, name, 4);
	if (n)
		memcpy(p + 8, data, n);
	png_number(p + 8 + n, crc32(0, p + 4, (uInt)n + 4));
	b->n += n + PNG_CHUNK_BYTES;
}

/* The pixels of one row of modules, eight to a byte and the first one highest, white being 1; before them the row's filter, none. */
static void png_row(const struct qr *qr, int y, int scale, unsigned char *row, size_t bytes)
{
	memset(row, 255, bytes);
	row[0] = 0;
	if (y < 0 || y >= qr->size)
		return;
	for (int x = 0; x < qr->size; x++) {
		if (!qr->modules[(size_t)y * (size_t)qr->size + (size_t)x])
			continue;
		for (int i = 0; i < scale; i++) {
			int at = (x + QR_QUIET_MODULES) * scale + i;

			row[1 + at / 8] &= (unsigned char)~(128 >> at % 8);
		}
	}
}

static enum err png_pixels(struct arena *a, const struct qr *qr, int scale, struct str *out)
{
	int side = side_modules(qr);
	size_t row_bytes = 1 + ((size_t)(side * scale) + 7) / 8, all = row_bytes * (size_t)(side * scale);
	unsigned char *pixels = arena_alloc(a, all);
	uLongf packed_bytes = compressBound(all);
	unsigned char *packed = arena_alloc(a, packed_bytes);

	if (!pixels || !packed)
		return ERR_MEMORY;
	for (int y = 0; y < side; y++) {
		unsigned char *first = pixels + (size_t)(y * scale) * row_bytes;

		png_row(qr, y - QR_QUIET_MODULES, scale, first, row_bytes);
		for (int i = 1; i < scale; i++)
			memcpy(first + (size_t)i * row_bytes, first, row_bytes);
	}
	if (compress2(packed, &packed_bytes, pixels, all, 9) != Z_OK)
		return ERR_MEMORY;
	*out = str_make((const char *)packed, packed_bytes);
	return OK;
}

enum err qr_png(struct arena *a, const struct qr *qr, int scale, struct str *out)
{
	/* width, height, one bit a pixel, grey, and the only compression, filters and order that are not interlaced */
	unsigned char head[13] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
	struct str packed;
	struct buf b;
	enum err e;

	if (scale < 1 || scale > QR_SCALE_MAX)
		return ERR_LIMIT;
	if ((e = png_pixels(a, qr, scale, &packed)))
		return e;
	png_number(head, (unsigned long)(side_modules(qr) * scale));
	png_number(head + 4, (unsigned long)(side_modules(qr) * scale));
	buf_init(&b, a, packed.n + KB);
	buf_add(&b, S("\x89PNG\r\n\x1a\n"));
	png_chunk(&b, "IHDR", head, sizeof(head));
	png_chunk(&b, "IDAT", (const unsigned char *)packed.p, packed.n);
	png_chunk(&b, "IEND", NULL, 0);
	return buf_done(&b, out);
}

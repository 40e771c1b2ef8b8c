/* qr.h - a text as a QR picture, SVG for screens and print, PNG for programs that want pixels. Modules come from libqrencode.
 *
 *     struct qr qr;
 *     struct str svg, png;
 *     if ((e = qr_make(rq->arena, url, &qr)) || (e = qr_svg(rq->arena, &qr, 4, &svg)))
 *             return e;
 *     return reply_text(rq, 200, S("image/svg+xml"), svg);
 *
 * The text is taken byte for byte (mode "8-bit", UTF-8 as scanners read it), with correction level M: 15 % of the picture may be covered or dirty.
 * The smallest of the 40 sizes that holds it is taken, so the same text gives the same picture, byte for byte; it may be kept and given an ETag.
 * Pictures are black on white whatever is behind them, with the four empty modules around that scanners need, and nothing of the text but its
 * modules is in them: there is nothing to escape. Whoever shows one puts words beside it or into `alt`.
 *
 * Thread-safe; the results live in the arena. Failures: ERR_INVALID for an empty text, ERR_LIMIT for one longer than QR_TEXT_MAX_BYTES or a scale
 * out of range, ERR_MEMORY. */
#ifndef IO_QR_H
#define IO_QR_H

#include "base/arena.h"
#include "base/str.h"

#define QR_QUIET_MODULES 4 /* empty, on each side */
#define QR_SCALE_MAX 64	   /* pixels a module */

struct qr {
	int size;		      /* modules on a side, 21..177, without what is empty around them */
	const unsigned char *modules; /* size * size, row by row: 1 black, 0 white */
};

enum err qr_make(struct arena *a, struct str text, struct qr *out);

/* `scale`: pixels a module, 1..QR_SCALE_MAX, so that a side is (size + 2 * QR_QUIET_MODULES) * scale. In the SVG that is width and height only,
 * which a page's style may change. 5 to 15 kB for most links. */
enum err qr_svg(struct arena *a, const struct qr *qr, int scale, struct str *out);
/* One bit a pixel, compressed: 1 to 4 kB for most links. */
enum err qr_png(struct arena *a, const struct qr *qr, int scale, struct str *out);

#endif

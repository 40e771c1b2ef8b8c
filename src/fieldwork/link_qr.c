/* /api/v1/surveys/{id}/links/{link_id}/qr.svg and qr.png: a link's address as a picture. */
#include "base/hash.h"
#include "fieldwork/link.h"
#include "io/qr.h"
#include "sql.h"

#define QR_SCALE_DEFAULT 8

struct qr_query {
	int64_t scale;
	bool download;
};
static const struct field qr_query_fields[] = {
    FIELD(struct qr_query, scale, FT_INT, OPTIONAL, 1, QR_SCALE_MAX, "Pixels a module; 8 when absent"),
    FIELD(struct qr_query, download, FT_BOOL, OPTIONAL, 0, 0, "Have browsers save it as a file"),
};
static const struct shape qr_query_shape = SHAPE("QrQuery", struct qr_query, qr_query_fields);

struct picture {
	struct str slug, url, end; /* end: "svg", "png" */
	int scale;
	bool download;
};

static enum err read_link(struct req *rq, struct picture *p)
{
	static const struct pg_col cols[] = {COL(struct picture, slug, PGT_TEXT)};
	const struct qr_query *query = rq->query;
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};
	struct buf b;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_slug, in, cols), p)))
		return e;
	p->scale = query->scale ? (int)query->scale : QR_SCALE_DEFAULT;
	p->download = query->download;
	buf_init(&b, rq->arena, QR_TEXT_MAX_BYTES);
	buf_add(&b, str_from(rq->app->public_url));
	buf_add(&b, S("/s/"));
	buf_add(&b, p->slug);
	return buf_done(&b, &p->url);
}

/* The same address and size are the same picture. */
static enum err tag_of(struct req *rq, const struct picture *p, struct str *etag)
{
	unsigned char sum[32];
	struct buf b;
	struct str text;
	enum err e;

	buf_init(&b, rq->arena, QR_TEXT_MAX_BYTES + 64);
	buf_add(&b, p->end);
	buf_char(&b, ' ');
	buf_int(&b, p->scale);
	buf_char(&b, ' ');
	buf_add(&b, p->url);
	if ((e = buf_done(&b, &text)))
		return e;
	sha256_of(text, sum);
	buf_init(&b, rq->arena, 64);
	buf_char(&b, '"');
	base64url_put(&b, sum, 16);
	buf_char(&b, '"');
	return buf_done(&b, etag);
}

static enum err put_name(struct req *rq, const struct picture *p)
{
	struct str name;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 256);
	buf_add(&b, p->download ? S("attachment") : S("inline"));
	buf_add(&b, S("; filename=\""));
	buf_add(&b, p->slug);
	buf_char(&b, '.');
	buf_add(&b, p->end);
	buf_char(&b, '"');
	if ((e = buf_done(&b, &name)))
		return e;
	reply_header(rq, S("Content-Disposition"), name);
	return OK;
}

static enum err link_svg_http(struct req *rq)
{
	struct picture p = {.end = S("svg")};
	struct str etag, svg;
	struct qr qr;
	enum err e;

	if ((e = read_link(rq, &p)) || (e = tag_of(rq, &p, &etag)))
		return e;
	if (reply_not_modified(rq, etag))
		return OK;
	if ((e = qr_make(rq->arena, p.url, &qr)) || (e = qr_svg(rq->arena, &qr, p.scale, &svg)) ||
	    (e = put_name(rq, &p)))
		return e;
	return reply_text(rq, 200, S("image/svg+xml"), svg);
}

static enum err link_png_http(struct req *rq)
{
	struct picture p = {.end = S("png")};
	struct str etag, png;
	struct qr qr;
	enum err e;

	if ((e = read_link(rq, &p)) || (e = tag_of(rq, &p, &etag)))
		return e;
	if (reply_not_modified(rq, etag))
		return OK;
	if ((e = qr_make(rq->arena, p.url, &qr)) || (e = qr_png(rq->arena, &qr, p.scale, &png)) ||
	    (e = put_name(rq, &p)))
		return e;
	return reply_text(rq, 200, S("image/png"), png);
}

#define QR "/api/v1/surveys/{id}/links/{link_id}/qr."
const struct route link_qr_routes[] = {
    {HTTP_GET, QR "svg", PERM_LINKS_READ, RATE_CONSOLE, NULL, NULL, 200, link_svg_http,
	"A link's address as a QR picture", .query = &qr_query_shape, .flags = ROUTE_READ | ROUTE_ETAG,
	.out_type = "image/svg+xml"},
    {HTTP_GET, QR "png", PERM_LINKS_READ, RATE_CONSOLE, NULL, NULL, 200, link_png_http,
	"A link's address as a QR picture, in pixels", .query = &qr_query_shape, .flags = ROUTE_READ | ROUTE_ETAG,
	.out_type = "image/png"},
    ROUTE_END,
};

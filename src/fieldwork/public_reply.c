#include "fieldwork/public_reply.h"
#include <brotli/encode.h>
#include <zlib.h>
#include "base/hash.h"
#include "base/time.h"

static enum err gzip_of(struct arena *a, struct str plain, struct str *out)
{
	z_stream z = {0};
	uLong room;
	char *p;
	int rc;

	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return ERR_MEMORY;
	room = deflateBound(&z, plain.n);
	if (!(p = arena_alloc(a, room))) {
		deflateEnd(&z);
		return ERR_MEMORY;
	}
	z.next_in = (unsigned char *)plain.p;
	z.avail_in = (uInt)plain.n;
	z.next_out = (unsigned char *)p;
	z.avail_out = (uInt)room;
	rc = deflate(&z, Z_FINISH);
	*out = str_make(p, z.total_out);
	deflateEnd(&z);
	return rc == Z_STREAM_END ? OK : ERR_INTERNAL;
}

static enum err brotli_of(struct arena *a, struct str plain, struct str *out)
{
	size_t n = BrotliEncoderMaxCompressedSize(plain.n);
	char *p = n ? arena_alloc(a, n) : NULL;

	if (!p)
		return ERR_MEMORY;
	if (!BrotliEncoderCompress(
		9, 22, BROTLI_MODE_TEXT, plain.n, (const unsigned char *)plain.p, &n, (unsigned char *)p))
		return ERR_INTERNAL;
	*out = str_make(p, n);
	return OK;
}

static enum err etag_of(struct arena *a, struct str plain, struct str *out)
{
	unsigned char sum[32];
	struct buf b;

	sha256_of(plain, sum);
	buf_init(&b, a, 64);
	buf_char(&b, '"');
	base64url_put(&b, sum, 16);
	buf_char(&b, '"');
	return buf_done(&b, out);
}

static enum err reply_make(struct arena *a, struct str bytes, void **object)
{
	struct public_reply *r = arena_new(a, struct public_reply);
	enum err e;

	if (!r)
		return ERR_MEMORY;
	r->identity = str_dup(a, bytes);
	if (!r->identity.p)
		return ERR_MEMORY;
	if ((e = gzip_of(a, bytes, &r->gzip)) || (e = brotli_of(a, bytes, &r->br)) || (e = etag_of(a, bytes, &r->etag)))
		return e;
	*object = r;
	return OK;
}

const struct cache_kind public_reply_cache = {"link-reply", 3600000, 0, reply_make};

enum err public_reply_key(struct arena *a, const struct resolved *r, struct str *key)
{
	struct buf b;

	buf_init(&b, a, 256);
	buf_add(&b, S("slug:"));
	buf_add(&b, r->link.slug);
	buf_char(&b, ':');
	buf_int(&b, r->link.version);
	buf_char(&b, ':');
	buf_add(&b, uuid_str(a, &r->live.version_id));
	return buf_done(&b, key);
}

static void put_time(struct json_out *w, struct str key, int64_t ms)
{
	char text[TIME_TEXT_BYTES];

	json_key(w, key);
	if (!ms) {
		json_put_null(w);
		return;
	}
	time_text(ms, text);
	json_put_str(w, str_make(text, sizeof(text)));
}

enum err public_reply_json(struct arena *a, const struct resolved *r, struct str *json)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, PAGE_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("slug"), r->link.slug);
	json_field_bool(&w, S("test"), r->link.test);
	json_field_bool(&w, S("code"), r->link.single_use);
	json_key(&w, S("proof_bits"));
	if (r->link.proof_bits > 0)
		json_put_int(&w, r->link.proof_bits);
	else
		json_put_null(&w);
	json_field_str(&w, S("survey_id"), uuid_str(a, &r->link.survey_id));
	json_field_int(&w, S("survey_version"), r->live.number);
	json_field_str(&w, S("title"), r->live.title);
	json_field_str(&w, S("language"), r->link.language.n ? r->link.language : r->live.language);
	json_field_raw(&w, S("languages"), r->live.languages);
	put_time(&w, S("opens_at"), r->link.opens_ms);
	put_time(&w, S("closes_at"), r->link.closes_ms);
	json_field_raw(&w, S("definition"), r->live.definition);
	json_close(&w, '}');
	return buf_done(&b, json);
}

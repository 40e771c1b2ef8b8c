/* The rules of links: slugs, making one, dropping what is cached of it. */
#include "fieldwork/link.h"
#include "base/hash.h"
#include "sql.h"

bool slug_ok(struct str slug)
{
	if (slug.n < 3 || slug.n > SLUG_MAX_BYTES || slug.p[0] == '-' || slug.p[slug.n - 1] == '-')
		return false;
	for (size_t i = 0; i < slug.n; i++) {
		char c = slug.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

enum err slug_random(struct arena *a, struct str *slug)
{
	static const char digits[32] = "23456789abcdefghijkmnpqrstuvwxyz";
	unsigned char random[10];
	char *p = arena_alloc(a, sizeof(random));

	if (!p)
		return ERR_MEMORY;
	random_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		p[i] = digits[random[i] & 31];
	*slug = str_make(p, sizeof(random));
	return OK;
}

/* The secret is text (base64url of 32 random bytes), so that a panel can paste it as its HMAC key. */
static enum err link_secret_new(struct arena *a, struct str *secret)
{
	unsigned char random[32];
	struct buf b;

	random_bytes(random, sizeof(random));
	buf_init(&b, a, 64);
	base64url_put(&b, random, sizeof(random));
	return buf_done(&b, secret);
}

enum err link_create(struct tx *tx, struct arena *a, const struct uuid *survey_id, const struct link_new *in,
    struct uuid *id, struct str *slug)
{
	static const struct pg_col none[] = {{"id", PGT_UUID, 0}};
	struct uuid made = uuid_new(), row;
	struct str secret, embed;
	enum err e;

	*slug = in->slug;
	if (slug->n == 0 && (e = slug_random(a, slug)))
		return e;
	if ((e = link_secret_new(a, &secret)) || (e = embed_text(a, &in->embed, &embed)))
		return e;
	const struct pg_param params[] = {P_UUID(survey_id), P_UUID(&made), P_TEXT(*slug), P_TEXT(in->title),
	    P_TEXT_OR_NULL(in->language), in->opens_at ? P_TIME(in->opens_at) : P_NULL(PGT_TIME),
	    in->closes_at ? P_TIME(in->closes_at) : P_NULL(PGT_TIME), P_BYTES(in->panel_json.n ? S("") : secret),
	    P_UUID_OR_NULL(tx_actor(tx)), P_TEXT(embed), P_TEXT(in->kind.n ? in->kind : S("open")),
	    in->max_completes ? P_INT(in->max_completes) : P_NULL(PGT_INT), P_BOOL(in->once_per_device),
	    in->panel_json.n ? P_JSON(in->panel_json) : P_NULL(PGT_JSON),
	    in->proof_bits ? P_INT(in->proof_bits) : P_NULL(PGT_INT),
	    P_TEXT(in->proof_mode.n ? in->proof_mode : S("require"))};
	const struct pg_param claim[] = {P_TEXT(*slug), P_UUID(&made)};

	if ((e = tx_one(tx, a, &Q(SQL_link_insert, params, none), &row)))
		return e;
	if ((e = tx_exec(tx, &Q_NO_OUT(SQL_link_claim_slug, claim), NULL)))
		return e;
	*id = made;
	return OK;
}

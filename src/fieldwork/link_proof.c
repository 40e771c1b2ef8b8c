/* link_proof.c - challenges, and looking at proofs of work. */
#include "fieldwork/link_proof.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/limits.h"
#include "fieldwork/writing.h"
#include "vault/vault.h"

#define NONCE_MAX_CHARS 20
#define RANDOM_BYTES 16
#define CHALLENGE_LIFE_S 3600

static const struct str challenge_context = {"fieldwork/proof/1", 17};

/* ---- the work ---- */

static bool nonce_ok(struct str nonce)
{
	if (nonce.n == 0 || nonce.n > NONCE_MAX_CHARS)
		return false;
	for (size_t i = 0; i < nonce.n; i++)
		if (!(nonce.p[i] >= '0' && nonce.p[i] <= '9') && !(nonce.p[i] >= 'a' && nonce.p[i] <= 'z'))
			return false;
	return true;
}

bool proof_holds(struct str text, struct str nonce, int64_t bits)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[32];
	char hex[64];
	struct sha256 h;

	if (!nonce_ok(nonce))
		return false;
	sha256_of(text, sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		hex[2 * i] = digits[sum[i] >> 4];
		hex[2 * i + 1] = digits[sum[i] & 15];
	}
	sha256_init(&h);
	sha256_add(&h, hex, sizeof(hex));
	sha256_add(&h, ":", 1);
	sha256_add(&h, nonce.p, nonce.n);
	sha256_done(&h, sum);
	for (int64_t i = 0; i < bits; i++)
		if (sum[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* ---- challenges: ENDS.BITS.RANDOM.MAC ---- */

static enum err signed_text(struct arena *a, const struct link_view *link, struct str head, struct str *text)
{
	struct buf b;

	buf_init(&b, a, 256);
	buf_add(&b, uuid_str(a, &link->link_id));
	buf_char(&b, '/');
	buf_add(&b, head);
	return buf_done(&b, text);
}

enum err proof_challenge(struct req *rq, const struct link_view *link, struct str *challenge, int64_t *ends_ms)
{
	int64_t ends_s = clock_now_ms() / 1000 + CHALLENGE_LIFE_S;
	unsigned char random[RANDOM_BYTES];
	struct str head, text, mac;
	struct buf b;
	enum err e;

	*challenge = (struct str){0};
	*ends_ms = 0;
	if (link->proof_bits == 0)
		return OK;
	*ends_ms = ends_s * 1000;
	random_bytes(random, sizeof(random));
	buf_init(&b, rq->arena, 256);
	buf_int(&b, ends_s);
	buf_char(&b, '.');
	buf_int(&b, link->proof_bits);
	buf_char(&b, '.');
	base64url_put(&b, random, sizeof(random));
	if ((e = buf_done(&b, &head)) || (e = signed_text(rq->arena, link, head, &text)) ||
	    (e = vault_token_mac(rq->app->vault, challenge_context, text, rq->arena, &mac)))
		return e;
	buf_char(&b, '.');
	buf_add(&b, mac);
	return buf_done(&b, challenge);
}

struct challenge {
	struct str whole, head, random, nonce;
	int64_t ends_s, bits;
};

static bool challenge_read(struct str proof, struct challenge *out)
{
	struct str rest, mac;
	size_t colon, dot;

	if (!str_find(proof, S(":"), &colon))
		return false;
	out->whole = str_sub(proof, 0, colon);
	out->nonce = str_sub(proof, colon + 1, proof.n);
	rest = out->whole;
	if (!str_to_int(str_cut(&rest, '.', NULL), &out->ends_s) || !str_to_int(str_cut(&rest, '.', NULL), &out->bits))
		return false;
	out->random = str_cut(&rest, '.', NULL);
	mac = rest;
	dot = out->whole.n - mac.n;
	out->head = str_sub(out->whole, 0, dot > 0 ? dot - 1 : 0);
	return mac.n > 0 && out->random.n > 0;
}

static enum err refuse(struct req *rq, const char *why)
{
	return req_fail(rq, ERR_INVALID, "/proof", why);
}

enum err proof_check(struct req *rq, const struct link_view *link, struct str proof)
{
	struct challenge c;
	struct str text, mac;
	enum err e;

	if (link->proof_bits == 0)
		return OK;
	if (proof.n == 0)
		return refuse(rq, "this link asks for a proof of work: .../challenge says what is to be done");
	if (!challenge_read(proof, &c))
		return refuse(rq, "this is no proof");
	mac = str_sub(c.whole, c.head.n + 1, c.whole.n);
	if ((e = signed_text(rq->arena, link, c.head, &text)))
		return e;
	e = vault_token_check(rq->app->vault, challenge_context, text, mac, rq->arena);
	if (e == ERR_INVALID)
		return refuse(rq, "this is no challenge of this link");
	if (e)
		return e;
	if (c.ends_s <= clock_now_ms() / 1000)
		return refuse(rq, "the challenge has ended");
	if (c.bits < link->proof_bits || !proof_holds(c.whole, c.nonce, c.bits))
		return refuse(rq, "the work is not done");
	return OK;
}

/* ---- once ---- */

/* Without Redis. Of so many that the oldest fall out each may be used again, until it ends. */
static bool spend_here(struct intake *in, struct str random, int64_t ends_s)
{
	struct proofs_spent *spent = &in->proofs;
	uint64_t hash = hash64(random, 0) | 1;
	bool known = false;

	pthread_mutex_lock(&in->lock);
	for (size_t i = 0; i < PROOFS_SPENT_MAX && !known; i++)
		known = spent->hashes[i] == hash && spent->ends_s[i] == ends_s;
	if (!known) {
		spent->hashes[spent->next] = hash;
		spent->ends_s[spent->next] = ends_s;
		spent->next = (spent->next + 1) % PROOFS_SPENT_MAX;
	}
	pthread_mutex_unlock(&in->lock);
	return !known;
}

/* As long as a challenge lives. */
static const char spend_script[] = "return {redis.call('SET', KEYS[1], '1', 'NX', 'EX', 3600) and 1 or 0}";
_Static_assert(CHALLENGE_LIFE_S == 3600, "the script says so too");

enum err proof_spend(struct req *rq, const struct link_view *link, struct str proof)
{
	struct challenge c;
	int64_t fresh = 0;
	struct str key;
	struct buf b;
	enum err e;

	if (link->proof_bits == 0)
		return OK;
	if (!challenge_read(proof, &c))
		return ERR_INTERNAL;
	buf_init(&b, rq->arena, 256);
	buf_add(&b, uuid_str(rq->arena, &link->tenant_id));
	buf_add(&b, S(":proof:"));
	buf_add(&b, uuid_str(rq->arena, &link->link_id));
	buf_char(&b, ':');
	buf_add(&b, c.random);
	if ((e = buf_done(&b, &key)))
		return e;
	const struct str args[] = {key};

	if (redis_run(rq->app->redis, &(struct redis_script){spend_script, args, 1, 1}, &fresh, 1))
		fresh = spend_here(rq->app->intake, c.random, c.ends_s);
	return fresh ? OK : refuse(rq, "this proof was used");
}

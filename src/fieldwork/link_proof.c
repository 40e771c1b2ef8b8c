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

/* NULL in *why: it holds. */
static enum err look_at(struct req *rq, const struct link_view *link, struct str proof, const char **why)
{
	struct challenge c;
	struct str text, mac;
	enum err e;

	*why = "this link asks for a proof of work: .../challenge says what is to be done";
	if (proof.n == 0)
		return OK;
	*why = "this is no proof";
	if (!challenge_read(proof, &c))
		return OK;
	mac = str_sub(c.whole, c.head.n + 1, c.whole.n);
	if ((e = signed_text(rq->arena, link, c.head, &text)))
		return e;
	e = vault_token_check(rq->app->vault, challenge_context, text, mac, rq->arena);
	*why = "this is no challenge of this link";
	if (e)
		return e == ERR_INVALID ? OK : e;
	*why = "the challenge has ended";
	if (c.ends_s <= clock_now_ms() / 1000)
		return OK;
	*why = c.bits < link->proof_bits || !proof_holds(c.whole, c.nonce, c.bits) ? "the work is not done" : NULL;
	return OK;
}

enum err proof_check(struct req *rq, const struct link_view *link, struct str proof, bool *lacks)
{
	const char *why;
	enum err e;

	*lacks = false;
	if (link->proof_bits == 0)
		return OK;
	if ((e = look_at(rq, link, proof, &why)))
		return e;
	*lacks = why && link->proof_flags;
	return why && !*lacks ? refuse(rq, why) : OK;
}

unsigned proof_mark(const struct link_view *link, bool proved)
{
	return link->proof_bits > 0 && link->proof_flags && !proved ? MARK_NO_PROOF : 0;
}

/* ---- once ---- */

/* Whose it is: of a key and a payload, which may be sent again; without a key of this request alone. */
static enum err owner_of(struct req *rq, struct str key, const unsigned char payload_hash[32], struct str *owner)
{
	unsigned char sum[32], nobody[RANDOM_BYTES];
	struct sha256 h;
	struct buf b;

	sha256_init(&h);
	sha256_add(&h, payload_hash, 32);
	if (key.n > 0) {
		sha256_add(&h, key.p, key.n);
	} else {
		random_bytes(nobody, sizeof(nobody));
		sha256_add(&h, nobody, sizeof(nobody));
	}
	sha256_done(&h, sum);
	buf_init(&b, rq->arena, 2 * sizeof(sum));
	hex_put(&b, sum, sizeof(sum));
	return buf_done(&b, owner);
}

/* Without Redis. Of so many that the oldest fall out each may be used again, until it ends. */
static void spend_here(struct intake *in, struct proof_use *use, bool *mine)
{
	struct proofs_spent *spent = &in->proofs;
	const uint64_t hash = hash64(use->key, 0) | 1, owner = hash64(use->owner, 0);

	pthread_mutex_lock(&in->lock);
	use->fresh = true;
	for (size_t i = 0; i < PROOFS_SPENT_MAX && use->fresh; i++)
		if (spent->hashes[i] == hash && spent->ends_s[i] == use->ends_s) {
			use->fresh = false;
			*mine = spent->owners[i] == owner;
		}
	if (use->fresh) {
		*mine = true;
		use->here = spent->next;
		spent->hashes[spent->next] = hash;
		spent->owners[spent->next] = owner;
		spent->ends_s[spent->next] = use->ends_s;
		spent->next = (spent->next + 1) % PROOFS_SPENT_MAX;
	}
	pthread_mutex_unlock(&in->lock);
}

static void unspend_here(struct intake *in, const struct proof_use *use)
{
	struct proofs_spent *spent = &in->proofs;

	pthread_mutex_lock(&in->lock);
	if (spent->hashes[use->here] == (hash64(use->key, 0) | 1) && spent->owners[use->here] == hash64(use->owner, 0))
		spent->hashes[use->here] = 0;
	pthread_mutex_unlock(&in->lock);
}

/* As long as a challenge lives. */
static const char spend_script[] = "local owner = redis.call('GET', KEYS[1]) "
				   "if owner then return {owner == ARGV[1] and 1 or 0, 0} end "
				   "redis.call('SET', KEYS[1], ARGV[1], 'EX', 3600) "
				   "return {1, 1}";
_Static_assert(CHALLENGE_LIFE_S == 3600, "the script says so too");
static const char unspend_script[] =
    "return {redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0}";

enum err proof_spend(
    struct req *rq, const struct link_view *link, const struct proof_for *what, struct proof_use *use, bool *lacks)
{
	struct challenge c;
	int64_t r[2] = {0};
	bool mine = false;
	struct buf b;
	enum err e;

	*use = (struct proof_use){.here = PROOFS_SPENT_MAX};
	if (link->proof_bits == 0 || *lacks)
		return OK;
	if (!challenge_read(what->proof, &c))
		return ERR_INTERNAL;
	buf_init(&b, rq->arena, 256);
	buf_add(&b, uuid_str(rq->arena, &link->tenant_id));
	buf_add(&b, S(":proof:"));
	buf_add(&b, uuid_str(rq->arena, &link->link_id));
	buf_char(&b, ':');
	buf_add(&b, c.random);
	if ((e = buf_done(&b, &use->key)) || (e = owner_of(rq, what->key, what->payload_hash, &use->owner)))
		return e;
	use->ends_s = c.ends_s;
	const struct str args[] = {use->key, use->owner};

	if (redis_run(rq->app->redis, &(struct redis_script){spend_script, args, 1, 2}, r, countof(r))) {
		spend_here(rq->app->intake, use, &mine);
	} else {
		mine = r[0] != 0;
		use->fresh = r[1] != 0;
	}
	*lacks = !mine && link->proof_flags;
	return mine || *lacks ? OK : refuse(rq, "this proof was used");
}

void proof_unspend(struct req *rq, const struct proof_use *use)
{
	const struct str args[] = {use->key, use->owner};
	int64_t gone;

	if (!use->fresh)
		return;
	if (use->here < PROOFS_SPENT_MAX)
		unspend_here(rq->app->intake, use);
	else
		(void)redis_run(rq->app->redis, &(struct redis_script){unspend_script, args, 1, 2}, &gone, 1);
}

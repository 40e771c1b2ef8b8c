/* link_proof.h - open links that ask for some work before anything is stored, so that who sends answers by the thousand pays for each. No third party has part in it.
 * Room-internal.
 *
 * The work: a NONCE (1 to 20 of 0-9 and a-z) so that SHA-256 of "D:NONCE" begins with the link's number of zero bits, D being the SHA-256 of a text in lower-case hex. A
 * browser works on the sealed state of its first page: no two are the same, it ends with its age, and as all that comes of one state has one key, one piece of work stores one
 * answer. A program works on a challenge that it asks for, which is signed, ends, and is spent once: in Redis, or where that is away by this process alone. It is spent for one
 * Idempotency-Key and payload, which may come again: who did not hear whether his answer was stored sends the same, and the writers store it once. */
#ifndef FIELDWORK_LINK_PROOF_H
#define FIELDWORK_LINK_PROOF_H

#include "fieldwork/link.h"

#define PROOF_BITS_MIN 8
#define PROOF_BITS_MAX 24 /* some 16 million hashes: half a minute of a telephone */
#define PROOF_MAX_CHARS 200
#define PAGE_PROOF_FIELD "@proof" /* no question's field can be called so */

bool proof_holds(struct str text, struct str nonce, int64_t bits);

/* For a program; empty where the link asks for none. */
enum err proof_challenge(struct req *rq, const struct link_view *link, struct str *challenge, int64_t *ends_ms);
/* proof: "CHALLENGE:NONCE". OK too where the link asks for none, or takes answers without (proof_flags): then *lacks says that the work is not done. ERR_INVALID, recorded
 * under /proof: none came, or it does not hold, or has ended. */
enum err proof_check(struct req *rq, const struct link_view *link, struct str proof, bool *lacks);
/* What an interview that was kept is marked with at its end. */
unsigned proof_mark(const struct link_view *link, bool proved);
/* One that holds is used now. ERR_INVALID, recorded, or *lacks: it was before, for another key or payload; without a key for any. *lacks as proof_check() left it. */
struct proof_for {
	struct str proof, key;
	const unsigned char *payload_hash; /* 32 bytes */
};
struct proof_use {
	struct str key, owner; /* key empty: the link asks for none, or none came */
	int64_t ends_s;
	size_t here; /* place in struct proofs_spent; PROOFS_SPENT_MAX: none */
	bool fresh;  /* it was not used before */
};
enum err proof_spend(
    struct req *rq, const struct link_view *link, const struct proof_for *what, struct proof_use *use, bool *lacks);
/* Nothing was stored for it: it is as before. Nothing happens when it was used already. */
void proof_unspend(struct req *rq, const struct proof_use *use);

/* What was spent while Redis is away; of struct intake, under its lock. */
#define PROOFS_SPENT_MAX 4096
struct proofs_spent {
	uint64_t hashes[PROOFS_SPENT_MAX]; /* 0: none */
	uint64_t owners[PROOFS_SPENT_MAX];
	int64_t ends_s[PROOFS_SPENT_MAX];
	size_t next;
};

#endif

/* privacy_index.c - what the blind index would have for a person: the hashes that fieldwork/lookup.c makes of the same form. */
#include "base/hash.h"
#include "privacy/privacy_person.h"
#include "vault/vault.h"

#define HASHES_MAX_BYTES (8 * KB)

static enum err put_hash(struct person_job *p, struct tx *tx, int64_t version, struct str text, struct json_out *w)
{
	unsigned char mac[32];
	struct str hex;
	struct buf b;
	enum err e;

	if ((e = vault_index(p->job->app->vault, tx, version, text, &p->page, mac, &version)))
		return e;
	buf_init(&b, &p->page, 128);
	hex_put(&b, mac, sizeof mac);
	if ((e = buf_done(&b, &hex)))
		return e;
	json_put_str(w, hex);
	return OK;
}

enum err person_hashes(struct person_job *p, struct tx *tx, struct str *json)
{
	bool phone = p->who.kind == SUBJECT_PHONE;
	int64_t *versions;
	struct json_out w;
	struct buf b, out;
	struct str text;
	size_t n;
	enum err e;

	/* a number has a + in front here, and none there */
	buf_init(&b, &p->page, p->who.text.n + 16);
	buf_add(&b, phone ? S("phone|") : S("email|"));
	buf_add(&b, str_sub(p->who.text, phone ? 1 : 0, p->who.text.n));
	if ((e = buf_done(&b, &text)) || (e = vault_versions(tx, VAULT_INDEX, &p->page, &versions, &n)))
		return e;
	buf_init(&out, &p->page, HASHES_MAX_BYTES);
	json_out_init(&w, &out);
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++)
		if ((e = put_hash(p, tx, versions[i], text, &w)))
			return e;
	json_close(&w, ']');
	return buf_done(&out, json);
}

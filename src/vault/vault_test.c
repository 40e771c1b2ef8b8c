/* The vault against a table of data keys in memory (vault_double.h), so that no database is needed. */
#include "vault/vault_double.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"
#include "vault/vault_shelf.h"

#define KEK_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define KEK_B "_AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

/* ---- a scene ---- */

struct scene {
	struct arena a;
	struct vault *v;
	struct table table;
	struct tx tx;
	struct uuid row;
	struct seal_place place;
};

static struct vault *open_vault(const char *kek)
{
	struct vault *v;
	const char *why;

	assert_int_equal(vault_open(kek, NULL, &v, &why), OK);
	return v;
}

static int scene_begin(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	arena_init(&s->a, &arena_malloc, 64 * MB);
	s->v = open_vault(KEK_A);
	s->tx = (struct tx){&s->table, uuid_new()};
	s->row = uuid_new();
	s->place = (struct seal_place){S("responses"), S("sealed"), &s->row};
	*state = s;
	return 0;
}

static int scene_end(void **state)
{
	struct scene *s = *state;

	vault_close(s->v);
	arena_free(&s->a);
	free(s);
	return 0;
}

static struct str sealed_text(struct scene *s, struct str plain, int64_t *version)
{
	struct str sealed;

	assert_int_equal(vault_seal(s->v, &s->tx, VAULT_PII, &s->place, plain, &s->a, &sealed, version), OK);
	return sealed;
}

static enum err open_at(struct scene *s, enum vault_purpose purpose, struct seal_place place, int64_t version,
    struct str sealed, struct str *plain)
{
	return vault_unseal(s->v, &s->tx, purpose, &place, version, sealed, &s->a, plain);
}

/* ---- fields ---- */

static void test_round_trip(void **state)
{
	struct scene *s = *state;
	int64_t version, again;
	struct str sealed = sealed_text(s, S("0901 234 567"), &version),
		   other = sealed_text(s, S("0901 234 567"), &again), plain;

	assert_int_equal(version, 1);
	assert_int_equal(s->table.inserts, 1);
	assert_false(str_eq(sealed, other));
	assert_false(str_find(sealed, S("0901"), NULL));
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
	assert_true(str_eq(plain, S("0901 234 567")));
	sealed = sealed_text(s, S(""), &version);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
	assert_int_equal(plain.n, 0);
}

static void test_moved_does_not_open(void **state)
{
	struct scene *s = *state;
	int64_t version;
	struct str sealed = sealed_text(s, S("secret"), &version), plain;
	struct uuid row = uuid_new(), tenant = s->tx.tenant;
	struct seal_place place = s->place;

	place.row = &row;
	assert_int_equal(open_at(s, VAULT_PII, place, version, sealed, &plain), ERR_INVALID);
	place = s->place;
	place.column = S("answers");
	assert_int_equal(open_at(s, VAULT_PII, place, version, sealed, &plain), ERR_INVALID);
	place = s->place;
	place.table = S("links");
	assert_int_equal(open_at(s, VAULT_PII, place, version, sealed, &plain), ERR_INVALID);
	assert_int_equal(open_at(s, VAULT_RESPONSE, s->place, version, sealed, &plain), ERR_INVALID);
	assert_int_equal(open_at(s, VAULT_PII, s->place, 2, sealed, &plain), ERR_INVALID);
	assert_int_equal(open_at(s, VAULT_PII, s->place, 0, sealed, &plain), ERR_INVALID);
	/* To another tenant, whose key is there too; and even with a copy of the first tenant's key row. */
	s->tx.tenant = uuid_new();
	sealed_text(s, S("other"), &version);
	assert_int_equal(open_at(s, VAULT_PII, s->place, 1, sealed, &plain), ERR_INVALID);
	s->tx.tenant = uuid_new();
	s->table.rows[s->table.n] = s->table.rows[0];
	s->table.rows[s->table.n++].tenant = s->tx.tenant;
	assert_int_equal(open_at(s, VAULT_PII, s->place, 1, sealed, &plain), ERR_INTERNAL);
	s->tx.tenant = tenant;
	assert_int_equal(open_at(s, VAULT_PII, s->place, 1, sealed, &plain), OK);
}

/* A row that is itself within another only, and what was sealed before it said so. */
static void test_within(void **state)
{
	struct scene *s = *state;
	struct uuid survey = uuid_new(), another = uuid_new();
	struct seal_place place = s->place, elsewhere = s->place;
	struct str sealed, plain, old;
	int64_t version;

	place.within = &survey;
	elsewhere.within = &another;
	assert_int_equal(vault_seal(s->v, &s->tx, VAULT_PII, &place, S("secret"), &s->a, &sealed, &version), OK);
	assert_int_equal(sealed.p[0], 3);
	assert_int_equal(open_at(s, VAULT_PII, place, version, sealed, &plain), OK);
	assert_true(str_eq(plain, S("secret")));
	assert_int_equal(open_at(s, VAULT_PII, elsewhere, version, sealed, &plain), ERR_INVALID);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), ERR_INVALID);
	/* without its first byte it looks like one of before, and is none */
	assert_int_equal(open_at(s, VAULT_PII, elsewhere, version, str_sub(sealed, 1, sealed.n), &plain), ERR_INVALID);
	assert_int_equal(open_at(s, VAULT_PII, place, version, str_sub(sealed, 1, sealed.n), &plain), ERR_INVALID);
	for (size_t n = 0; n < sealed.n; n++)
		assert_int_equal(open_at(s, VAULT_PII, place, version, str_sub(sealed, 0, n), &plain), ERR_INVALID);
	old = sealed_text(s, S("before"), &version);
	assert_int_equal(open_at(s, VAULT_PII, place, version, old, &plain), OK);
	assert_true(str_eq(plain, S("before")));
}

/* As releases before this one sealed: under the data key itself, with a nonce of 12 bytes that begins with `first`; `head`: behind a byte 2. */
static struct str sealed_before(struct scene *s, const struct seal_place *place, bool head, unsigned char first)
{
	struct str plain = S("before"), aad = S("");
	unsigned char *out = arena_alloc(&s->a, 128);
	char tenant[UUID_TEXT_BYTES], row[UUID_TEXT_BYTES], within[UUID_TEXT_BYTES], text[256];
	size_t at = head ? 1 : 0;
	struct data_key k;

	assert_int_equal(data_key_newest(s->v, &s->tx, VAULT_PII, &s->a, &k), OK);
	uuid_text(&s->tx.tenant, tenant);
	uuid_text(place->row, row);
	if (place->within)
		uuid_text(place->within, within);
	aad = str_make(text, (size_t)snprintf(text, sizeof text, "%.36s|responses|sealed|%.36s%s%.36s|%d", tenant,
				 place->within ? within : "", place->within ? "|" : "", row, (int)k.version));
	out[0] = 2;
	random_bytes(out + at, NONCE_BYTES);
	out[at] = first;
	assert_int_equal(gcm_seal(s->v->gcm, k.key, out + at, aad, plain, out + at + NONCE_BYTES), OK);
	data_key_drop(&k);
	return str_make((const char *)out, at + NONCE_BYTES + plain.n + TAG_BYTES);
}

static void test_older_forms_open(void **state)
{
	struct scene *s = *state;
	struct uuid survey = uuid_new(), another = uuid_new();
	struct seal_place place = s->place, elsewhere = s->place;
	struct str sealed, plain;

	place.within = &survey;
	elsewhere.within = &another;
	/* whatever the nonce begins with */
	for (unsigned char first = 0; first < 5; first++) {
		sealed = sealed_before(s, &s->place, false, first);
		assert_int_equal(open_at(s, VAULT_PII, s->place, 1, sealed, &plain), OK);
		assert_true(str_eq(plain, S("before")));
		assert_int_equal(open_at(s, VAULT_PII, place, 1, sealed, &plain), OK);
		sealed = sealed_before(s, &place, true, first);
		assert_int_equal(open_at(s, VAULT_PII, place, 1, sealed, &plain), OK);
		assert_true(str_eq(plain, S("before")));
		assert_int_equal(open_at(s, VAULT_PII, elsewhere, 1, sealed, &plain), ERR_INVALID);
		assert_int_equal(open_at(s, VAULT_PII, s->place, 1, sealed, &plain), ERR_INVALID);
		assert_int_equal(open_at(s, VAULT_PII, place, 1, str_sub(sealed, 1, sealed.n), &plain), ERR_INVALID);
	}
}

static void test_the_installation_has_a_key_of_its_own(void **state)
{
	struct scene *s = *state;
	struct str sealed, plain;
	struct uuid row = uuid_new();
	struct seal_place place = {S("users"), S("totp_sealed"), &s->row}, moved = {S("users"), S("totp_sealed"), &row};
	int64_t version;

	assert_int_equal(vault_system_seal(s->v, &s->tx, &place, S("secret"), &s->a, &sealed, &version), OK);
	s->tx.tenant = uuid_new(); /* any tenant opens it */
	assert_int_equal(vault_system_unseal(s->v, &s->tx, &place, version, sealed, &s->a, &plain), OK);
	assert_true(str_eq(plain, S("secret")));
	assert_int_equal(vault_system_unseal(s->v, &s->tx, &moved, version, sealed, &s->a, &plain), ERR_INVALID);
	assert_int_equal(open_at(s, VAULT_PII, place, version, sealed, &plain), ERR_INVALID);
	sealed = sealed_text(s, S("a tenant's"), &version);
	assert_int_equal(vault_system_unseal(s->v, &s->tx, &s->place, version, sealed, &s->a, &plain), ERR_INVALID);
}

static void test_changed_does_not_open(void **state)
{
	struct scene *s = *state;
	int64_t version;
	struct str sealed = sealed_text(s, S("secret"), &version), plain;
	char *bytes = (char *)sealed.p;

	for (size_t i = 0; i < sealed.n; i++) {
		bytes[i] ^= 1;
		assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), ERR_INVALID);
		bytes[i] ^= 1;
	}
	for (size_t n = 0; n < sealed.n; n++)
		assert_int_equal(open_at(s, VAULT_PII, s->place, version, str_sub(sealed, 0, n), &plain), ERR_INVALID);
}

static void test_key_of_an_open_transaction_is_not_kept(void **state)
{
	struct scene *s = *state;
	int64_t version;
	struct str plain, sealed;

	sealed_text(s, S("a"), &version);
	s->table.n = 0;				   /* rolled back */
	sealed = sealed_text(s, S("b"), &version); /* so a new key is made */
	assert_int_equal(s->table.inserts, 2);
	s->table.rows[0].settled = true; /* committed */
	sealed_text(s, S("c"), &version);
	s->table.reads = 0;
	sealed_text(s, S("d"), &version);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
	assert_int_equal(s->table.reads, 0);
}

static void test_destroyed_and_wrong_key(void **state)
{
	struct scene *s = *state;
	int64_t version;
	struct str sealed = sealed_text(s, S("secret"), &version), plain;
	struct vault *first = s->v;

	s->v = open_vault(KEK_B);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), ERR_INTERNAL);
	vault_close(s->v);
	s->v = first;
	s->table.rows[0].wrapped_n = 0;
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), ERR_GONE);
	sealed = sealed_text(s, S("new"), &version);
	assert_int_equal(version, 2);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
}

static void test_a_retired_key_opens_and_seals_no_more(void **state)
{
	struct scene *s = *state;
	int64_t version, second;
	struct str sealed = sealed_text(s, S("old"), &version), plain;

	s->table.rows[0].settled = true;
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK); /* it is in the ring now */
	s->table.rows[0].retired = true;
	vault_forget(s->v, &s->tx.tenant);
	sealed_text(s, S("new"), &second);
	assert_int_equal(second, 2);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
	assert_true(str_eq(plain, S("old")));
}

static void test_keys_leave_memory(void **state)
{
	struct scene *s = *state;
	unsigned char key[KEY_BYTES];
	int64_t version;
	struct str sealed = sealed_text(s, S("secret"), &version), plain;
	struct data_key k;

	s->table.rows[0].settled = true;
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
	assert_int_equal(data_key_version(s->v, &s->tx, VAULT_PII, 1, &s->a, &k), OK);
	mem_copy(key, k.key, sizeof key);
	sleep(5);
	pthread_mutex_lock(&s->v->mutex);
	assert_null(memmem(s->v->secrets->ring, sizeof s->v->secrets->ring, key, sizeof key));
	assert_null(memmem(s->v->shelf, sizeof *s->v->shelf, s->table.rows[0].wrapped, WRAPPED_BYTES));
	pthread_mutex_unlock(&s->v->mutex);
}

/* More tenants than there is locked memory for: the database is asked once for all that each of them seals with. */
static void test_many_tenants(void **state)
{
	enum { TENANTS = 900 };
	struct scene *s = *state;
	struct uuid *tenants = arena_array(&s->a, struct uuid, TENANTS);
	unsigned char mac[32];
	struct data_key k;
	int64_t version;
	bool all;

	for (int i = 0; i < TENANTS; i++) {
		s->tx.tenant = tenants[i] = uuid_new();
		sealed_text(s, S("first"), &version);
		assert_int_equal(vault_replay(s->v, &s->tx, 0, S("x"), &s->a, mac, &version), OK);
		vault_forget(s->v, &s->tx.tenant);
	}
	for (size_t i = 0; i < s->table.n; i++)
		s->table.rows[i].settled = true;
	s->table.reads = 0;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < TENANTS; i++) {
			s->tx.tenant = tenants[i];
			assert_int_equal(vault_seals_all(s->v, &s->tx, &s->a, &all), OK);
			sealed_text(s, S("again"), &version);
			assert_int_equal(vault_replay(s->v, &s->tx, 0, S("x"), &s->a, mac, &version), OK);
		}
		assert_int_equal(s->table.reads, TENANTS);
	}
	vault_forget(s->v, &tenants[7]);
	assert_false(ring_find(s->v, &tenants[7], VAULT_PII, 0, &k));
	s->tx.tenant = tenants[7];
	assert_int_equal(data_key_newest(s->v, &s->tx, VAULT_PII, &s->a, &k), OK);
	assert_int_equal(s->table.reads, TENANTS + 1);
	assert_true(uuid_eq(&k.tenant, &tenants[7]));
}

static void test_two_key_encryption_keys(void **state)
{
	struct scene *s = *state;
	int64_t version;
	struct str sealed = sealed_text(s, S("secret"), &version), plain, token;
	struct vault *first = s->v;
	const char *why;

	assert_int_equal(vault_token_seal(s->v, S("form"), S("x"), &s->a, &token), OK);
	s->v = open_vault(KEK_B);
	assert_int_equal(vault_add_key(s->v, KEK_A, NULL, &why), OK);
	assert_int_equal(open_at(s, VAULT_PII, s->place, version, sealed, &plain), OK);
	assert_int_equal(vault_token_open(s->v, S("form"), token, &s->a, &plain), OK);
	assert_int_equal(vault_add_key(s->v, KEK_A, NULL, &why), ERR_SETTING);
	s->table.n = 0;
	sealed_text(s, S("x"), &version); /* under the present one */
	assert_string_equal(s->table.rows[0].kek_id, vault_kek_id(s->v).p);
	vault_close(first);
}

static void test_index(void **state)
{
	struct scene *s = *state;
	unsigned char one[32], again[32], other[32];
	int64_t version;

	assert_int_equal(vault_index(s->v, &s->tx, 0, S("email|lan@example.com"), &s->a, one, &version), OK);
	assert_int_equal(vault_index(s->v, &s->tx, version, S("email|lan@example.com"), &s->a, again, &version), OK);
	assert_memory_equal(one, again, 32);
	s->tx.tenant = uuid_new();
	assert_int_equal(vault_index(s->v, &s->tx, 0, S("email|lan@example.com"), &s->a, other, &version), OK);
	assert_memory_not_equal(one, other, 32);
	assert_int_equal(vault_index(s->v, &s->tx, 7, S("x"), &s->a, other, &version), ERR_INVALID);
}

static void test_what_a_tenant_seals(void **state)
{
	struct scene *s = *state;
	bool all = true;

	assert_int_equal(vault_seals_all(s->v, &s->tx, &s->a, &all), OK);
	assert_false(all);
	s->tx.seals_all = true;
	assert_int_equal(vault_seals_all(s->v, &s->tx, &s->a, &all), OK);
	assert_false(all); /* as it was a moment ago */
	vault_forget(s->v, &s->tx.tenant);
	assert_int_equal(vault_seals_all(s->v, &s->tx, &s->a, &all), OK);
	assert_true(all);
}

/* ---- tokens and small things ---- */

static void test_tokens(void **state)
{
	struct scene *s = *state;
	struct vault *other = open_vault(KEK_B), *restarted = open_vault(KEK_A);
	struct str token, again, plain;

	assert_int_equal(vault_token_seal(s->v, S("form"), S("{\"page\":1}"), &s->a, &token), OK);
	assert_int_equal(vault_token_seal(s->v, S("form"), S("{\"page\":1}"), &s->a, &again), OK);
	assert_false(str_eq(token, again));
	assert_int_equal(vault_token_open(s->v, S("form"), token, &s->a, &plain), OK);
	assert_true(str_eq(plain, S("{\"page\":1}")));
	assert_int_equal(vault_token_open(restarted, S("form"), token, &s->a, &plain), OK);
	assert_true(str_eq(plain, S("{\"page\":1}")));
	assert_int_equal(vault_token_open(restarted, S("other"), token, &s->a, &plain), ERR_INVALID);
	assert_int_equal(vault_token_seal(restarted, S("form"), S("2"), &s->a, &again), OK);
	assert_int_equal(vault_token_open(s->v, S("form"), again, &s->a, &plain), OK);
	assert_true(str_eq(plain, S("2")));
	assert_int_equal(vault_token_open(s->v, S("other"), token, &s->a, &plain), ERR_INVALID);
	assert_int_equal(vault_token_open(other, S("form"), token, &s->a, &plain), ERR_INVALID);
	assert_int_equal(vault_token_open(s->v, S("form"), S(""), &s->a, &plain), ERR_INVALID);
	assert_int_equal(vault_token_open(s->v, S("form"), S("!!"), &s->a, &plain), ERR_INVALID);
	assert_int_equal(vault_token_open(s->v, S("form"), str_sub(token, 0, token.n - 4), &s->a, &plain), ERR_INVALID);
	((char *)token.p)[0] = token.p[0] == 'A' ? 'B' : 'A';
	assert_int_equal(vault_token_open(s->v, S("form"), token, &s->a, &plain), ERR_INVALID);
	vault_close(other);
	vault_close(restarted);
}

/* RFC 4231, test case 2. */
static void test_hmac(void **state)
{
	struct scene *s = *state;
	struct str hex;

	assert_int_equal(vault_hmac_hex(S("Jefe"), S("what do ya want for nothing?"), &s->a, &hex), OK);
	assert_true(str_eq(hex, S("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
	assert_true(secret_eq(S("abc"), S("abc")));
	assert_true(secret_eq(S(""), S("")));
	assert_false(secret_eq(S("abc"), S("abd")));
	assert_false(secret_eq(S("abc"), S("ab")));
}

static void test_key_files(void **state)
{
	char folder[] = "/tmp/vault-test-XXXXXX", path[64], first[128], second[128];
	struct vault *v;
	struct stat st;
	const char *why;
	size_t n, m;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/kek", folder);
	assert_int_equal(vault_open(NULL, path, &v, &why), ERR_SETTING);
	assert_non_null(why);
	assert_int_equal(vault_make_key_file(path), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(secret_file_read(path, first, sizeof first, &n), OK);
	assert_int_equal(vault_make_key_file(path), OK);
	assert_int_equal(secret_file_read(path, second, sizeof second, &m), OK);
	assert_int_equal(n, m);
	assert_memory_equal(first, second, n);
	assert_int_equal(secret_file_read(path, second, 8, &m), ERR_LIMIT);
	assert_int_equal(vault_open("", path, &v, &why), OK);
	vault_close(v);
	assert_int_equal(vault_open("c2hvcnQ", path, &v, &why), ERR_SETTING);
	assert_int_equal(vault_open("not base64!", path, &v, &why), ERR_SETTING);
	unlink(path);
	rmdir(folder);
}

/* A process that may lock nothing: it serves, and knows. */
static void test_memory_that_is_not_locked(void **state)
{
	const struct rlimit none = {0, 0};
	struct vault *v = open_vault(KEK_A);
	const char *why;
	int status = 0;
	pid_t child;

	(void)state;
	assert_true(vault_is_locked(v));
	vault_close(v);
	if ((child = fork()) == 0) {
		bool bound = !setrlimit(RLIMIT_MEMLOCK, &none) && (geteuid() != 0 || !setuid(65534));

		_exit(bound && !vault_open(KEK_A, NULL, &v, &why) && !vault_is_locked(v) ? 7 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, scene_begin, scene_end)
	const struct CMUnitTest tests[] = {SCENE(test_round_trip), SCENE(test_moved_does_not_open), SCENE(test_within),
	    SCENE(test_older_forms_open), SCENE(test_changed_does_not_open),
	    SCENE(test_the_installation_has_a_key_of_its_own), SCENE(test_key_of_an_open_transaction_is_not_kept),
	    SCENE(test_destroyed_and_wrong_key), SCENE(test_a_retired_key_opens_and_seals_no_more),
	    SCENE(test_keys_leave_memory), SCENE(test_many_tenants), SCENE(test_two_key_encryption_keys),
	    SCENE(test_index), SCENE(test_what_a_tenant_seals), SCENE(test_tokens), SCENE(test_hmac),
	    cmocka_unit_test(test_key_files), cmocka_unit_test(test_memory_that_is_not_locked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

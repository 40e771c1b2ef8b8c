/* Compiled programs and their cache. The bytes in Redis:
 *     magic (4) | version id (16) | survey id (16) | number (4, little-endian) | length of title (4) | title | program */
#include "base/limits.h"
#include "base/shim.h"
#include "survey/survey_draft.h"
#include "sql.h"

#define MAGIC "CCP1"
#define HEAD_BYTES 44
#define KEY_MAX_BYTES 128
#define PROGRAM_TTL_MS 3600000
#define PROGRAM_SHARED_TTL_S 86400

static void put_u32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static enum err program_make(struct arena *a, struct str bytes, void **object)
{
	struct survey_program *s = arena_new(a, struct survey_program);
	const unsigned char *head = (const unsigned char *)bytes.p;
	struct program *program;
	const char *why;
	uint32_t title;
	enum err e;

	if (s == NULL)
		return ERR_MEMORY;
	if (bytes.n < HEAD_BYTES || !mem_same(head, MAGIC, 4))
		return ERR_INTERNAL;
	mem_copy(s->version_id.b, head + 4, 16);
	mem_copy(s->survey_id.b, head + 20, 16);
	s->number = get_u32(head + 36);
	title = get_u32(head + 40);
	if (title > bytes.n - HEAD_BYTES)
		return ERR_INTERNAL;
	s->title = str_sub(bytes, HEAD_BYTES, title);
	if ((e = program_load(a, str_sub(bytes, HEAD_BYTES + title, bytes.n), &program, &why)))
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	s->program = program;
	*object = s;
	return OK;
}

static const struct cache_kind program_cache = {"program", PROGRAM_TTL_MS, PROGRAM_SHARED_TTL_S, program_make};

struct load {
	struct tx *tx;
	const struct uuid *survey_id;
	int64_t number;
};
struct program_row {
	struct uuid version_id;
	struct str title, program;
};

/* What another release compiled may not be a program of this one. The version carries its definition, so it is compiled again; it had no errors when
 * it was published, and what this engine does not do is left out as it was then. */
static enum err program_anew(const struct load *load, struct arena *a, struct str *program)
{
	const struct pg_param in[] = {P_UUID(load->survey_id), P_INT(load->number)};
	struct compiling own;
	struct compiled compiled;
	struct str definition;
	enum err e;

	if ((e = tx_json(load->tx, a, &Q_NO_OUT(SQL_survey_program_definition, in), &definition)))
		return e;
	e = compile_apart(
	    &own, COMPILE_ARENA_MAX_BYTES, NULL, definition, COMPILE_LEAVE_OUT_UNBUILT | COMPILE_NO_MEDIA, &compiled);
	if (!e && compiled.error_count > 0)
		e = ERR_INTERNAL;
	if (!e) {
		*program = str_dup(a, compiled.program);
		e = program->p ? OK : ERR_MEMORY;
	}
	arena_free(&own.arena);
	return e;
}

static enum err program_bytes(void *ctx, struct arena *a, struct str *bytes)
{
	static const struct pg_col cols[] = {COL(struct program_row, version_id, PGT_UUID),
	    COL(struct program_row, title, PGT_TEXT), COL(struct program_row, program, PGT_BYTES)};
	const struct load *load = ctx;
	const struct pg_param in[] = {P_UUID(load->survey_id), P_INT(load->number)};
	struct program_row row;
	struct program *sound;
	const char *why;
	unsigned char *p;
	size_t n;
	enum err e;

	if ((e = tx_one(load->tx, a, &Q(SQL_survey_program, in, cols), &row)))
		return e;
	e = program_load(a, row.program, &sound, &why);
	if (e == ERR_INVALID)
		e = program_anew(load, a, &row.program);
	if (e)
		return e;
	n = HEAD_BYTES + row.title.n + row.program.n;
	if ((p = arena_alloc(a, n)) == NULL)
		return ERR_MEMORY;
	mem_copy(p, MAGIC, 4);
	mem_copy(p + 4, row.version_id.b, 16);
	mem_copy(p + 20, load->survey_id->b, 16);
	put_u32(p + 36, (uint32_t)load->number);
	put_u32(p + 40, (uint32_t)row.title.n);
	mem_copy(p + HEAD_BYTES, row.title.p, row.title.n);
	mem_copy(p + HEAD_BYTES + row.title.n, row.program.p, row.program.n);
	*bytes = str_make((const char *)p, n);
	return OK;
}

struct program_key {
	char text[KEY_MAX_BYTES];
	struct str s;
};

static void key_of(const struct uuid *tenant, const struct uuid *survey, int64_t number, struct program_key *out)
{
	char *at = out->text + 2 * (UUID_TEXT_BYTES + 1), digits[20];
	size_t n = sizeof digits;

	/* of a version: 1 or more */
	for (uint64_t rest = (uint64_t)number; n == sizeof digits || rest > 0; rest /= 10)
		digits[--n] = (char)('0' + rest % 10);
	uuid_text(tenant, out->text);
	out->text[UUID_TEXT_BYTES] = ':';
	uuid_text(survey, out->text + UUID_TEXT_BYTES + 1);
	at[-1] = ':';
	memcpy(at, digits + n, sizeof digits - n);
	out->s = str_make(out->text, (size_t)(at - out->text) + sizeof digits - n);
}

enum err survey_program_peek(struct app *app, const struct uuid *tenant, const struct uuid *survey_id, int64_t number,
    const struct survey_program **out, struct cache_entry **pin)
{
	struct program_key key;

	key_of(tenant, survey_id, number, &key);
	if ((*pin = cache_peek(app->cache, &program_cache, key.s)) == NULL)
		return ERR_AGAIN;
	*out = cache_object(*pin);
	return OK;
}

enum err survey_program_get(struct app *app, struct tx *tx, const struct uuid *survey_id, int64_t number,
    struct arena *a, const struct survey_program **out, struct cache_entry **pin)
{
	struct load load = {tx, survey_id, number};
	struct program_key key;
	enum err e;

	if (tx == NULL || tx_tenant(tx) == NULL)
		return ERR_AGAIN;
	if (number < 1 || number > INT32_MAX)
		return ERR_NOT_FOUND;
	key_of(tx_tenant(tx), survey_id, number, &key);
	if ((e = cache_get(app->cache, &program_cache, key.s, a, program_bytes, &load, pin)))
		return e;
	*out = cache_object(*pin);
	return OK;
}

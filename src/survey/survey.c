#include "survey/survey.h"
#include "base/hash.h"
#include "base/limits.h"
#include "event/event.h"
#include "survey/survey_draft.h"
#include "tenant/tenant.h"
#include "sql.h"

#define DEFINITION_TEXT_MAX_BYTES (4 * HTTP_BODY_API_MAX_BYTES) /* escapes may lengthen it */
#define LANGUAGE_DEFAULT "en"
#define LANGUAGE_MAX_BYTES 35

/* ---- drafts ---- */

static bool schema_version_ok(struct str s)
{
	bool more;
	struct str rest = s, major = str_cut(&rest, '.', &more);
	int64_t n;

	return more && s.n <= 16 && str_to_int(major, &n) && major.p[0] != '-' && str_to_int(rest, &n) &&
	       rest.p[0] != '-';
}

static bool language_ok(struct str s)
{
	if (s.n < 2 || s.n > LANGUAGE_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool letter = (s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z';

		if (!letter && s.p[i] != '-' && !(s.p[i] >= '0' && s.p[i] <= '9'))
			return false;
	}
	return true;
}

enum err draft_read(
    struct arena *a, const struct json *definition, struct draft *out, const char **pointer, const char **why)
{
	struct json_out w;
	struct buf b;

	*pointer = "";
	*why = "A definition is an object with schema_version and survey.";
	if (definition->type != JSON_OBJECT)
		return ERR_INVALID;
	*pointer = "/schema_version";
	*why = "The definition needs a schema_version such as \"1.0\".";
	out->schema_version = json_str_or(definition, S("schema_version"), S(""));
	if (!schema_version_ok(out->schema_version))
		return ERR_INVALID;
	/* A draft may be broken here too; the compiler says so when asked. */
	out->language = json_str_or(json_get(definition, S("survey")), S("language"), S(LANGUAGE_DEFAULT));
	if (!language_ok(out->language))
		out->language = S(LANGUAGE_DEFAULT);
	*pointer = *why = "";
	buf_init(&b, a, DEFINITION_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	json_put(&w, definition);
	return buf_done(&b, &out->text);
}

enum err draft_empty(struct arena *a, struct str title, struct str language, struct draft *out)
{
	struct json_out w;
	struct buf b;

	out->schema_version = S("1.0");
	out->language = language.n > 0 ? language : S(LANGUAGE_DEFAULT);
	buf_init(&b, a, 16 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("schema_version"), out->schema_version);
	json_key(&w, S("survey"));
	json_open(&w, '{');
	json_field_str(&w, S("title"), title);
	json_field_str(&w, S("language"), out->language);
	json_key(&w, S("pages"));
	json_open(&w, '[');
	json_close(&w, ']');
	json_close(&w, '}');
	json_close(&w, '}');
	return buf_done(&b, &out->text);
}

enum err merge_patch(struct arena *a, const struct json *target, const struct json *patch, struct json *out)
{
	uint32_t kept = target && target->type == JSON_OBJECT ? target->count : 0;
	struct json_member *members;
	enum err e;

	if (patch->type != JSON_OBJECT) {
		*out = *patch;
		return OK;
	}
	if ((members = arena_array(a, struct json_member, (size_t)kept + patch->count + 1)) == NULL)
		return ERR_MEMORY;
	*out = (struct json){.type = JSON_OBJECT, .members = members};
	for (uint32_t i = 0; i < kept; i++) {
		if (json_get(patch, target->members[i].key) == NULL)
			members[out->count++] = target->members[i];
	}
	for (uint32_t i = 0; i < patch->count; i++) {
		const struct json_member *m = &patch->members[i];

		if (m->value.type == JSON_NULL)
			continue;
		members[out->count].key = m->key;
		if ((e = merge_patch(
			 a, kept > 0 ? json_get(target, m->key) : NULL, &m->value, &members[out->count].value)))
			return e;
		out->count++;
	}
	return OK;
}

enum err draft_insert(
    struct tx *tx, const struct uuid *project_id, struct str title, const struct draft *draft, struct uuid *id)
{
	*id = uuid_new();
	const struct pg_param in[] = {P_UUID(id), P_UUID(project_id), P_TEXT(title), P_JSON(draft->text),
	    P_TEXT(draft->schema_version), P_TEXT(draft->language), P_UUID_OR_NULL(tx_actor(tx))};

	return tx_queue(tx, &Q_NO_OUT(SQL_survey_insert, in));
}

enum err survey_create(struct tx *tx, struct arena *a, const struct uuid *project_id, struct str title,
    struct str definition, struct uuid *id)
{
	const char *pointer, *why;
	struct json_error broken;
	struct json *document;
	struct draft draft;
	enum err e;

	if ((e = json_read(a, definition, &json_limits_default, &document, &broken)))
		return e == ERR_UNREADABLE ? ERR_INVALID : e;
	if ((e = draft_read(a, document, &draft, &pointer, &why)) || (e = project_exists(tx, a, project_id)))
		return e;
	return draft_insert(tx, project_id, title, &draft, id);
}

/* ---- status ---- */

bool status_may_become(struct str from, struct str to, bool was_published)
{
	static const struct {
		const char *from, *to;
		bool published;
	} rows[] = {
	    {"published", "closed", true},
	    {"closed", "published", true},
	    {"draft", "archived", false},
	    {"published", "archived", true},
	    {"closed", "archived", true},
	    {"archived", "draft", false},
	    {"archived", "closed", true},
	};

	if (str_eq(from, to))
		return true;
	for (size_t i = 0; i < countof(rows); i++) {
		if (str_eq(from, str_from(rows[i].from)) && str_eq(to, str_from(rows[i].to)) &&
		    rows[i].published == was_published)
			return true;
	}
	return false;
}

/* ---- publishing ---- */

enum err survey_take(struct tx *tx, struct arena *a, const struct uuid *id, struct survey_row *out)
{
	static const struct pg_col cols[] = {COL(struct survey_row, version, PGT_INT),
	    COL(struct survey_row, title, PGT_TEXT), COL(struct survey_row, status, PGT_TEXT),
	    COL(struct survey_row, was_published, PGT_BOOL), COL(struct survey_row, definition, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(id)};

	return tx_one(tx, a, &Q(SQL_survey_lock, in, cols), out);
}

/* What the program says about itself, which stands in the version's row too. */
struct program_facts {
	struct str title, languages, sha256;
};

static enum err program_facts_of(struct arena *a, struct str bytes, struct str title, struct program_facts *out)
{
	unsigned char digest[32];
	struct program *p;
	const char *why;
	struct json_out w;
	struct buf b, hex;
	enum err e;

	/* What the compiler wrote has to pass the same door as what comes out of the cache. */
	if ((e = program_load(a, bytes, &p, &why)))
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	out->title = program_title(p, program_language(p));
	if (out->title.n == 0)
		out->title = title;
	buf_init(&b, a, 64 * KB);
	json_out_init(&w, &b);
	json_open(&w, '[');
	for (size_t i = 0; i < program_language_count(p); i++)
		json_put_str(&w, program_language_at(p, i));
	json_close(&w, ']');
	sha256_of(bytes, digest);
	buf_init(&hex, a, 2 * sizeof digest);
	hex_put(&hex, digest, sizeof digest);
	if ((e = buf_done(&b, &out->languages)))
		return e;
	return buf_done(&hex, &out->sha256);
}

static enum err version_insert(struct tx *tx, struct arena *a, const struct uuid *survey, struct str program,
    const struct program_facts *facts, struct published *out)
{
	struct number_row {
		int64_t number;
	} row;
	static const struct pg_col cols[] = {COL(struct number_row, number, PGT_INT)};
	enum err e;

	out->version_id = uuid_new();
	const struct pg_param in[] = {P_UUID(survey), P_UUID(&out->version_id), P_BYTES(program), P_TEXT(facts->sha256),
	    P_TEXT(facts->title), P_JSON(facts->languages), P_UUID_OR_NULL(tx_actor(tx))};

	if ((e = tx_one(tx, a, &Q(SQL_survey_version_insert, in, cols), &row)))
		return e;
	out->number = row.number;
	return OK;
}

static enum err publish_event(struct tx *tx, struct arena *a, const struct uuid *survey, struct str sha256,
    int64_t sequence, const struct published *p)
{
	struct json_out w;
	struct str data;
	struct buf b;
	enum err e;

	buf_init(&b, a, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("number"), p->number);
	json_field_str(&w, S("version_id"), uuid_str(a, &p->version_id));
	json_field_str(&w, S("program_sha256"), sha256);
	json_close(&w, '}');
	if ((e = buf_done(&b, &data)))
		return e;
	return event_append(tx, &(struct event){S("survey"), survey, S("published"), data, sequence});
}

/* `own` holds the program, and what it says about itself. */
static enum err publish_compiled(struct tx *tx, struct compiling *own, const struct survey_row *row,
    const struct uuid *id, const struct compiled *compiled, struct published *out)
{
	struct arena *a = &own->arena;
	struct program_facts facts;
	enum err e;

	if ((e = program_facts_of(a, compiled->program, row->title, &facts)))
		return e == ERR_MEMORY && !own->starved ? ERR_LIMIT : e;
	if ((e = version_insert(tx, a, id, compiled->program, &facts, out)))
		return e;
	const struct pg_param in[] = {P_UUID(id), P_INT(out->number), P_UUID_OR_NULL(tx_actor(tx))};

	if ((e = tx_queue(tx, &Q_NO_OUT(SQL_survey_published, in))))
		return e;
	return publish_event(tx, a, id, facts.sha256, row->version + 1, out);
}

enum err draft_publish(struct tx *tx, struct arena *a, const struct uuid *id, unsigned compile_flags,
    struct compiled *compiled, struct published *out)
{
	struct compiling own;
	struct survey_row row;
	enum err e, kept;

	*out = (struct published){0};
	*compiled = (struct compiled){0};
	if ((e = survey_take(tx, a, id, &row)))
		return e;
	if (str_eq(row.status, S("archived")))
		return ERR_CONFLICT;
	e = compile_apart(&own, COMPILE_ARENA_MAX_BYTES, NULL, row.definition, compile_flags, compiled);
	if (!e)
		e = compiled->error_count > 0 ? ERR_INVALID : publish_compiled(tx, &own, &row, id, compiled, out);
	kept = compiled_keep(a, compiled);
	arena_free(&own.arena);
	return e ? e : kept;
}

enum err survey_publish(
    struct tx *tx, struct arena *a, const struct uuid *survey_id, unsigned compile_flags, struct published *out)
{
	struct compiled compiled;
	struct json_out w;
	struct buf b;
	enum err e, text;

	e = draft_publish(tx, a, survey_id, compile_flags, &compiled, out);
	if (e && e != ERR_INVALID)
		return e;
	buf_init(&b, a, 2 * MB);
	json_out_init(&w, &b);
	compiled_json(&compiled, &w);
	text = buf_done(&b, &out->diagnostics);
	return e ? e : text;
}

/* What was asked and what was answered, in words. */
#include "privacy/privacy_words.h"
#include "base/num.h"
#include "base/time.h"

#define PIECE_MAX_BYTES (8 * MB)

/* ---- values ---- */

static struct str label_of(const struct export_choice *choices, size_t n, struct str value)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(choices[i].value, value) && choices[i].label.n > 0)
			return choices[i].label;
	return value;
}

static void put_words(const struct export_column *c, const struct json *v, struct buf *out)
{
	char text[NUM_TEXT_MAX];

	switch (v->type) {
	case JSON_NULL:
	case JSON_BOOL:
		break;
	case JSON_INT:
	case JSON_NUM:
		buf_add(out, label_of(c->choices, c->choice_count, str_make(text, num_text(json_num(v), text))));
		break;
	case JSON_STR:
		buf_add(out, label_of(c->choices, c->choice_count, v->s));
		break;
	case JSON_ARRAY:
		for (uint32_t i = 0; i < v->count; i++) {
			buf_add(out, i > 0 ? S("; ") : S(""));
			put_words(c, &v->items[i], out);
		}
		break;
	case JSON_OBJECT:
		for (uint32_t i = 0; i < v->count; i++) {
			buf_add(out, i > 0 ? S("; ") : S(""));
			buf_add(out, label_of(c->items, c->item_count, v->members[i].key));
			buf_add(out, S(": "));
			put_words(c, &v->members[i].value, out);
		}
		break;
	}
}

/* In a roster: in which of its records. */
static const struct json *value_of(const struct export_column *c, const struct person_read *read)
{
	const struct json *from = c->personal ? read->personal : read->answers, *roster;

	if (!from)
		return NULL;
	if (c->record == 0)
		return json_get(from, c->key.n ? c->key : c->name);
	roster = json_get(from, c->roster);
	if (!roster || roster->type != JSON_ARRAY || c->record > roster->count)
		return NULL;
	return json_get(&roster->items[c->record - 1], c->member);
}

static enum err put_answer(struct json_out *w, const struct export_column *c, const struct json *v, struct arena *a)
{
	struct str words;
	struct buf b;
	enum err e;

	json_open(w, '{');
	json_field_str(w, S("name"), c->name);
	json_field_str(w, S("question"), c->label.n > 0 ? c->label : c->name);
	json_key(w, S("answer"));
	json_put(w, v);
	if (c->choice_count > 0 || c->item_count > 0) {
		buf_init(&b, a, PIECE_MAX_BYTES);
		put_words(c, v, &b);
		if ((e = buf_done(&b, &words)))
			return e;
		json_field_str(w, S("words"), words);
	}
	json_close(w, '}');
	return OK;
}

static enum err put_answers(struct json_out *w, const struct program *program, struct str language,
    const struct person_read *read, struct arena *a)
{
	struct export_column *columns;
	size_t n;
	enum err e;

	if ((e = program_columns(program, program_language_pick(program, language), a, &columns, &n)))
		return e;
	json_key(w, S("answers"));
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		const struct json *v = value_of(&columns[i], read);

		if (v && !str_eq(columns[i].type, S("parameter")) && (e = put_answer(w, &columns[i], v, a)))
			return e;
	}
	json_close(w, ']');
	return OK;
}

/* ---- the piece ---- */

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

static void put_consents(struct json_out *w, const struct person_read *read)
{
	const struct json *both[] = {read->consents, json_get(read->personal, S("@consents"))};

	json_key(w, S("consents"));
	json_open(w, '{');
	for (size_t k = 0; k < countof(both); k++) {
		for (uint32_t i = 0; both[k] && both[k]->type == JSON_OBJECT && i < both[k]->count; i++) {
			json_key(w, both[k]->members[i].key);
			json_put(w, &both[k]->members[i].value);
		}
	}
	json_close(w, '}');
}

enum err answer_in_words(const struct program *program, const struct person_answer *answer,
    const struct person_read *read, struct arena *a, struct str *json)
{
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, a, PIECE_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("survey"), answer->survey);
	json_field_str(&w, S("survey_id"), uuid_str(a, &answer->survey_id));
	json_field_str(&w, S("response_id"), uuid_str(a, &answer->id));
	json_field_int(&w, S("survey_version"), answer->survey_version);
	json_field_str(&w, S("status"), answer->status);
	json_field_str(&w, S("language"), answer->language);
	json_field_str(&w, S("link"), answer->link);
	put_time(&w, S("started_at"), answer->started_at);
	put_time(&w, S("completed_at"), answer->completed_at);
	put_time(&w, S("stored_at"), answer->created_at);
	json_field_int(&w, S("duration_ms"), answer->duration_ms);
	if ((e = put_answers(&w, program, answer->language, read, a)))
		return e;
	json_key(&w, S("parameters"));
	json_put(&w, read->parameters);
	put_consents(&w, read);
	json_close(&w, '}');
	return buf_done(&b, json);
}

/* ---- as text ---- */

static void put_line(struct buf *out, const char *indent, struct str key, const struct json *v)
{
	struct json_out w;

	if (!v || v->type == JSON_NULL || (v->type == JSON_STR && v->s.n == 0))
		return;
	buf_add(out, str_from(indent));
	buf_add(out, key);
	buf_add(out, S(": "));
	if (v->type == JSON_STR) {
		buf_add(out, v->s);
	} else {
		json_out_init(&w, out);
		json_put(&w, v);
	}
	buf_char(out, '\n');
}

static void put_members(struct buf *out, const char *indent, const struct json *object)
{
	for (uint32_t i = 0; object && object->type == JSON_OBJECT && i < object->count; i++)
		put_line(out, indent, object->members[i].key, &object->members[i].value);
}

/* Objects by their members, lists of objects one after the other. */
void piece_as_text(const struct json *piece, struct buf *out)
{
	for (uint32_t i = 0; i < piece->count; i++) {
		const struct json_member *m = &piece->members[i];

		if (m->value.type == JSON_OBJECT && m->value.count > 0) {
			buf_add(out, m->key);
			buf_add(out, S(":\n"));
			put_members(out, "  ", &m->value);
		} else if (m->value.type == JSON_ARRAY && str_eq(m->key, S("answers"))) {
			for (uint32_t k = 0; k < m->value.count; k++) {
				const struct json *a = &m->value.items[k], *words = json_get(a, S("words"));

				put_line(out, "  ", json_str_or(a, S("question"), S("")),
				    words ? words : json_get(a, S("answer")));
			}
		} else if (m->value.type == JSON_ARRAY) {
			for (uint32_t k = 0; k < m->value.count; k++) {
				buf_add(out, m->key);
				buf_add(out, S(":\n"));
				put_members(out, "  ", &m->value.items[k]);
			}
		} else if (m->value.type != JSON_OBJECT) {
			put_line(out, "", m->key, &m->value);
		}
	}
	buf_char(out, '\n');
}

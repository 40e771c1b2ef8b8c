/* calls_program.c - what a program is, for exports and for people; what was agreed to, for who stores it. */
#include "calls.h"

static void put_choices(struct json_out *w, struct str key, const struct export_choice *choices, size_t n)
{
	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(w, '{');
		json_field_str(w, S("value"), choices[i].value);
		json_field_str(w, S("label"), choices[i].label);
		if (choices[i].has_code)
			json_field_int(w, S("code"), choices[i].code);
		json_close(w, '}');
	}
	json_close(w, ']');
}

enum err call_columns(struct caller *c)
{
	struct str language = program_language_pick(c->program, json_str_or(c->json, S("language"), S("")));
	struct export_column *columns;
	struct reply_json r;
	struct json_out *w;
	size_t n;
	enum err e;

	if ((e = program_columns(c->program, language, c->a, &columns, &n)))
		return e;
	w = reply_begin(c, &r);
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(w, '{');
		json_field_str(w, S("name"), columns[i].name);
		if (columns[i].key.n)
			json_field_str(w, S("key"), columns[i].key);
		json_field_str(w, S("label"), columns[i].label);
		json_field_str(w, S("type"), columns[i].type);
		json_field_bool(w, S("personal"), columns[i].personal);
		put_choices(w, S("choices"), columns[i].choices, columns[i].choice_count);
		put_choices(w, S("items"), columns[i].items, columns[i].item_count);
		if (columns[i].sets)
			json_field_bool(w, S("sets"), true);
		json_close(w, '}');
	}
	json_close(w, ']');
	return reply_end(c, &r);
}

enum err call_disasm(struct caller *c)
{
	struct buf b;

	buf_init(&b, c->a, CALLS_SCRATCH_MAX_BYTES);
	program_disasm(c->program, &b);
	return buf_done(&b, &c->out->text);
}

enum err call_consents(struct caller *c)
{
	struct consents consents;
	struct interview in;
	struct reply_json r;
	struct json_out *w;
	enum err e = caller_interview(c, &in);

	if (e || (e = interview_consents(&in, &(struct consent_note){.at_ms = in.now_ms, .page = -1}, c->a, &consents)))
		return e;
	w = reply_begin(c, &r);
	json_open(w, '{');
	json_field_raw(w, S("consents"), consents.open);
	json_field_raw(w, S("personal"), consents.personal);
	json_close(w, '}');
	return reply_end(c, &r);
}

/* media.c - files, photos, recordings, signatures. An answer is a list of references to what is stored elsewhere; the engine
 * judges what they say of it. */
#include "engine/run.h"
#include "engine/number.h"
#include "base/limits.h"

static const char *const members[] = {"id", "name", "type", "size_bytes"};

bool media_type(uint32_t type)
{
	return type >= Q_file && type <= Q_signature;
}

bool media_fits(struct str accept, struct str type, struct str name)
{
	bool more = accept.n > 0, any = !more;

	while (more && !any) {
		struct str kind = str_trim(str_cut(&accept, ',', &more));

		if (str_ends(kind, S("/*")))
			any = type.n > kind.n - 1 &&
			      str_eq_nocase(str_sub(type, 0, kind.n - 1), str_sub(kind, 0, kind.n - 1));
		else if (str_starts(kind, S(".")))
			any = name.n > kind.n && str_eq_nocase(str_sub(name, name.n - kind.n, kind.n), kind);
		else
			any = str_eq_nocase(kind, type);
	}
	return any;
}

/* In units of a thousand bytes, as shops and cameras count them, rounded up. */
struct str media_size(struct run *r, double bytes)
{
	bool mega = bytes >= 1e6;
	struct value v = value_num(-number_floor(-bytes / (mega ? 1e5 : 1e3)) / (mega ? 10 : 1));
	struct str out = S("");
	struct buf b;

	buf_init(&b, r->a, 64);
	value_show(&b, &v);
	buf_add(&b, mega ? S(" MB") : S(" kB"));
	if (buf_done(&b, &out))
		r->failed = ERR_MEMORY;
	return out;
}

/* A reference has these four and nothing else. */
static bool take_one(struct run *r, const struct json *j, struct value *out)
{
	struct value_field *f = run_alloc(r, countof(members), sizeof(*f));

	*out = (struct value){.kind = V_RECORD, .count = countof(members), .fields = f};
	if (!f || j->type != JSON_OBJECT || j->count != countof(members))
		return false;
	for (size_t i = 0; i < countof(members); i++) {
		const struct json *m = json_get(j, str_from(members[i]));

		f[i].name = str_from(members[i]);
		if (i < 3 && m && m->type == JSON_STR && m->s.n && m->s.n <= MEDIA_TEXT_MAX_BYTES)
			f[i].value = value_text(m->s);
		else if (i == 3 && m && m->type == JSON_INT && m->i >= 0 && m->i < 1LL << 50)
			f[i].value = value_num((double)m->i);
		else
			return false;
	}
	return true;
}

void media_take(struct run *r, const struct p_question *q, struct state *s)
{
	struct value *items;
	uint32_t n = 0, count = s->raw->count;

	(void)q;
	if (s->raw->type != JSON_ARRAY || count > MEDIA_FILES_MAX) {
		answer_wrong(r, s, "type", MSG_NOT_MEDIA);
		return;
	}
	if (!(items = run_alloc(r, count, sizeof(*items))))
		return;
	for (uint32_t i = 0; i < count && run_burn(r, 4 + n / 4); i++) {
		struct value at = value_num(i);

		if (!take_one(r, &s->raw->items[i], &items[n])) {
			answer_wrong_at(r, s, "type", MSG_NOT_MEDIA, run_show(r, &at));
			return;
		}
		for (uint32_t k = 0; k < n; k++)
			if (value_same(&items[k].fields[0].value, &items[n].fields[0].value))
				answer_wrong_at(r, s, "twice", MSG_NOT_MEDIA, run_show(r, &at));
		n++;
	}
	s->value = (struct value){.kind = V_LIST, .count = n, .items = items};
}

void media_judge(struct run *r, const struct p_question *q, const struct state *s)
{
	double most = q->at_most ? program_num(r->p, q->at_most) : 1;

	if (s->value.count > most)
		run_error(r, q, S(""), "max_files", message_num(r, MSG_MAX_FILES, most));
	for (uint32_t i = 0; i < s->value.count && run_burn(r, 2); i++) {
		const struct value_field *f = s->value.items[i].fields;
		struct value at = value_num(i);

		if (!media_fits(program_str(r->p, q->accept), f[2].value.s, f[1].value.s))
			run_error(r, q, run_show(r, &at), "accept", message(r, MSG_ACCEPT, f[1].value.s, S("")));
		if (q->max_size && f[3].value.num > program_num(r->p, q->max_size))
			run_error(r, q, run_show(r, &at), "max_size_bytes",
			    message(r, MSG_MAX_SIZE, f[1].value.s, media_size(r, program_num(r->p, q->max_size))));
	}
}

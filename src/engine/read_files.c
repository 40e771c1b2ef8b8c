/* read_files.c - what questions for files say of them: kinds and sizes. */
#include "engine/def.h"

/* One kind of file: image/png, image/ and a star, or .csv */
static bool accept_sound(struct str kind)
{
	bool slash = false;

	for (size_t i = 0; i < kind.n; i++) {
		char c = kind.p[i];

		if (c == '/' && i && !slash)
			slash = true;
		else if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' &&
			 c != '+' && !(c == '*' && slash && kind.p[i - 1] == '/' && i + 1 == kind.n))
			return false;
	}
	return kind.n > 1 && (slash ? kind.p[kind.n - 1] != '/' : kind.p[0] == '.');
}

void read_accept(struct reader r, struct str key, struct def_question *q)
{
	struct str rest = read_str(r, key);
	bool more = rest.p != NULL;

	q->accept = rest;
	while (more)
		if (!accept_sound(str_trim(str_cut(&rest, ',', &more)))) {
			read_shape(r, key,
			    "kinds of files with commas between them, as in \"image/*, application/pdf, .csv\"");
			return;
		}
}

void read_max_size(struct reader r, struct str key, struct def_question *q)
{
	const struct json *v = json_get(r.json, key);

	if (v->type == JSON_INT && v->i > 0 && v->i < 1LL << 50)
		q->max_size = v->i;
	else
		read_shape(r, key, "a whole number of bytes");
}

/* Files have to be kept somewhere, which is for whoever has the program run to know. */
void read_no_media(struct reader r, struct def_question *q)
{
	struct str type = str_from(type_rows[q->type].name);

	q->left_out = true;
	q->type = Q_note;
	if (r.d->flags & COMPILE_LEAVE_OUT_UNBUILT)
		diag(&r.d->diags, D_LEFT_OUT_QUESTION, r.at, q->name, type);
	else
		diag(&r.d->diags, D_NO_MEDIA, where_key(&r.d->diags, r.at, S("type")), q->name, type);
}

#include "fieldwork/page_form.h"
#include "base/limits.h"
#include "base/utf8.h"

enum err form_read(struct str text, struct arena *a, struct form_field **fields, size_t *n)
{
	size_t room = 1;
	enum err e;

	*n = 0;
	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == '&';
	if (room > FORM_FIELDS_MAX)
		return ERR_LIMIT;
	if (!(*fields = arena_array(a, struct form_field, room)))
		return ERR_MEMORY;
	while (text.n > 0) {
		struct str value = str_cut(&text, '&', NULL), name = str_cut(&value, '=', NULL);
		struct form_field *f = &(*fields)[*n];

		if (name.n == 0)
			continue;
		if ((e = url_decode(a, name, true, &f->name)) || (e = url_decode(a, value, true, &f->value)))
			return e;
		(*n)++;
	}
	return OK;
}

struct str form_value(const struct form_field *fields, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(fields[i].name, name))
			return fields[i].value;
	return (struct str){0};
}

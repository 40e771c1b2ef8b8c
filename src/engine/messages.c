/* messages.c - the engine's own words in the interview's language. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/num.h"

/* One after the other: an address for each would take as much room as a word or two of it. */
#define MSG(name, en, vi) en "\0"
static const char english[] =
#include "engine/messages.def"
    ;
#undef MSG
#define MSG(name, en, vi) vi "\0"
static const char vietnamese[] =
#include "engine/messages.def"
    ;
#undef MSG

struct str message(struct run *r, enum message m, struct str a, struct str b)
{
	struct str tag = RUN_AFRESH || r->in ? r->in->language : S("en"), text, out = S("");
	const char *words;
	struct buf buf;

	words = str_eq_nocase(str_cut(&tag, '-', NULL), S("vi")) ? vietnamese : english;
	while (m--)
		words += str_from(words).n + 1;
	text = str_from(words);
	if (!str_find_char(text, '%', NULL))
		return text;
	buf_init(&buf, r->a, VALUE_TEXT_MAX_BYTES);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%' && i + 1 < text.n)
			buf_add(&buf, text.p[++i] == '1' ? a : b);
		else
			buf_char(&buf, text.p[i]);
	}
	if (buf_done(&buf, &out) == ERR_MEMORY && !r->failed)
		r->failed = ERR_MEMORY;
	return out;
}

struct str message_plain(struct run *r, enum message m)
{
	return message(r, m, S(""), S(""));
}

struct str message_num(struct run *r, enum message m, double a)
{
	char text[NUM_TEXT_MAX];

	return message(r, m, str_make(text, num_text(a, text)), S(""));
}

/* messages.c - the engine's own words in the interview's language. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/num.h"

static const char *const english[MESSAGES] = {
#define MSG(name, en, vi) en,
#include "engine/messages.def"
#undef MSG
};
static const char *const vietnamese[MESSAGES] = {
#define MSG(name, en, vi) vi,
#include "engine/messages.def"
#undef MSG
};

struct str message(struct run *r, enum message m, struct str a, struct str b)
{
	struct str tag = r->in ? r->in->language : S("en"), text, out = S("");
	struct buf buf;

	text = str_from(str_eq_nocase(str_cut(&tag, '-', NULL), S("vi")) ? vietnamese[m] : english[m]);
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

struct str message_num(struct run *r, enum message m, double a)
{
	char text[NUM_TEXT_MAX];

	return message(r, m, str_make(text, num_text(a, text)), S(""));
}

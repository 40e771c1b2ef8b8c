/* simulate_text.c - what synthetic respondents write. */
#include "engine/simulate.h"
#include "engine/pattern_states.h"
#include "base/limits.h"
#include "base/utf8.h"

static const char *const words[] = {"giá", "tốt", "rất", "ngon", "sữa", "gia đình", "con tôi", "thích", "không", "mua",
    "ở", "siêu thị", "gần nhà", "chất lượng", "thương hiệu", "quen thuộc", "bạn bè", "giới thiệu", "khuyến mãi", "đắt",
    "rẻ", "nhân viên", "nhiệt tình", "lâu", "sạch", "Đà Nẵng", "Huế", "cà phê", "buổi sáng", "mỗi ngày", "the", "price",
    "is", "good", "taste", "my", "children", "like", "it", "quality", "friendly", "staff", "too", "expensive", "near",
    "home", "always", "available", "never", "again", "trust", "this", "brand", "service", "slow", "fast", "fresh",
    "sweet", "we", "buy", "every", "week", "discount", "friends", "recommended", "packaging"};

struct str draw_words(struct simulator *s, uint32_t least, uint32_t most)
{
	uint32_t n = least + rng_below(&s->rng, most - least + 1);
	struct str out = S("");
	struct buf b;

	buf_init(&b, s->r.a, 4 * KB);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ' ');
		buf_add(&b, str_from(words[rng_below(&s->rng, countof(words))]));
	}
	if (buf_done(&b, &out) == ERR_MEMORY)
		s->r.failed = ERR_MEMORY;
	return out;
}

struct str draw_code(struct simulator *s, const char *before, uint32_t n, const char *after)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, s->r.a, 200);
	buf_add(&b, str_from(before));
	for (uint32_t i = 0; i < n; i++)
		buf_char(&b, (char)('0' + rng_below(&s->rng, 10)));
	buf_add(&b, str_from(after));
	if (buf_done(&b, &out) == ERR_MEMORY)
		s->r.failed = ERR_MEMORY;
	return out;
}

struct str draw_pattern(struct simulator *s, uint32_t pattern)
{
	struct pattern x = program_pattern(s->r.p, pattern);
	struct str out = S("");
	struct buf b;

	buf_init(&b, s->r.a, 4 * KB);
	pattern_draw(&x, &s->rng, &b);
	if (buf_done(&b, &out) == ERR_MEMORY)
		s->r.failed = ERR_MEMORY;
	return out;
}

struct str draw_length(struct simulator *s, struct str begin, size_t length)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, s->r.a, 64 * KB);
	buf_add(&b, begin);
	while (utf8_length(str_make(b.p, b.n)) < length && !b.failed && !s->r.failed)
		buf_add(&b, draw_words(s, 1, 3));
	if (buf_done(&b, &out) == ERR_MEMORY)
		s->r.failed = ERR_MEMORY;
	return utf8_clip(out, length);
}

struct bounds {
	size_t least, most;
};

/* As many digits as are usual, more or fewer where the whole has to be longer or shorter. */
static struct str draw_about(struct simulator *s, struct bounds in, const char *before, uint32_t n, const char *after)
{
	size_t around = str_from(before).n + str_from(after).n;

	if (around + n < in.least)
		n = (uint32_t)(in.least - around);
	if (around + n > in.most)
		n = in.most > around ? (uint32_t)(in.most - around) : 1;
	return draw_code(s, before, n, after);
}

static struct str of_kind(struct simulator *s, const struct p_question *q, struct bounds in)
{
	if (q->pattern && (s->strict || !chance(s, 5)))
		return draw_pattern(s, q->pattern);
	switch (q->input) {
	case INPUT_EMAIL:
		if (!s->strict && chance(s, 5))
			return S("example.com");
		return in.most < 24 ? draw_about(s, in, "n", 2, "@a.vn")
				    : draw_about(s, in, "nguyen.", 5, "@example.com");
	case INPUT_URL:
		return in.most < 24 ? draw_about(s, in, "http://a.vn/", 1, "")
				    : draw_about(s, in, "https://example.com/", 4, "");
	case INPUT_TEL:
		return draw_about(s, in, "09", 8, "");
	default:
		return draw_words(s, 1, q->flags & QUESTION_MULTILINE ? 16 : 5);
	}
}

/* Longer or shorter until it fits, or to the bound itself. */
struct str draw_text(struct simulator *s, const struct p_question *q)
{
	struct bounds in = {0, ANSWER_TEXT_MAX_BYTES / 4};
	struct str out;

	if (q->at_least)
		in.least = (size_t)program_num(s->r.p, q->at_least);
	if (q->at_most)
		in.most = (size_t)program_num(s->r.p, q->at_most);
	out = of_kind(s, q, in);
	if (q->pattern || q->input != INPUT_TEXT)
		return out;
	if (utf8_length(out) < in.least && in.least <= KB)
		out = draw_length(s, out, in.least + rng_below(&s->rng, 6));
	return str_trim(utf8_clip(out, in.most));
}

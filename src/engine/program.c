/* program.c - bytes to a program, and what outsiders may ask of one. */
#include "engine/emit.h"
#include "base/limits.h"
#include "base/shim.h"

static uint32_t word(struct str bytes, size_t at)
{
	const unsigned char *p = (const unsigned char *)bytes.p + at;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool fits(struct str bytes, uint32_t at, uint64_t n)
{
	return at % 4 == 0 && at >= HEADER_WORDS * 4 && (uint64_t)at + n <= bytes.n;
}

/* The words of one section in the machine's own order; NULL in *why's place when memory ran out. */
static enum err section(struct arena *a, struct str bytes, enum section s, struct section_view *out)
{
	uint32_t at = word(bytes, 12 + 8 * (size_t)s), n = word(bytes, 16 + 8 * (size_t)s);
	uint64_t words = (uint64_t)n * section_words[s];
	uint32_t *w;

	if (!fits(bytes, at, words * 4))
		return ERR_INVALID;
	if (!(w = arena_array(a, uint32_t, (size_t)words + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < words; i++)
		w[i] = word(bytes, at + 4 * i);
	*out = (struct section_view){w, n};
	return OK;
}

static bool blob(struct str bytes, uint32_t which, struct str *out)
{
	size_t at = 12 + 8 * (size_t)(SECTION_COUNT + which);
	uint32_t from = word(bytes, at), n = word(bytes, at + 4);

	if (!fits(bytes, from, n))
		return false;
	*out = str_make(bytes.p + from, n);
	return true;
}

_Static_assert(sizeof(struct section_view[SECTION_COUNT]) ==
		   offsetof(struct program, rosters) - offsetof(struct program, sections),
    "the sections by name and by number are the same words");
_Static_assert(offsetof(struct program, survey_count) - offsetof(struct program, str_count) ==
		   (SECTION_COUNT - 1) * sizeof(struct section_view),
    "the sections by name and by number are the same words");

bool program_begins(struct str bytes)
{
	return bytes.n >= 4 && word(bytes, 0) == PROGRAM_MAGIC;
}

enum err program_load(struct arena *a, struct str bytes, struct program **out, const char **why)
{
	struct program *p;
	enum err e;

	*why = "this is not a program of this version of the engine";
	*out = NULL;
	if (bytes.n < HEADER_WORDS * 4 || bytes.n > PROGRAM_MAX_BYTES || word(bytes, 0) != PROGRAM_MAGIC ||
	    word(bytes, 4) != PROGRAM_VERSION || word(bytes, 8) != bytes.n)
		return ERR_INVALID;
	if (!(p = arena_new(a, struct program)))
		return ERR_MEMORY;
	p->bytes = bytes;
	*why = "a section of the program lies outside of it";
	for (enum section s = 0; s < SECTION_COUNT; s++)
		if ((e = section(a, bytes, s, &p->sections[s])))
			return e;
	if (!blob(bytes, 0, &p->text_blob) || !blob(bytes, 1, &p->code))
		return ERR_INVALID;
	if ((e = program_verify(a, p, why)))
		return e;
	*why = "";
	if ((e = program_index(a, p)) || (e = program_views(a, p)))
		return e;
	*out = p;
	return OK;
}

struct str program_str(const struct program *p, uint32_t id)
{
	return str_make(p->text_blob.p + p->str[id].at, p->str[id].length);
}

double program_num(const struct program *p, uint32_t id)
{
	uint64_t bits = (uint64_t)p->num[id].high << 32 | p->num[id].low;
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

size_t program_language_count(const struct program *p)
{
	return p->language_count;
}

struct str program_language_at(const struct program *p, size_t i)
{
	return i < p->language_count ? program_str(p, p->language[i].tag) : S("");
}

struct str program_language(const struct program *p)
{
	return program_language_at(p, p->survey[0].language);
}

bool program_show_back(const struct program *p)
{
	return (p->survey[0].flags & SURVEY_SHOW_BACK) != 0;
}

bool program_show_progress(const struct program *p)
{
	return p->survey[0].progress != PROGRESS_NONE;
}

static struct str primary(struct str tag)
{
	return str_cut(&tag, '-', NULL);
}

struct str program_language_pick(const struct program *p, struct str wish)
{
	for (size_t i = 0; i < p->language_count; i++)
		if (str_eq_nocase(program_language_at(p, i), wish))
			return program_language_at(p, i);
	for (size_t i = 0; wish.n && i < p->language_count; i++)
		if (str_eq_nocase(primary(program_language_at(p, i)), primary(wish)))
			return program_language_at(p, i);
	return program_language(p);
}

uint32_t program_language_index(const struct program *p, struct str language)
{
	for (uint32_t i = 0; i < p->language_count; i++)
		if (str_eq(program_language_at(p, i), language))
			return i;
	return p->survey[0].language;
}

size_t program_page_count(const struct program *p)
{
	return p->page_count;
}

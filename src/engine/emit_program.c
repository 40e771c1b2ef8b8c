/* emit_program.c - records, interning, and the bytes of the whole. */
#include "engine/emit.h"
#include "engine/pattern_states.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"

const uint32_t section_words[SECTION_COUNT] = {
#define SECTION(name) sizeof(struct p_##name) / sizeof(uint32_t),
    SECTIONS(SECTION)
#undef SECTION
};

static void words_add(struct emit *e, struct words *w, uint32_t n)
{
	uint32_t room = w->room ? w->room : 64;
	uint32_t *grown;

	if (e->memory)
		return;
	while (room < w->count + n)
		room *= 2;
	if (room > w->room) {
		grown = arena_grow(e->a, w->p, w->room * sizeof(*grown), room * sizeof(*grown));
		if (!grown) {
			e->memory = true;
			return;
		}
		w->p = grown;
		w->room = room;
	}
	w->count += n;
}

uint32_t *emit_record(struct emit *e, enum section s)
{
	struct words *w = &e->sections[s];

	words_add(e, w, section_words[s]);
	return e->memory ? NULL : w->p + w->count - section_words[s];
}

uint32_t emit_count(const struct emit *e, enum section s)
{
	return e->sections[s].count / section_words[s];
}

static bool table_grow(struct emit *e)
{
	uint32_t size = e->table_size ? 2 * e->table_size : 256;
	struct interned *table = arena_array(e->a, struct interned, size);

	if (!table) {
		e->memory = true;
		return false;
	}
	for (uint32_t i = 0; i < e->table_size; i++) {
		uint32_t slot = (uint32_t)hash64(e->table[i].key, 3) & (size - 1);

		if (!e->table[i].id)
			continue;
		while (table[slot].id)
			slot = (slot + 1) & (size - 1);
		table[slot] = e->table[i];
	}
	e->table = table;
	e->table_size = size;
	return true;
}

/* The place of a key: its first byte is the kind, so that a number never meets a string. */
static struct interned *intern(struct emit *e, char kind, struct str s)
{
	char *key;
	uint32_t slot;

	if (e->memory || (4 * e->table_count >= 3 * e->table_size && !table_grow(e)))
		return NULL;
	if (!(key = arena_alloc(e->a, s.n + 1))) {
		e->memory = true;
		return NULL;
	}
	key[0] = kind;
	mem_copy(key + 1, s.p, s.n);
	slot = (uint32_t)hash64(str_make(key, s.n + 1), 3) & (e->table_size - 1);
	for (; e->table[slot].id; slot = (slot + 1) & (e->table_size - 1))
		if (str_eq(e->table[slot].key, str_make(key, s.n + 1)))
			return &e->table[slot];
	e->table[slot].key = str_make(key, s.n + 1);
	e->table_count++;
	return &e->table[slot];
}

uint32_t emit_str(struct emit *e, struct str s)
{
	struct interned *place;
	uint32_t *r;

	if (!s.n || !(place = intern(e, 's', s)))
		return 0;
	if (place->id)
		return place->id;
	place->id = emit_count(e, SECTION_str);
	if (!(r = emit_record(e, SECTION_str)))
		return 0;
	r[0] = (uint32_t)e->texts.n;
	r[1] = (uint32_t)s.n;
	buf_add(&e->texts, s);
	return place->id;
}

uint32_t emit_num(struct emit *e, double v)
{
	struct interned *place;
	uint64_t bits;
	uint32_t *r;

	memcpy(&bits, &v, sizeof(bits));
	if (!(place = intern(e, 'n', str_make((const char *)&bits, sizeof(bits)))))
		return 0;
	if (place->id)
		return place->id;
	place->id = emit_count(e, SECTION_num);
	if (!(r = emit_record(e, SECTION_num)))
		return 0;
	r[0] = (uint32_t)bits;
	r[1] = (uint32_t)(bits >> 32);
	return place->id;
}

static void emit_states(struct emit *e, const struct pattern *p)
{
	uint32_t classes = emit_count(e, SECTION_class), ranges = emit_count(e, SECTION_range), *r;

	for (uint32_t i = 0; i < p->range_count && (r = emit_record(e, SECTION_range)); i++)
		*(struct p_range *)(void *)r = p->ranges[i];
	for (uint32_t i = 0; i < p->class_count && (r = emit_record(e, SECTION_class)); i++) {
		struct p_class *c = (struct p_class *)(void *)r;

		*c = p->classes[i];
		c->ranges += ranges;
	}
	for (uint32_t i = 0; i < p->count && (r = emit_record(e, SECTION_state)); i++)
		r[0] = p->states[i].what + (STATE_KIND(p->states[i].what) == ST_CLASS ? STATE(0, classes) : 0);
}

/* Index of a pattern + 1, as REF fields have it. */
uint32_t emit_pattern(struct emit *e, struct str source)
{
	struct interned *place = intern(e, 'p', source);
	uint32_t id = emit_count(e, SECTION_pattern) + 1, *r;
	struct pattern *made;
	const char *why;
	uint32_t at;

	if (!place)
		return 0;
	if (place->id)
		return place->id;
	place->id = id;
	if (pattern_compile(e->a, source, &made, &why, &at)) { /* that it is sound has been seen: only memory is left */
		e->memory = true;
		return 0;
	}
	if ((r = emit_record(e, SECTION_pattern)))
		*(struct p_pattern *)(void *)r =
		    (struct p_pattern){emit_str(e, source), emit_count(e, SECTION_state), made->count};
	emit_states(e, made);
	return id;
}

bool emit_init(struct emit *e, struct arena *a)
{
	*e = (struct emit){.a = a};
	buf_init(&e->texts, a, PROGRAM_MAX_BYTES);
	buf_init(&e->code, a, PROGRAM_MAX_BYTES);
	/* number 0 of these means "none" */
	emit_record(e, SECTION_str);
	emit_record(e, SECTION_num);
	emit_record(e, SECTION_template);
	emit_record(e, SECTION_expr);
	return !e->memory;
}

static void put_word(struct buf *b, uint32_t w)
{
	const char bytes[4] = {(char)w, (char)(w >> 8), (char)(w >> 16), (char)(w >> 24)};

	buf_add(b, str_make(bytes, 4));
}

enum err emit_done(struct emit *e, struct str *program)
{
	uint32_t at = HEADER_WORDS * 4;
	struct buf b;

	if (e->memory || e->texts.failed || e->code.failed)
		return ERR_MEMORY;
	buf_fill(&e->texts, 0, (4 - e->texts.n % 4) % 4);
	buf_fill(&e->code, 0, (4 - e->code.n % 4) % 4);
	buf_init(&b, e->a, PROGRAM_MAX_BYTES);
	for (uint32_t s = 0; s < SECTION_COUNT; s++)
		at += e->sections[s].count * 4;
	buf_room(&b, at + e->texts.n + e->code.n); /* all of it at once */
	put_word(&b, PROGRAM_MAGIC);
	put_word(&b, PROGRAM_VERSION);
	put_word(&b, at + (uint32_t)e->texts.n + (uint32_t)e->code.n);
	at = HEADER_WORDS * 4;
	for (uint32_t s = 0; s < SECTION_COUNT; s++) {
		put_word(&b, at);
		put_word(&b, emit_count(e, (enum section)s));
		at += e->sections[s].count * 4;
	}
	put_word(&b, at);
	put_word(&b, (uint32_t)e->texts.n);
	put_word(&b, at + (uint32_t)e->texts.n);
	put_word(&b, (uint32_t)e->code.n);
	for (uint32_t s = 0; s < SECTION_COUNT; s++)
		for (uint32_t i = 0; i < e->sections[s].count; i++)
			put_word(&b, e->sections[s].p[i]);
	buf_add(&b, str_make(e->texts.p, e->texts.n));
	buf_add(&b, str_make(e->code.p, e->code.n));
	return buf_done(&b, program);
}

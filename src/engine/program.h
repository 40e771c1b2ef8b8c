/* program.h - the compiled program as it lies in memory once loaded. Room-internal.
 *
 * program_load() decodes the words of every section into arrays of the structs below, and verify.c has looked at every
 * one of them before anyone else does: indexes are in range, code is sound, texts are UTF-8. So readers index freely. */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include "engine/engine.h"
#include "engine/layout.def"
#include "engine/pattern.h"

#define PROGRAM_MAGIC 0x52504343u /* "CCPR" */
#define PROGRAM_VERSION 4u

#define F(member, kind) uint32_t member;
#define SECTION(name)                                                                                                  \
	struct p_##name {                                                                                              \
		name##_FIELDS(F)                                                                                       \
	};
SECTIONS(SECTION)
#undef SECTION
#undef F

enum section {
#define SECTION(name) SECTION_##name,
	SECTIONS(SECTION)
#undef SECTION
	    SECTION_COUNT
};

/* What stands stored is read by the layout of its version. When this fails, layout.def changed: raise PROGRAM_VERSION, so
 * that older programs are refused and compiled again, then write the new sum here, and renew fuzz/corpus/program. */
#define SECTION(name) +(SECTION_##name + 1) * sizeof(struct p_##name) / sizeof(uint32_t)
_Static_assert(PROGRAM_VERSION == 4u && (0 SECTIONS(SECTION)) == 2230, "a changed layout is a new PROGRAM_VERSION");
#undef SECTION

/* header: magic, version, bytes, then (offset, count) of each section, then (offset, bytes) of the text and the code blob */
#define HEADER_WORDS (3 + 2 * SECTION_COUNT + 4)

struct program {
	struct str bytes;
	struct str text_blob, code;
	union { /* the sections by name, and by number */
		struct {
#define SECTION(name)                                                                                                  \
	const struct p_##name *name;                                                                                   \
	uint32_t name##_count;
			SECTIONS(SECTION)
#undef SECTION
		};
		struct section_view {
			const void *records;
			uint32_t count;
		} sections[SECTION_COUNT];
	};
	const uint32_t *rosters; /* by question: the roster that it is asked in, + 1; 0: none */
	/* choices.c: every choice as it stands where nothing hides, filters or switches it off; and which questions offer such ones only */
	const struct choice_view *views;
	const bool *plain;
	uint32_t texts; /* each has a record per language in section text */
	uint32_t stack; /* the deepest stack any expression needs */
	/* depend.c: the dependents of node n are dependent[dependent_first[n] ...] up to dependent_first[n + 1]; nodes are the
	 * questions, then the calculated values, the pages' conditions, the rules as one and the quota cells as one; a
	 * question inside a roster goes as the roster. NULL: too many to keep. */
	const uint32_t *dependent_first, *dependent;
	const uint32_t *names; /* questions, then calculated values, by name: index + 1 by hash, linear probing */
	uint32_t name_mask;
};

static inline uint32_t program_page_node(const struct program *p, uint32_t page)
{
	return p->question_count + p->calc_count + page;
}
static inline uint32_t program_rules_node(const struct program *p)
{
	return p->question_count + p->calc_count + p->page_count;
}
static inline uint32_t program_cells_node(const struct program *p)
{
	return program_rules_node(p) + 1;
}
static inline uint32_t program_nodes(const struct program *p)
{
	return program_rules_node(p) + 2;
}

enum question_type {
#define QTYPE(name, ...) Q_##name,
#include "engine/types.def"
#undef QTYPE
	QUESTION_TYPES
};

/* flags */
enum {
	QUESTION_REQUIRED = 1,
	QUESTION_PERSONAL = 2,
	QUESTION_MULTILINE = 4,
	QUESTION_REFRESH = 8,
	QUESTION_INTEGER = 16,
	QUESTION_EACH_ROW = 32,
	QUESTION_HAS_OTHER = 64,
	QUESTION_READ_ONLY = 128,
	QUESTION_SELECT_ALL = 512,
	QUESTION_SKIP = 1024,  /* not exported */
	QUESTION_DRAWN = 2048, /* a roster whose records are drawn before its page is shown */
	QUESTION_OUTSIDE = 256 /* enable_if looks at no answer: the respondent cannot change it */
};
enum { CHOICE_FIXED = 1, CHOICE_EXCLUSIVE = 2 };
enum role { ROLE_PLAIN, ROLE_OTHER, ROLE_NONE, ROLE_REFUSED, ROLE_DONT_KNOW, ROLE_NA };
enum order { ORDER_FIXED, ORDER_RANDOM, ORDER_ROTATE, ORDER_REVERSE, ORDER_ASC, ORDER_DESC, ORDER_LEAST_FILLED };
enum from_mode { FROM_SELECTED, FROM_UNSELECTED, FROM_ALL };
enum display {
	DISPLAY_RADIO,
	DISPLAY_DROPDOWN,
	DISPLAY_BUTTONS,
	DISPLAY_LIKERT,
	DISPLAY_NUMBERS,
	DISPLAY_STARS,
	DISPLAY_NPS,
	DISPLAY_SMILEYS,
	DISPLAY_IMAGES
};
enum cell { CELL_SINGLE, CELL_MULTI, CELL_TEXT, CELL_NUMBER };
enum input { INPUT_TEXT, INPUT_EMAIL, INPUT_URL, INPUT_TEL };
enum segment_mode { SEGMENT_LITERAL, SEGMENT_PLAIN, SEGMENT_HTML, SEGMENT_URL };
enum { VARIABLE_EXPORT = 1, VARIABLE_REQUIRED = 2, VARIABLE_PERSONAL = 4 };
enum { OUTCOME_SIGN = 1 };
enum { SURVEY_SHOW_BACK = 1, SURVEY_WITHOUT_CHOICES = 2 /* shows questions that offer none */ };
enum progress_kind { PROGRESS_PAGES, PROGRESS_QUESTIONS, PROGRESS_NONE };

struct str program_str(const struct program *p, uint32_t id);
double program_num(const struct program *p, uint32_t id);
/* verify_names.c: whether every key of the stored answers means one thing. ERR_MEMORY. */
enum err verify_names(struct arena *a, const struct program *p, bool *sound);
/* verify.c: ERR_INVALID with *why, or ERR_MEMORY. Fills p->texts, p->rosters and p->stack. */
enum err program_verify(struct arena *a, struct program *p, const char **why);
/* depend.c: questions and calculated values by name; ERR_MEMORY. After program_verify. */
enum err program_index(struct arena *a, struct program *p);
/* choices.c: views and plain; ERR_MEMORY. After program_verify. */
enum err program_views(struct arena *a, struct program *p);
/* The question that a key among the answers stands for, or whose `other` text it is. */
bool program_answer_name(const struct program *p, struct str name, uint32_t *question, bool *other);
bool program_calc_name(const struct program *p, struct str name); /* whether it is a calculated value's */
/* The roster that a question is asked in, + 1; 0: none. */
static inline uint32_t roster_of(const struct program *p, uint32_t question)
{
	return p->rosters[question];
}
/* The index of a language, or of the survey's own. */
uint32_t program_language_index(const struct program *p, struct str language);

#endif

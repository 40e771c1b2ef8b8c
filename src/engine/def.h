/* def.h - a definition as a checked tree. Room-internal.
 *
 * read.c makes it from JSON and has then looked at every key; check.c resolves names, parses and types every expression and
 * text; order.c puts everything in an order in which it can be worked out; emit.c writes the program. Nothing of the tree
 * lives on: interviews run on the program alone. Everything is in the arena of the compilation. */
#ifndef ENGINE_DEF_H
#define ENGINE_DEF_H

#include "engine/diag.h"
#include "engine/expr.h"
#include "engine/program.h"

/* The groups of properties that types.def gives to types and props.def to properties. */
enum {
	P_ALL = 1,
	P_ANSWER = 1 << 1,
	P_CHOICES = 1 << 2,
	P_CHOICE_DISPLAY = 1 << 3,
	P_SELECTED = 1 << 4,
	P_RANKED = 1 << 5,
	P_BOOLEAN = 1 << 6,
	P_CONSENT = 1 << 7,
	P_TEXT = 1 << 8,
	P_RANGE = 1 << 9,
	P_NUMBER = 1 << 10,
	P_BOUNDS = 1 << 11,
	P_LABELS = 1 << 12,
	P_RATING_DISPLAY = 1 << 13,
	P_MATRIX = 1 << 14,
	P_ITEMS = 1 << 15,
	P_ALLOCATION = 1 << 16,
	P_GROUP = 1 << 17,
	P_NOTE = 1 << 18,
	P_ROSTER = 1 << 19,
	P_PLACE = 1 << 21,
	P_FILES = 1 << 22,
	P_ITEM = 1 << 20, /* properties that items of a multi_text have too, those of their type */
	P_ITEM_ONLY = 1 << 23
};

/* A piece of text in one language: literal parts and expressions in turn. */
struct part {
	enum segment_mode mode;
	struct str literal;
	struct node *value;
};
struct piece {
	struct part *parts;
	uint32_t count;
};

enum text_use { TEXT_PLAIN, TEXT_MARKUP, TEXT_ADDRESS, TEXT_MEDIA };
struct text {
	const struct where *at; /* NULL: not given */
	const struct json *json;
	enum text_use use;
	struct piece *pieces; /* one for each language of the survey, after check */
	uint32_t id;	      /* in the program */
};

struct formula {
	const struct where *at; /* NULL: not given */
	struct str source;
	struct node *tree; /* after check */
	uint32_t id;	   /* in the program */
};

struct def_question;
struct def_choice {
	const struct where *at;
	struct def_question *item; /* of a multi_text: what kind of question it is; NULL: a text */
	bool is_number;
	struct str text; /* the value; of an integer its digits */
	int64_t number;
	bool has_code;
	int64_t code;
	double point; /* of a scale, for a label of it */
	struct text label, image;
	struct formula visible_if, enable_if;
	bool fixed, exclusive;
	enum role role;
};
struct def_choices {
	const struct where *at; /* NULL: none */
	struct str name;	/* of a choice list, when it is taken from there */
	struct def_choice *list;
	uint32_t count;
	uint32_t first; /* in the program, once emitted */
	bool emitted;
	bool wrong;			  /* something in it was reported and left out */
	const struct def_choices *shared; /* the named list */
};

struct def_validator {
	const struct where *at;
	struct formula expression;
	struct text message;
};

struct number_or { /* a number, or a text that is a literal or holds an expression */
	const struct where *at;
	const struct json *json;
	struct formula formula;
};

struct def_question {
	const struct where *at;
	const struct json *json;
	struct str name;
	enum question_type type;
	bool left_out;
	struct def_page *page;
	struct def_question *parent;
	struct def_question *roster; /* whose records it is asked in; NULL: none */
	uint32_t index, span;	     /* among all questions, parents first; how many follow inside */
	struct text title, description, required_message, unit, html, label_true, label_false, consent;
	struct formula visible_if, required_if, first_expression, enable_if, choice_filter;
	struct str export_name;
	const struct where *export_at; /* of `export` */
	struct text export_label;
	bool export_skip;
	struct text media[3]; /* image, audio, video */
	bool select_all;
	bool read_only, outside; /* outside: enable_if looks at no answer */
	bool required, pii, encrypted, multiline, each_row;
	const struct json *first; /* default */
	const struct where *first_at;
	struct node *first_tree;
	struct def_validator *validators;
	uint32_t validator_count;
	struct def_choices choices, rows, items, labels;
	struct str from_name;
	const struct where *from_at;
	struct def_question *from;
	enum from_mode from_mode;
	enum order order, row_order;
	enum display display;
	enum input input;
	enum cell cell;
	struct number_or min, max;
	struct node *min_tree, *max_tree;
	double low, high; /* min and max where they are numbers */
	bool has_low, has_high;
	int integer; /* or with decimals */
	double step, total;
	bool has_step, has_total;
	int64_t at_least, at_most, text_rows, decimals; /* -1: not given */
	struct str accept;
	int64_t max_size; /* bytes; 0: not given */
	struct str pattern;
	const struct where *pattern_at;
	struct formula over;		/* of a roster: what it runs over */
	struct def_question *over_from; /* when that is the answer to a choice question */
	struct text item_title;
	struct str key_name;
	const struct where *key_at;
	struct def_question *key;
	struct def_step *steps; /* of a record */
	uint32_t step_count;
	bool refresh;
	bool drawn;		/* a roster whose records are drawn before its page is shown: order_quotas() */
	uint32_t program_index; /* its record */
};

struct def_page {
	const struct where *at;
	struct str name;
	struct text title, description;
	struct formula visible_if;
	enum order order;
	uint32_t first, count; /* questions, those inside others too */
	uint32_t index;
	struct def_step *steps;
	uint32_t step_count;
};
struct def_calc {
	const struct where *at;
	struct str name;
	enum value_kind kind;
	struct formula expression;
	bool exported;
	bool personal; /* looks at a personal answer, at any remove: order_personal.c */
	uint32_t index;
	uint32_t first_page; /* analyse.c: the first page it looks at, from 1; 0: not worked out yet */
	bool checked;
};
struct def_param {
	const struct where *at;
	struct str name;
	enum value_kind kind;
	bool exported, required;
	uint32_t index;
};
struct def_rule {
	const struct where *at;
	struct formula when;
	int verb; /* 1: end, 2: skip_to; 0: neither, which was said */
	struct str outcome_name, target_name;
	struct def_outcome *outcome;
	struct def_page *target;
};
struct def_cell {
	const struct where *at;
	struct str name;
	struct formula when;
	int64_t limit;
	const struct def_page *known; /* the last page that the condition depends on; NULL: on none */
	bool entered;		      /* of that only on which records are drawn for it: known as it is entered */
};
struct def_quota {
	const struct where *at, *outcome_at;
	struct str name, outcome_name;
	struct def_outcome *outcome;
	struct def_cell *cells;
	uint32_t cell_count;
	int count_on; /* these two are for whoever counts: their form is looked at */
	int64_t lease_seconds;
};
struct def_outcome {
	const struct where *at;
	struct str name;
	struct text html, redirect;
	int sign;
	uint32_t index;
};
struct def_step {
	struct def_question *question; /* or */
	struct def_calc *calc;
};
struct def_list {
	struct str name;
	struct def_choices choices;
	bool used;
};

struct def {
	struct arena *a;
	struct diags diags;
	unsigned flags;		/* COMPILE_... */
	const struct where *at; /* /survey */
	struct str language, *languages;
	uint32_t language_count, language_index;
	struct text title, description;
	enum compat compat;
	bool show_back;
	enum progress_kind progress;
	struct def_param *params;
	uint32_t param_count;
	struct def_list *lists;
	uint32_t list_count;
	struct def_calc *calcs;
	uint32_t calc_count;
	size_t consent_bytes; /* of their words, as far as checked */
	struct def_page *pages;
	uint32_t page_count;
	struct def_question *questions;
	uint32_t question_count, question_room;
	struct def_rule *rules;
	uint32_t rule_count;
	struct def_quota *quotas;
	uint32_t quota_count;
	struct def_outcome *outcomes;
	uint32_t outcome_count;
	uint32_t *index, index_mask; /* check_index.c: names, from the beginning of def_check */
	struct def_step *steps;	     /* what depends on no question */
	uint32_t step_count;
};

/* What a type is, from types.def. */
struct type_row {
	const char *name;
	uint32_t kinds, items, groups;
};
extern const struct type_row type_rows[QUESTION_TYPES];

/* Each of these says what is wrong in d->diags and goes on; false or ERR_MEMORY only when memory ran out. */
enum err def_read(struct def *d, const struct json *document);
enum err def_check(struct def *d);
enum err def_order(struct def *d);
enum err def_emit(struct def *d, struct str *program);

/* read.c, for its neighbours */
struct reader {
	struct def *d;
	const struct where *at;
	const struct json *json;
};
/* How a property is read, and into what kind of member. DONE: by whoever reads the object. */
enum how {
	AS_DONE,
	AS_TEXT, /* the four of enum text_use */
	AS_MARKUP,
	AS_ADDRESS,
	AS_MEDIA,
	AS_NAME,
	AS_STR,
	AS_FORMULA,
	AS_BOOL,
	AS_COUNT,
	AS_WORD, /* the number of the word: an int, or an enum */
	AS_OWN	 /* of a question */
};
struct def_question;
typedef void prop_reader(struct reader r, struct str key, struct def_question *q);
struct prop {
	const char *key;
	uint32_t groups; /* P_...: which questions take it, or P_ALL */
	uint8_t how;
	bool needed;
	uint16_t member; /* its offset */
	union {
		const char *words; /* see word_find */
		prop_reader *own;
	} more;
};
#define PROP_OF(type, key, how, member)                                                                                \
	{                                                                                                              \
		key, P_ALL, AS_##how, false, offsetof(struct type, member),                                            \
		{                                                                                                      \
			NULL                                                                                           \
		}                                                                                                      \
	}
#define PROP_NEEDED(type, key, how, member)                                                                            \
	{                                                                                                              \
		key, P_ALL, AS_##how, true, offsetof(struct type, member),                                             \
		{                                                                                                      \
			NULL                                                                                           \
		}                                                                                                      \
	}
#define PROP_WORD(type, key, member, words)                                                                            \
	{                                                                                                              \
		key, P_ALL, AS_WORD, false, offsetof(struct type, member),                                             \
		{                                                                                                      \
			words                                                                                          \
		}                                                                                                      \
	}
/* An object: its properties, in no order. */
struct shape {
	const char *what; /* with its article */
	const struct prop *props;
	uint32_t count;
	/* of read_objects: of one object in memory, at most so many, and what is to be done when its properties are read */
	uint32_t size, most;
	void (*more)(struct reader r, void *out, uint32_t index);
};

void read_shape(struct reader r, struct str key, const char *wanted);
struct str read_str(struct reader r, struct str key);
bool read_bool(struct reader r, struct str key, bool fallback);
int64_t read_count(struct reader r, struct str key);
/* The number of a word among words with blanks between them, from 0; -1: none of them. Two blanks leave a number out. */
int word_find(const char *words, struct str word);
int read_word(struct reader r, struct str key, const char *words);
#define WORDS_ORDER "fixed random rotate reverse asc desc least_filled"
#define WORDS_ORDER_QUESTIONS "fixed random rotate reverse   least_filled" /* which have no labels to sort by */
void read_text(struct reader r, struct str key, enum text_use use, struct text *out);
void read_formula(struct reader r, struct str key, struct formula *out);
struct str read_name(struct reader r);
bool name_valid(struct str s);
void read_missing(struct reader r, struct str key); /* says so when it is */
bool read_is_object(struct reader r, const char *what);
/* Every key of an object: into `out` by its row, when the row is one of `groups`. Rows out of `known` are as if they were not there;
 * `out` is a question when the two differ. */
void read_props(struct reader r, const struct shape *shape, uint32_t known, uint32_t groups, void *out);
/* A list of objects, which begin with their place; NULL: none, or memory ran out. */
void *read_objects(struct reader holder, const char *key, const struct shape *shape, uint32_t *count);
/* NULL when it is missing, no list, or (said) longer than `most`; read_bounded: the last of it, for lists of any type. */
const struct json *read_array(struct reader r, struct str key, uint32_t most);
bool read_bounded(struct reader r, struct str key, const struct json *list, uint32_t most);
struct reader read_into(struct reader r, struct str key);
struct reader read_item(struct reader r, uint32_t i);
/* E09xx, or W09xx under COMPILE_LEAVE_OUT_UNBUILT. */
void unbuilt(
    struct def *d, enum diag error, enum diag warning, const struct where *at, struct str what, struct str more);
void read_questions(struct reader page, struct def_page *p, struct def_question *parent);
/* `rows_of`: the question whose rows or items they are, which are known by names; NULL: choices. */
void read_choices(struct reader r, struct str key, struct def_choices *out, struct def_question *rows_of);
/* read_files.c */
void read_accept(struct reader r, struct str key, struct def_question *q);
void read_max_size(struct reader r, struct str key, struct def_question *q);
void read_no_media(struct reader r, struct def_question *q);
/* read_question.c: an item of a multi_text as a question; NULL when memory ran out. */
struct def_question *read_item_question(struct reader r, const struct def_question *of);

void read_quotas(struct reader survey); /* read_quota.c */

/* check_text.c */
void check_text(struct def *d, struct text *t, const struct scope *scope);
/* html_clean.c: allowed markup only, balanced; pipes stay as they are. */
struct str html_clean(struct def *d, const struct where *at, struct str source);
/* check_text.c: the place behind the brace that closes the one at `from`, quoted texts passed over; 0 when there is none. What the
 * cleaner leaves alone and what the cutter takes for an expression must be the same, so both ask here. */
size_t pipe_end(struct str s, size_t from);

/* One that is asked in no roster. */
struct def_question *def_question_by_name(const struct def *d, struct str name);
/* One that is asked in the records of a roster. */
struct def_question *def_question_in(const struct def *d, const struct def_question *roster, struct str name);
bool def_has_other(const struct def_choices *list); /* a choice of role `other` */
struct def_calc *def_calc_by_name(const struct def *d, struct str name);
struct def_param *def_param_by_name(const struct def *d, struct str name);

#endif

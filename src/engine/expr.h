/* expr.h - expressions from source to a typed tree. Room-internal.
 *
 * lexer -> parser -> names resolved and kinds checked (expr_check.c) -> code (expr_code.c). The kind of a node is a set:
 * "{city}" of a list with texts and numbers may be either. An operator is wrong where no possible kind fits it; any value
 * may be empty besides. Untyped variables (collect eval) may be anything. */
#ifndef ENGINE_EXPR_H
#define ENGINE_EXPR_H

#include "engine/diag.h"
#include "engine/value.h"

struct def;
struct def_question;
struct def_calc;
struct def_param;

enum token_kind {
	T_END,
	T_NUMBER,
	T_TEXT,
	T_REFERENCE,
	T_WORD,
	T_OPEN,
	T_CLOSE,
	T_OPEN_LIST,
	T_CLOSE_LIST,
	T_COMMA,
	T_OPERATOR,
	T_BAD
};
enum operator{
	O_NONE,
	O_OR,
	O_AND,
	O_NOT,
	O_EQ,
	O_NE,
	O_LT,
	O_LE,
	O_GT,
	O_GE,
	O_CONTAINS,
	O_NOTCONTAINS,
	O_ICONTAINS,
	O_ANYOF,
	O_ALLOF,
	O_NONEOF,
	O_IN,
	O_EMPTY,
	O_NOTEMPTY,
	O_ADD,
	O_SUBTRACT,
	O_MULTIPLY,
	O_DIVIDE,
	O_MOD,
	O_POWER,
	O_NEGATE
};
struct token {
	enum token_kind kind;
	enum operator op;
	uint32_t from, to;
	struct str text; /* word, reference without braces, text with escapes resolved */
	double number;
	const char *why; /* of T_BAD */
};

struct lexer {
	struct arena *a;
	struct str source;
	uint32_t at;
	bool memory;
};
void lexer_next(struct lexer *l, struct token *out);

enum node_kind {
	N_EMPTY,
	N_BOOL,
	N_NUM,
	N_TEXT,
	N_DATE,
	N_TIME,
	N_DATETIME,
	N_LIST,
	N_RECORD, /* of a first value: names and values in turn */
	N_REFERENCE,
	N_UNARY,
	N_BINARY,
	N_CALL,
	N_IIF,
	N_LOOSE, /* a row of loose.def */
	N_FILTER /* a list, and what is asked of each item */
};
enum reference_kind {
	R_GONE,
	R_ANSWER,
	R_OTHER,
	R_CALC,
	R_PARAM,
	R_SELF,
	R_VAR,
	R_LANG,
	R_NOW,
	R_SEED,
	R_RECORD,
	R_COLLECT, /* of a roster itself: what its records stand for */
	R_ITEM,
	R_ITEM_LABEL,
	R_INDEX,
	R_COUNT,
	R_CHOICE,
	R_CHOICE_CODE
};

struct node {
	enum node_kind kind;
	uint32_t from, to;     /* bytes of the source */
	uint32_t kinds, items; /* sets of value kinds: K() */
	enum operator op;
	uint32_t function; /* N_CALL: row of functions.def; N_LOOSE: of loose.def */
	uint32_t filter;   /* N_FILTER: the expression in the program */
	bool b;
	double num;
	struct str text; /* N_TEXT; N_REFERENCE as written; the pattern of matches() */
	enum reference_kind reference;
	struct def_question
	    *question; /* R_ANSWER, R_OTHER, R_RECORD, R_COLLECT, and where a value's choices come from */
	struct def_calc *calc;
	struct def_param *param;
	struct str field; /* {question.field} */
	uint32_t record;  /* R_RECORD */
	struct node **args;
	uint32_t count;
};

enum { FN_IIF = 1000, FN_LABEL, FN_MATCHES, FN_NOT };

#define PAGES_ALL UINT32_MAX

/* Where an expression stands, and what it may see. */
struct scope {
	struct def *def;		    /* NULL: untyped variables (collect eval) */
	const struct def_question *self;    /* {.} */
	const struct def_question *of;	    /* the question it belongs to, which it cannot see itself */
	const struct def_question *roster;  /* whose record it is about; NULL: that of self or of */
	const struct def_question *choices; /* {choice.value}: the question whose choices are filtered */
	uint32_t pages;			    /* sees questions on the first so many pages; PAGES_ALL */
};

struct parse {
	struct diags *diags;
	const struct where *at;
	struct str source;
	struct lexer lexer;
	struct token token;    /* looked at, not taken */
	uint32_t end;	       /* of the token before it */
	uint32_t depth, links; /* brackets in brackets; operators in all */
	bool failed;
	const struct scope *scope;
};

/* NULL after a diagnostic. Types are not checked yet. */
struct node *expr_parse(struct diags *d, const struct where *at, struct str source);
/* Resolves names and checks kinds, all diagnostics at once; `wanted` is a set of kinds, 0 for any. */
bool expr_check(struct diags *d, const struct where *at, struct str source, struct node *n, const struct scope *scope,
    uint32_t wanted);
/* The same in one, for `compat: surveyjs` (expr_loose.c): parsed as SurveyJS does, names resolved, kinds left to the run. */
struct node *expr_loose(
    struct diags *d, const struct where *at, struct str source, const struct scope *scope, uint32_t wanted);
/* SurveyJS takes 1 for true where it asks whether a choice is there, and nowhere else: for trees of expr_loose. */
void expr_loose_choice(struct node *n);
/* "a text or a number" */
struct str kinds_text(struct arena *a, uint32_t kinds);

struct function_row {
	const char *result, *args;
};
#define FN(name, result, args, meaning) F_##name,
enum function {
#include "engine/functions.def"
	FUNCTIONS
};
#undef FN
extern const struct function_row function_rows[FUNCTIONS];
extern const char *const function_names[FUNCTIONS]; /* apart: what runs a program does without */
uint32_t function_letter_kinds(char letter);

/* Every question and calculated value that a tree looks at. */
typedef void node_visitor(void *ctx, const struct node *reference);
void node_references(const struct node *n, node_visitor *visit, void *ctx);

#endif

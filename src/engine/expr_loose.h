/* expr_loose.h - between expr_loose.c (grammar), expr_loose_refer.c (names and functions). */
#ifndef ENGINE_EXPR_LOOSE_H
#define ENGINE_EXPR_LOOSE_H

#include "engine/expr_check.h"
#include "engine/loose.h"

struct loose_parse {
	struct check check;
	struct str source;     /* with spellings like => and equals mended, same length */
	uint32_t at, furthest; /* how far anything was understood */
	uint32_t depth, links;
	bool stopped; /* too deep, or no memory: said already */
	bool quiet;   /* what cannot be read is said by who asked */
	bool filter;  /* {x} is of the item of a list first */
};

/* An expression to its end; NULL after a diagnostic. */
struct node *loose_parse_all(struct loose_parse *p);
struct node *loose_node(struct loose_parse *p, enum node_kind kind, uint32_t from);
/* A row of loose.def with one or two arguments; NULL when out of memory, or when an argument is. */
struct node *loose_make(struct loose_parse *p, enum loose row, struct node *a, struct node *b);
bool loose_add_arg(struct loose_parse *p, struct node *n, struct node *arg);
struct node *loose_text_node(struct loose_parse *p, struct str s, uint32_t from);

/* What {name} stands for, and a call once its arguments are known. */
struct node *loose_reference(struct loose_parse *p, struct str name, uint32_t from);
struct node *loose_call_node(struct loose_parse *p, struct str name, struct node *call);

#endif

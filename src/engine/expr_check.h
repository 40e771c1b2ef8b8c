/* expr_check.h - between expr_check.c, expr_refer.c and expr_call.c. */
#ifndef ENGINE_EXPR_CHECK_H
#define ENGINE_EXPR_CHECK_H

#include "engine/def.h"

struct check {
	struct diags *diags;
	const struct where *at;
	struct str source;
	const struct scope *scope;
	bool failed;
};

void check_fail(struct check *c, enum diag kind, const struct node *n, const struct str args[3]);
void check_fail_name(struct check *c, enum diag kind, const struct node *n, struct str a, struct str b);
void check_not_built(struct check *c, struct node *n, struct str what);
bool check_kinds(struct check *c, struct str what, const struct node *n, uint32_t wanted);
/* Whether b, or some of its items, can be in a, or be it: E0304, W0317; texts beside dates become dates. */
void check_chosen(struct check *c, const struct node *n, const struct node *a, struct node *b);
bool check_moment(struct check *c, struct node *literal, uint32_t kinds);
struct str check_source(const struct check *c, const struct node *n); /* as it is written */
void check_node(struct check *c, struct node *n);
void check_reference(struct check *c, struct node *n);
void check_call(struct check *c, struct node *n);

#endif

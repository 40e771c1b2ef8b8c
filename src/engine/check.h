/* check.h - between check.c and check_question.c. */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include "engine/def.h"

bool def_index(struct def *d); /* check_index.c: false when memory ran out */
void check_formula(struct def *d, struct formula *f, const struct scope *scope, uint32_t wanted);
/* check_quota.c: order_quotas once calculated values are known to go in no circle. */
void check_quotas(struct def *d);
void order_quotas(struct def *d);
void check_sources(struct def *d);				/* choices_from of every question */
void check_roster(struct def *d, struct def_question *q);	/* check_roster.c */
void check_limits(struct def *d, const struct def_question *q); /* check_limits.c */
/* check_default.c; check_question.c: a date or time that is written out, or an expression that gives one. */
void check_default(struct def *d, struct def_question *q);
struct node *check_moment_node(struct def *d, struct def_question *q, struct number_or *bound);
void check_exports(struct def *d); /* check_export.c */
void check_question(struct def *d, struct def_question *q);

#endif

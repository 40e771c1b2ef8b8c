/* pattern.h - the patterns of matches() and of the `pattern` property. Room-internal.
 *
 * Literals (a `]` or `}` that closes nothing is one), `.`, classes [a-z] [^...], \d \w \s \D \W \S (as in ECMAScript without
 * flags), * + ? {m,n} (once: what is repeated stands in a group to be repeated again), groups, |, ^ $. Works on code points. No
 * back-references, no look-around, so that a state machine runs it in time linear in the text: code points times
 * PATTERN_STATES_MAX at the worst. Finds anywhere unless anchored. */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "base/str.h"

struct pattern;

/* ERR_INVALID with *why (static) and *at (byte offset in the source); ERR_MEMORY. */
enum err pattern_compile(struct arena *a, struct str source, struct pattern **out, const char **why, uint32_t *at);
/* `scratch` gives the room for two lists of states. *fuel goes down by the work done. ERR_LIMIT when it runs out, ERR_MEMORY. */
enum err pattern_find(const struct pattern *p, struct str text, struct arena *scratch, int64_t *fuel, bool *found);

/* How many code points a text has at least and at most that it finds something in; no text of another length is, not every one of these
 * is. *most is -1 where nothing bounds it. ERR_MEMORY. */
enum err pattern_span(const struct pattern *p, struct arena *scratch, int32_t *least, int32_t *most);

/* A text that it most likely finds something in (what is asked of both ends may not hold): for simulated answers. */
struct rng;
void pattern_draw(const struct pattern *p, struct rng *rng, struct buf *out);

#endif

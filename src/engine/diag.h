/* diag.h - places in a definition, and what is said about them. Room-internal.
 *
 * A place is a chain from the innermost step upwards, so that a pointer is only written when there is something to say.
 * The rows of diagnostics.def are the only source of codes and sentences. */
#ifndef ENGINE_DIAG_H
#define ENGINE_DIAG_H

#include "engine/engine.h"

struct where {
	const struct where *up; /* NULL: the document */
	struct str key;		/* a member when .p, else an item */
	uint32_t index;
};

enum diag {
#define DIAG(name, code, severity, text) D_##name,
#include "engine/diagnostics.def"
#undef DIAG
	DIAG_KINDS
};

struct diags {
	struct arena *a;
	struct diagnostic *list; /* DIAGNOSTICS_MAX of room, taken at the first */
	size_t count, errors;
	struct str whole, piped; /* an expression inside of a text, while it is looked at: columns are those of the text */
	uint32_t shift;		 /* where in the text it begins */
	bool memory; /* the arena refused: the compilation answers ERR_MEMORY */
};

/* A part of an expression's text: byte offsets, and the text itself for columns in code points. */
struct span {
	struct str text;
	uint32_t from, to;
};

const struct where *where_key(struct diags *d, const struct where *up, struct str key);
const struct where *where_item(struct diags *d, const struct where *up, uint32_t index);
struct str where_text(struct arena *a, const struct where *w);
void diag(struct diags *d, enum diag kind, const struct where *at, struct str arg1, struct str arg2);
void diag_span(struct diags *d, enum diag kind, const struct where *at, struct span span, const struct str args[3]);
struct str diag_code(enum diag kind);
struct str diag_text(struct arena *a, enum diag kind, const struct str args[3]);
struct str diag_int(struct diags *d, int64_t v);

#endif

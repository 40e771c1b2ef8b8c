/* Compiling what people send: bounded, and apart from the request's own memory. */
#include "base/limits.h"
#include "survey/survey_draft.h"

static void *block_get(void *ctx, size_t bytes)
{
	struct compiling *own = ctx;
	void *block = arena_malloc.get(arena_malloc.ctx, bytes);

	own->starved |= block == NULL;
	return block;
}

static void block_put(void *ctx, void *block, size_t bytes)
{
	(void)ctx;
	arena_malloc.put(arena_malloc.ctx, block, bytes);
}

enum err compile_apart(struct compiling *own, size_t max_bytes, const struct json *definition, struct str text,
    unsigned flags, struct compiled *out)
{
	enum err e;

	flags |= COMPILE_NO_MEDIA; /* there is no storage for files here yet */
	*own = (struct compiling){.source = {block_get, block_put, own}};
	arena_init(&own->arena, &own->source, max_bytes);
	e = definition ? engine_compile(&own->arena, definition, flags, out)
		       : engine_compile_text(&own->arena, text, flags, out);
	return e == ERR_MEMORY && !own->starved ? ERR_LIMIT : e;
}

enum err compiled_keep(struct arena *a, struct compiled *c)
{
	struct diagnostic *kept = arena_array(a, struct diagnostic, c->diagnostic_count + 1);

	if (!kept)
		return ERR_MEMORY;
	for (size_t i = 0; i < c->diagnostic_count; i++) {
		struct diagnostic *d = &kept[i];

		*d = c->diagnostics[i];
		d->code = str_dup(a, d->code);
		d->pointer = str_dup(a, d->pointer);
		d->message = str_dup(a, d->message);
		if (!d->code.p || (!d->pointer.p && d->pointer.n > 0) || !d->message.p)
			return ERR_MEMORY;
	}
	c->diagnostics = kept;
	c->program = S("");
	return OK;
}

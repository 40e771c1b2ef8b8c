/* keys_cmd.h - what the parts of `collect keys` share. */
#ifndef MAIN_KEYS_CMD_H
#define MAIN_KEYS_CMD_H

#include "main/command.h"
#include "main/open.h"
#include "vault/vault.h"

struct key_tenant {
	struct uuid id;
	struct str slug;
	struct uuid job; /* the one that was made, or is under way; nil: none */
};
struct key_page {
	struct arena *arena;
	const char *slug;
	struct uuid after;
	struct key_tenant *rows;
	size_t n;
};
struct progress;
struct key_wait {
	struct uuid job;
	struct arena *arena;
	struct progress *out;
};

/* Tenants by id, deleted ones too; slug NULL: all of them. Ends at the first error of fn. */
enum err keys_each_tenant(struct app *app, struct arena *a, const char *slug,
    enum err (*fn)(void *ctx, const struct key_tenant *t), void *ctx);
/* keys_status.c: prints; the exit status. */
int keys_status(const struct command_line *line, struct app *app, struct arena *a, const char *slug);

#endif

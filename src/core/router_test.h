/* router_test.h - a router without sockets, database or Redis: exchanges are made by hand, what the router asks of
 * others is answered by the doubles in router_double.c, which keep count. */
#ifndef CORE_ROUTER_TEST_H
#define CORE_ROUTER_TEST_H

#include "base/test.h"
#include "core/ratelimit.h"
#include "core/router.h"

struct doubles {
	int opened, committed, rolled_back, rate_taken, rate_local, asked;
	bool read_only, rate_refuses, signed_in, caller_known;
	enum err commit_error;
	uint64_t permissions;
	const char *origins;
	struct str address; /* what the last request was counted for */
	bool by_caller, by_link;
};
extern struct doubles doubles;

struct world {
	struct arena arena;
	struct app app;
	struct listener listener;
	struct http_exchange x;
	bool was_inline;
};

/* `routes`: one array. Fails the test when the router cannot be built. */
void world_open(struct world *w, const struct route *const *routes, size_t arrays);
void world_close(struct world *w);
/* Sends a request: headers as "Name: value" lines. Returns the status; the reply is in w->x.reply. */
int ask(struct world *w, enum http_method method, const char *target, const char *headers, const char *body);
struct str reply_header_of(const struct world *w, const char *name);
bool reply_says(const struct world *w, const char *part);

#endif

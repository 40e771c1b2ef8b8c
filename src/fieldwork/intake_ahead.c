/* intake_ahead.c - what an answer will be sealed with, asked for many tenants in one transaction before a worker seals. With thousands of tenants in the field hardly
 * one has sent an answer in the three seconds for which the vault knows its keys: a round trip and a transaction for each, with a worker and a connection waiting
 * for it, would cost more than what the answer itself takes of PostgreSQL. */
#include "fieldwork/writing.h"

#include "vault/vault.h"

static struct ahead *ahead_of(const struct batch_item *item)
{
	return (struct ahead *)(uintptr_t)item;
}

static enum err ask(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	(void)ctx;
	(void)a;
	ahead_of(g->items[0])->asked_ms = clock_mono_ns() / 1000000;
	vault_live_query(q);
	return OK;
}

static enum err keep(void *ctx, const struct batch_group *g, const void *rows, size_t n)
{
	const struct intake *in = ctx;

	vault_live_keep(in->app->vault, g->tenant, ahead_of(g->items[0])->asked_ms, rows, n);
	return OK;
}

/* Whatever came of it: who finds nothing on the shelf asks for himself. */
static void done(void *ctx, struct batch_item *item, enum err e)
{
	struct ahead *x = ahead_of(item);

	(void)ctx;
	(void)e;
	req_again(x->rq, x->then);
}

const struct batch_room ahead_room = {
    .name = "keys",
    .writers = 1,
    .steps = {{ask, keep, sizeof(struct vault_live)}},
    .done = done,
};

/* Of a database that is away each asks for himself, and is told so at once. */
bool ahead_send(struct intake *in, struct ahead *x, const struct uuid *tenant)
{
	x->item.tenant = *tenant;
	return !pg_pool_down(in->app->pools[PG_PUBLIC]) && !batch_put(in->ahead, &x->item);
}

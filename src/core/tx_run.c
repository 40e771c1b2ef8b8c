#include <time.h>
#include "base/limits.h"
#include "core/tx_private.h"
#include "io/clock.h"

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

enum err tx_run(struct app *app, enum pg_role role, const struct uuid *tenant, struct arena *a,
    enum err (*fn)(struct tx *tx, void *ctx), void *ctx)
{
	enum err e = OK;

	for (int attempt = 0; attempt < TX_ATTEMPTS_MAX; attempt++) {
		struct tx *tx;

		if ((e = tx_open(app, role, false, tenant, a, &tx)))
			return e;
		if ((e = fn(tx, ctx)))
			tx_rollback(tx);
		else
			e = tx_commit(tx);
		if (!e || !tx_lost_race(tx))
			return e;
		/* Whoever won holds its locks a little longer; unequal pauses keep two losers from meeting again. */
		pause_ms(1 + (int)(random_u64() % (10u << attempt)));
	}
	return e;
}

#include "base/err.h"

struct err_row {
	int status;
	const char *slug, *meaning;
};

static const struct err_row rows[ERR_COUNT] = {
    [OK] = {200, "ok", "It worked."},
#define ERR(name, status, slug, meaning) [ERR_##name] = {status, slug, meaning},
#include "base/errors.def"
#undef ERR
};

/* A value outside the list is our bug; it reads as ERR_INTERNAL rather than past the table. */
static const struct err_row *row(enum err e)
{
	return &rows[(unsigned)e < ERR_COUNT ? e : ERR_INTERNAL];
}

int err_status(enum err e)
{
	return row(e)->status;
}

const char *err_slug(enum err e)
{
	return row(e)->slug;
}

const char *err_meaning(enum err e)
{
	return row(e)->meaning;
}

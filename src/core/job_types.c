/* job_types.c - the types that a worker runs. */
#include "core/job_private.h"

#define NAMES_MAX_BYTES (64 * KB)

const struct job_type *job_type_find(const struct job_type *const *types, struct str name)
{
	for (; *types; types++)
		if (str_eq(name, str_from((*types)->name)))
			return *types;
	return NULL;
}

static bool name_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool letter = s.p[i] >= 'a' && s.p[i] <= 'z';

		if (!letter && (i == 0 || (s.p[i] != '_' && s.p[i] != '.' && !(s.p[i] >= '0' && s.p[i] <= '9'))))
			return false;
	}
	return s.n > 0 && s.n <= JOB_NAME_MAX_BYTES;
}

static bool complete(const struct job_type *t)
{
	return name_ok(str_from(t->name)) && t->run && t->max_attempts >= 1 && t->lease_s >= JOB_LEASE_MIN_S &&
	       t->backoff_s >= 0 && t->every_s >= 0;
}

static bool wanted(struct str only, struct str name)
{
	struct str rest = only;

	while (rest.n > 0)
		if (str_eq(str_cut(&rest, ' ', NULL), name))
			return true;
	return only.n == 0;
}

/* A mistyped name would leave that work undone without a word. */
static enum err check_only(const struct job_worker_config *config, struct arena *a, struct str *why)
{
	struct str rest = config->only, name;
	struct buf b;

	while (rest.n > 0) {
		name = str_cut(&rest, ' ', NULL);
		if (name.n == 0 || job_type_find(config->types, name))
			continue;
		buf_init(&b, a, KB);
		buf_add(&b, S("there is no type of job called "));
		buf_add(&b, str_sub(name, 0, JOB_NAME_MAX_BYTES));
		(void)buf_done(&b, why);
		return ERR_SETTING;
	}
	return OK;
}

enum err job_types_list(
    const struct job_worker_config *config, struct arena *a, struct str *names, struct str *leases, struct str *why)
{
	const struct job_type *const *type;
	struct buf all, times;
	enum err e;

	buf_init(&all, a, NAMES_MAX_BYTES);
	buf_init(&times, a, NAMES_MAX_BYTES);
	for (type = config->types; *type; type++) {
		if (!complete(*type)) {
			*why = S("a type of job is not complete");
			return ERR_SETTING;
		}
		if (!wanted(config->only, str_from((*type)->name)))
			continue;
		if (all.n > 0) {
			buf_char(&all, ' ');
			buf_char(&times, ' ');
		}
		buf_add(&all, str_from((*type)->name));
		buf_int(&times, (*type)->lease_s * 1000LL);
	}
	if ((e = check_only(config, a, why)) || (e = buf_done(&all, names)))
		return e;
	return buf_done(&times, leases);
}

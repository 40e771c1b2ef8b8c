/* job_outside.c - how many of a worker's threads wait for servers that somebody else chose. */
#include "core/job_private.h"

void job_outside_init(struct job_outside *o, int threads)
{
	*o = (struct job_outside){.most = threads > 1 ? threads / 2 : 1};
	pthread_mutex_init(&o->lock, NULL);
}

bool job_outside_take(struct job_outside *o)
{
	bool have;

	pthread_mutex_lock(&o->lock);
	have = o->n < o->most;
	o->n += have;
	pthread_mutex_unlock(&o->lock);
	return have;
}

void job_outside_end(struct job_outside *o)
{
	pthread_mutex_lock(&o->lock);
	o->n--;
	pthread_mutex_unlock(&o->lock);
}

enum err job_types_inside(const struct job_type *const *types, struct arena *a, struct str *names, struct str *leases)
{
	struct str name_rest = *names, lease_rest = *leases, inside, inside_leases;
	struct buf n, l;
	enum err e;

	buf_init(&n, a, names->n + 1);
	buf_init(&l, a, leases->n + 1);
	while (name_rest.n > 0) {
		struct str name = str_cut(&name_rest, ' ', NULL), lease = str_cut(&lease_rest, ' ', NULL);

		if (job_type_find(types, name)->outside)
			continue;
		if (n.n > 0) {
			buf_char(&n, ' ');
			buf_char(&l, ' ');
		}
		buf_add(&n, name);
		buf_add(&l, lease);
	}
	if ((e = buf_done(&n, &inside)) || (e = buf_done(&l, &inside_leases)))
		return e;
	if (inside.n > 0) {
		*names = inside;
		*leases = inside_leases;
	}
	return OK;
}

#include "io/http_impl.h"

#include "base/hash.h"
#include "base/shim.h"

/* Open addressing with linear probing; entries are taken out by shifting the rest of their run back, so no
 * tombstones gather. */

bool address_table_init(struct address_table *t, size_t entries)
{
	size_t slots = 64;

	while (slots < entries * 2)
		slots *= 2;
	t->slots = calloc(slots, sizeof(*t->slots));
	t->mask = slots - 1;
	t->used = 0;
	pthread_mutex_init(&t->lock, NULL);
	return t->slots != NULL;
}

void address_table_free(struct address_table *t)
{
	pthread_mutex_destroy(&t->lock);
	free(t->slots);
}

static size_t home(const struct address_table *t, const struct address *a)
{
	return hash64(str_make((const char *)a->b, sizeof(a->b)), 0) & t->mask;
}

/* The entry, or the free slot where it would stand. */
static size_t find(const struct address_table *t, const struct address *a)
{
	size_t i = home(t, a);

	while (t->slots[i].count > 0 && !mem_same(t->slots[i].address.b, a->b, sizeof(a->b)))
		i = (i + 1) & t->mask;
	return i;
}

bool address_full(struct address_table *t, const struct address *a, unsigned max)
{
	bool full;

	pthread_mutex_lock(&t->lock);
	full = t->slots[find(t, a)].count >= max;
	pthread_mutex_unlock(&t->lock);
	return full;
}

bool address_take(struct address_table *t, const struct address *a, unsigned max)
{
	struct address_count *e;
	bool room;

	pthread_mutex_lock(&t->lock);
	e = &t->slots[find(t, a)];
	/* One slot stays free, or find() would not end. */
	room = e->count < max && (e->count > 0 || t->used < t->mask);
	if (room) {
		t->used += e->count == 0;
		e->address = *a;
		e->count++;
	}
	pthread_mutex_unlock(&t->lock);
	return room;
}

static void close_gap(struct address_table *t, size_t gap)
{
	for (size_t i = (gap + 1) & t->mask; t->slots[i].count > 0; i = (i + 1) & t->mask) {
		size_t from_home = (i - home(t, &t->slots[i].address)) & t->mask;

		if (from_home < ((i - gap) & t->mask))
			continue;
		t->slots[gap] = t->slots[i];
		t->slots[i].count = 0;
		gap = i;
	}
}

void address_give(struct address_table *t, const struct address *a)
{
	size_t i;

	pthread_mutex_lock(&t->lock);
	i = find(t, a);
	if (t->slots[i].count > 0 && --t->slots[i].count == 0) {
		t->used--;
		close_gap(t, i);
	}
	pthread_mutex_unlock(&t->lock);
}

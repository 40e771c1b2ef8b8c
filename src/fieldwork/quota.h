/* quota.h - places in quota cells. The engine says which cells an interview falls into, the database whether they have room.
 *
 * A completed answer takes its places in the transaction that stores it, last and in the order of the cells, so that a lock is held for
 * the commit alone (intake_batch.c). Where one refuses, it is judged again with that cell known to be full. Before that,
 * pages ask which cells are full, so that nobody answers to the end in vain; between the two the last place may go to somebody else.
 * Room-internal. */
#ifndef FIELDWORK_QUOTA_H
#define FIELDWORK_QUOTA_H

#include "core/req.h"
#include "engine/engine.h"

struct quota_list {
	struct quota_cell *cells;
	size_t n;
};

struct quota_counts {
	int64_t *used;
	size_t n;
};

/* The cells of the program that are full now. Reads nothing when it has no quotas. */
enum err quota_full(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct quota_list *full);
/* Places taken in each cell now, in the order of program_quota_cells(); none where no order goes by them. */
enum err quota_filled_now(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct quota_counts *out);
/* [{"quota", "cell", "lim"}], as the statements and responses.quota_cells have them. */
enum err quota_json(struct arena *a, const struct quota_list *cells, struct str *json);

#endif

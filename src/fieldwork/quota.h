/* quota.h - places in quota cells. The engine says which cells an interview falls into, the database whether they have room.
 *
 * An interview that is kept holds a place from the page on by which it is known that it falls into a cell: with each page for another lease (live_view.lease_ms),
 * until it is completed and takes it, ends otherwise, or its lease runs out. It keeps what it holds whatever becomes of the limit. A completed answer that came
 * whole takes its places at once. Both in the transaction that stores it, last and in the order of the cells, so that a lock is held for
 * the commit alone (intake_batch.c, intake_places.c). Where one refuses, it is judged again with that cell known to be full. Before that,
 * pages ask which cells are full, so that nobody answers to the end in vain.
 *
 * The limit is that of the version that an interview runs by, or what was set for the cell while the survey is in the field (quota_http.c). Room-internal. */
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

/* Whose interview asks: its own places are no reason to turn it away. */
struct quota_asker {
	const struct uuid *survey, *response; /* response NULL: one that has no row yet */
};
/* The cells of the program that have no room now. Reads nothing when it has no quotas. */
enum err quota_full(
    struct tx *tx, struct arena *a, const struct program *p, const struct quota_asker *who, struct quota_list *full);
/* Places taken or kept open in each cell now, in the order of program_quota_cells(); none where no order goes by them. */
enum err quota_filled_now(
    struct tx *tx, struct arena *a, const struct program *p, const struct uuid *survey, struct quota_counts *out);
/* Places of a cell as `filled` has them: those who look know the limit that is written only. */
int64_t quota_share(int64_t places, int64_t limit, int64_t written);
/* What interviews begin with whose records are drawn as pages are saved: an empty object, or NULL where the program draws none. */
enum err quota_draws(struct arena *a, const struct program *p, const struct json **drawn);
/* [{"quota", "cell", "lim"}], as the statements and responses.quota_cells have them. */
enum err quota_json(struct arena *a, const struct quota_list *cells, struct str *json);
/* And back. ERR_INTERNAL when it is none. */
enum err quota_read(struct arena *a, struct str json, struct quota_list *cells);

#endif

/* table.h - answers as a table: which columns a survey has over all its published versions, and one response as one
 * row.
 *
 * A column of the survey is one or more of the file: a multi or rank choice has one each (NAME_VALUE: 1 chosen, 0
 * not; a rank its place), a matrix, multi_text or allocation one for each row or item (NAME_ROW),
 * a matrix of several answers a row one for each row and column (NAME_ROW_VALUE: 1 or 0). A consent has, beside itself, the text
 * shown, its language and the time (NAME_text, NAME_language, NAME_at). A roster has all of
 * these for each record it may have (ROSTER_1_NAME, ROSTER_1_NAME_ROW; ROSTER_1: what it is about). Columns of the newest version come first, those that only older versions have after them. Room-internal. */
#ifndef EXPORT_TABLE_H
#define EXPORT_TABLE_H

#include "engine/engine.h"

struct table_column {
	struct str name;             /* heading */
	struct str label;            /* heading in the respondents' words */
	struct str question;         /* key in the answers, or in the record */
	struct str roster;           /* key of the roster in the answers */
	uint32_t record;             /* which of its records, from 1; 0: not in a roster */
	struct str part;             /* value of a choice, row or item; empty: the answer itself */
	struct str member;           /* row or item in which `part` is chosen; empty: none */
	enum part_kind { PART_NONE, PART_CHOSEN, PART_PLACE, PART_MEMBER, PART_CONSENT } kind;
	bool personal, parameter;
};

struct table {
	struct table_column *columns;
	size_t n, room;
	uint64_t *seen;              /* hashes of names already there, open addressing */
	size_t seen_size;
};

/* Memory from `a` for the life of the table. ERR_LIMIT beyond EXPORT_COLUMNS_MAX. */
enum err table_init(struct table *t, struct arena *a);
/* Adds what `program` has and the table has not. `personal`: those columns too. */
enum err table_add(struct table *t, const struct program *program, struct str language, bool personal, struct arena *a);
void table_head(const struct table *t, bool labels, struct buf *out);
/* One response: objects as they are stored. `personal` may be NULL. */
struct table_answers {
	const struct json *answers, *parameters, *personal, *consents;
};
void table_row(const struct table *t, const struct table_answers *from, struct buf *out);

#endif

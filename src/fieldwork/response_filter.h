/* response_filter.h - which answers a list or a bulk action means: the query parameters, and what they are to the database. Room-internal.
 *
 * What the row itself says (status, times, link, language, version, quota cell) is compared with the row. Words (q) and values of questions are found
 * in response_search, which follows within two seconds; not where all answers are sealed. */
#ifndef FIELDWORK_RESPONSE_FILTER_H
#define FIELDWORK_RESPONSE_FILTER_H

#include "core/router.h"

struct response_filter {
	struct str_list status, flag, answered, unanswered;
	struct str language, q;
	struct uuid link_id;
	bool test;
	int64_t created_from, created_to, completed_from, completed_to, survey_version;
	const struct json *quota, *answer, *answer_min, *answer_max;
};
extern const char *const response_flags[];
extern const struct shape response_filter_shape;
extern const char *const response_statuses[];

/* Each empty when nothing of the kind is asked for. */
struct response_where {
	struct str statuses, flags; /* by commas */
	struct str quota_cells;	    /* JSON, as in responses.quota_cells */
	struct str search;	    /* what search_responses() takes */
	struct str row;		    /* what search_row() takes; {} when nothing of the row is asked for */
};
/* ERR_INVALID with what is wrong: a question that the survey never had, or whose answers are sealed, or searching where all are. ERR_NOT_FOUND: no such
 * survey. */
enum err response_where(
    struct req *rq, const struct uuid *survey, const struct response_filter *f, struct response_where *out);

#endif

/* openapi_parts.h - the pieces of one operation: parameters, body, replies. Inside core only. */
#ifndef CORE_OPENAPI_PARTS_H
#define CORE_OPENAPI_PARTS_H

#include "core/router.h"

#define OPENAPI_SHAPES_MAX 256

/* What the operations referred to, so that the components hold exactly that. */
struct openapi_used {
	const struct shape *shapes[OPENAPI_SHAPES_MAX];
	size_t shape_count;
	const struct shape *pages[OPENAPI_SHAPES_MAX];   /* items of lists: a "NamePage" each */
	size_t page_count;
	bool problems[600];          /* by status */
	bool lists, if_match, idempotency, etag;
};

void openapi_put_parameters(struct json_out *w, const struct route *row, struct openapi_used *used);
void openapi_put_body(struct json_out *w, const struct route *row, struct openapi_used *used);
void openapi_put_responses(struct json_out *w, const struct route *row, struct openapi_used *used);
void openapi_put_components(struct json_out *w, const struct openapi_used *used);

#endif

/* survey_shape.h - bodies, queries and replies of the survey routes, as the API page shows them. Room-internal. */
#ifndef SURVEY_SURVEY_SHAPE_H
#define SURVEY_SURVEY_SHAPE_H

#include "core/schema.h"

struct survey_new {
	struct uuid project_id;
	struct str title, language;
	const struct json *definition;
};
struct survey_retention {
	int64_t answers_days, personal_days, paradata_days; /* 0: null */
};
struct survey_patch {
	struct uuid project_id;
	struct str title, status;
	const struct json *definition;
	struct survey_retention retention;
	int64_t abandon_hours; /* 0: null */
	int64_t speeder_percent, straight_rows, device_answers, panelist_answers, duplicate_chars;
};
struct survey_include {
	struct str_list include;
};
struct survey_filter {
	int64_t created_from, created_to;
	struct str q;
	struct uuid project_id;
	struct str status, language;
};
struct survey_document {
	const struct json *schema_version, *survey;
};

extern const struct shape survey_new_shape, survey_patch_shape, survey_include_shape, survey_filter_shape,
    survey_document_shape;
extern const struct shape survey_out, survey_item_out, survey_version_out, survey_version_item_out,
    survey_diagnostics_out;

#endif

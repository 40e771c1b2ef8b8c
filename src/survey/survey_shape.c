#include "survey/survey_shape.h"
#include "base/limits.h"

#define SPEEDER_ABOUT "Faster than this share of the median is flagged as speeder; null: 33, 0: nobody is"
#define STRAIGHT_ABOUT                                                                                                 \
	"One answer in all rows of a matrix with so many answered is flagged; null: 5, 0: never, else from 2"

#define DEVICE_ABOUT                                                                                                   \
	"So many completed answers one device may give, what it sends beyond is flagged as duplicate_device; null or " \
	"0: "                                                                                                          \
	"devices are not told apart, and get no cookie"
#define PANELIST_ABOUT "So many one panelist may give, by whatever panel link; null: 1, 0: as many as he likes"
#define DUPLICATE_ABOUT                                                                                                \
	"A text of so many characters that somebody wrote before is flagged as duplicate_text; null: 80, 0: never, "   \
	"else from 20"

static const char *const statuses[] = {"draft", "published", "closed", "archived", NULL};
static const char *const link_statuses[] = {"open", "closed", NULL};
static const char *const link_kinds[] = {"open", "test", "single_use", NULL};
static const char *const severities[] = {"error", "warning", "note", NULL};
static const char *const includes[] = {"links", "counts", "retention", NULL};

/* ---- in ---- */

static const struct field new_fields[] = {
    FIELD(struct survey_new, project_id, FT_UUID, REQUIRED, 0, 0, "Project it belongs to"),
    FIELD(struct survey_new, title, FT_TEXT, REQUIRED, 1, 200, "Title in lists"),
    FIELD(struct survey_new, language, FT_LANGUAGE, OPTIONAL, 0, 0,
	"Language of the empty questionnaire when no definition is sent"),
    FIELD(struct survey_new, definition, FT_OBJECT, OPTIONAL, 0, 0, "The questionnaire; it need not compile yet"),
};
const struct shape survey_new_shape = SHAPE("SurveyNew", struct survey_new, new_fields);

#define DAYS_MAX 36500
static const struct field days_fields[] = {
    FIELD(struct survey_retention, answers_days, FT_INT, OPTIONAL | NULLABLE, 1, DAYS_MAX, "Answers, whole"),
    FIELD(struct survey_retention, personal_days, FT_INT, OPTIONAL | NULLABLE, 1, DAYS_MAX, "Their personal part"),
    FIELD(struct survey_retention, paradata_days, FT_INT, OPTIONAL | NULLABLE, 1, DAYS_MAX,
	"Times, seed and the key of the sender"),
};
static const struct shape days_shape = SHAPE("SurveyRetentionPatch", struct survey_retention, days_fields);

static const struct field patch_fields[] = {
    FIELD(struct survey_patch, project_id, FT_UUID, OPTIONAL, 0, 0, "Project to move it to"),
    FIELD(struct survey_patch, title, FT_TEXT, OPTIONAL, 1, 200, "Title in lists"),
    FIELD(struct survey_patch, status, FT_ENUM, OPTIONAL, 0, 0,
	"closed, published again, archived, or back from the archive", .choices = statuses),
    FIELD(struct survey_patch, definition, FT_OBJECT, OPTIONAL, 0, 0,
	"Merged into the draft's definition (RFC 7396); PUT .../definition replaces it"),
    FIELD(struct survey_patch, retention, FT_OBJECT, OPTIONAL, 0, 0,
	"Days after which answers, or parts of them, are removed; null: kept. Needs surveys:delete",
	.shape = &days_shape),
    FIELD(struct survey_patch, abandon_hours, FT_INT, OPTIONAL | NULLABLE, 1, INTERVIEW_LEFT_HOURS_MAX,
	"Hours after which an interview that nobody goes on with is over; null: a week"),
    FIELD(struct survey_patch, speeder_percent, FT_INT, OPTIONAL | NULLABLE, 0, 100, SPEEDER_ABOUT),
    FIELD(struct survey_patch, straight_rows, FT_INT, OPTIONAL | NULLABLE, 0, 1000, STRAIGHT_ABOUT),
    FIELD(struct survey_patch, device_answers, FT_INT, OPTIONAL | NULLABLE, 0, SAME_ANSWERS_MAX, DEVICE_ABOUT),
    FIELD(struct survey_patch, panelist_answers, FT_INT, OPTIONAL | NULLABLE, 0, SAME_ANSWERS_MAX, PANELIST_ABOUT),
    FIELD(struct survey_patch, duplicate_chars, FT_INT, OPTIONAL | NULLABLE, 0, PRINT_CHARS_MAX, DUPLICATE_ABOUT),
};
const struct shape survey_patch_shape = SHAPE("SurveyPatch", struct survey_patch, patch_fields);

static const struct field document_fields[] = {
    FIELD(struct survey_document, schema_version, FT_JSON, OPTIONAL, 0, 0, "\"1.0\""),
    FIELD(struct survey_document, survey, FT_JSON, OPTIONAL, 0, 0, "The questionnaire"),
};
const struct shape survey_document_shape = {
    "SurveyDefinition", sizeof(struct survey_document), document_fields, countof(document_fields), true};

static const struct field include_fields[] = {
    FIELD(struct survey_include, include, FT_LIST, OPTIONAL, 0, 3, "What to add", .choices = includes),
};
const struct shape survey_include_shape = SHAPE("SurveyInclude", struct survey_include, include_fields);

static const struct field filter_fields[] = {
    FIELD(struct survey_filter, created_from, FT_TIME, OPTIONAL, 0, 0, "Made at this time or later"),
    FIELD(struct survey_filter, created_to, FT_TIME, OPTIONAL, 0, 0, "Made before this time"),
    FIELD(struct survey_filter, q, FT_TEXT, OPTIONAL, 1, 200, "Part of the title"),
    FIELD(struct survey_filter, project_id, FT_UUID, OPTIONAL, 0, 0, "In this project"),
    FIELD(struct survey_filter, status, FT_ENUM, OPTIONAL, 0, 0, "In this state", .choices = statuses),
    FIELD(struct survey_filter, language, FT_LANGUAGE, OPTIONAL, 0, 0, "Written in this language"),
};
const struct shape survey_filter_shape = SHAPE("SurveyFilter", struct survey_filter, filter_fields);

/* ---- out ---- */

#define ITEM_ROWS                                                                                                      \
	OUT("id", FT_UUID, REQUIRED, "Survey"), OUT("project_id", FT_UUID, REQUIRED, "Project it belongs to"),         \
	    OUT("title", FT_TEXT, REQUIRED, "Title in lists"),                                                         \
	    OUT("status", FT_ENUM, REQUIRED, "State", .choices = statuses),                                            \
	    OUT("language", FT_LANGUAGE, REQUIRED, "Language it is written in"),                                       \
	    OUT("schema_version", FT_TEXT, REQUIRED, "Form of the definition"),                                        \
	    OUT("published_version", FT_INT, REQUIRED | NULLABLE, "Number of the version that is in the field"),       \
	    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),                                                  \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),                                       \
	    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),                               \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag")

static const struct field item_fields[] = {ITEM_ROWS};
const struct shape survey_item_out = SHAPE_OUT("SurveyItem", item_fields);

static const struct field link_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Link"),
    OUT("slug", FT_TEXT, REQUIRED, "Its address is /s/SLUG"),
    OUT("title", FT_TEXT, REQUIRED, "Title in lists"),
    OUT("language", FT_LANGUAGE, REQUIRED | NULLABLE, "Language it begins in"),
    OUT("kind", FT_ENUM, REQUIRED, "What it is for", .choices = link_kinds),
    OUT("status", FT_ENUM, REQUIRED, "State", .choices = link_statuses),
    OUT("opens_at", FT_TIME, REQUIRED | NULLABLE, "When it opens"),
    OUT("closes_at", FT_TIME, REQUIRED | NULLABLE, "When it closes"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes"),
};
static const struct shape link_out = SHAPE_OUT("SurveyLink", link_fields);

static const struct field count_fields[] = {
    OUT("total", FT_INT, REQUIRED, "All, those under way and left on the way too"),
    OUT("completed", FT_INT, REQUIRED, "To the end"),
    OUT("screened_out", FT_INT, REQUIRED, "Not of the target group"),
    OUT("quota_full", FT_INT, REQUIRED, "Their quota was full"),
    OUT("in_progress", FT_INT, REQUIRED, "Under way"),
    OUT("partial", FT_INT, REQUIRED, "Left on the way"),
    OUT("rejected", FT_INT, REQUIRED, "Rejected"),
};
static const struct shape counts_out = SHAPE_OUT("SurveyCounts", count_fields);

static const struct field retention_fields[] = {
    OUT("answers_days", FT_INT, REQUIRED | NULLABLE, "Answers, whole, are removed after so many days; null: kept"),
    OUT("personal_days", FT_INT, REQUIRED | NULLABLE, "Their personal part"),
    OUT("paradata_days", FT_INT, REQUIRED | NULLABLE, "Times, seed and the key of the sender"),
    OUT("next_at", FT_TIME, OPTIONAL | NULLABLE,
	"With include=retention: when the next answer reaches one of these ages; null: none does"),
    OUT("answers_removed", FT_INT, OPTIONAL, "With include=retention: how many answers were removed so far"),
    OUT("personal_removed", FT_INT, OPTIONAL, "Of how many the personal part was"),
    OUT("paradata_removed", FT_INT, OPTIONAL, "Of how many the paradata were"),
};
static const struct shape retention_out = SHAPE_OUT("SurveyRetention", retention_fields);

static const struct field survey_fields[] = {
    ITEM_ROWS,
    OUT("definition", FT_OBJECT, REQUIRED, "The draft"),
    OUT("abandon_hours", FT_INT, REQUIRED | NULLABLE,
	"Hours after which an interview that nobody goes on with is over; null: a week"),
    OUT("speeder_percent", FT_INT, REQUIRED | NULLABLE, SPEEDER_ABOUT),
    OUT("straight_rows", FT_INT, REQUIRED | NULLABLE, STRAIGHT_ABOUT),
    OUT("device_answers", FT_INT, REQUIRED | NULLABLE, DEVICE_ABOUT),
    OUT("panelist_answers", FT_INT, REQUIRED | NULLABLE, PANELIST_ABOUT),
    OUT("duplicate_chars", FT_INT, REQUIRED | NULLABLE, DUPLICATE_ABOUT),
    OUT("retention", FT_OBJECT, REQUIRED, "How long answers are kept", .shape = &retention_out),
    OUT("links", FT_LIST, OPTIONAL, "With include=links: its newest 200 links", .shape = &link_out),
    OUT("counts", FT_OBJECT, OPTIONAL, "With include=counts: its answers by state", .shape = &counts_out),
};
const struct shape survey_out = SHAPE_OUT("Survey", survey_fields);

#define VERSION_ROWS                                                                                                   \
	OUT("id", FT_UUID, REQUIRED, "Version"), OUT("survey_id", FT_UUID, REQUIRED, "Survey"),                        \
	    OUT("number", FT_INT, REQUIRED, "1 for the first"),                                                        \
	    OUT("title", FT_TEXT, REQUIRED, "The questionnaire's title"),                                              \
	    OUT("languages", FT_LIST, REQUIRED, "Languages it can be answered in"),                                    \
	    OUT("program_sha256", FT_TEXT, REQUIRED, "Name of the compiled program"),                                  \
	    OUT("published_at", FT_TIME, REQUIRED, "When it was published"),                                           \
	    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),                                                  \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who published it"),                                  \
	    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),                               \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes")

static const struct field version_item_fields[] = {VERSION_ROWS};
const struct shape survey_version_item_out = SHAPE_OUT("SurveyVersionItem", version_item_fields);

static const struct field version_fields[] = {
    VERSION_ROWS, OUT("definition", FT_OBJECT, REQUIRED, "The definition, frozen")};
const struct shape survey_version_out = SHAPE_OUT("SurveyVersion", version_fields);

static const struct field diagnostic_fields[] = {
    OUT("severity", FT_ENUM, REQUIRED, "Only errors stand in the way of publishing", .choices = severities),
    OUT("code", FT_TEXT, REQUIRED, "Stable name"),
    OUT("pointer", FT_TEXT, REQUIRED, "JSON pointer into the definition"),
    OUT("column", FT_INT, REQUIRED, "First column inside the expression, from 1; 0 when it is not about one"),
    OUT("end_column", FT_INT, REQUIRED, "Column behind the last"),
    OUT("message", FT_TEXT, REQUIRED, "What is wrong and how to mend it"),
};
static const struct shape diagnostic_out = SHAPE_OUT("Diagnostic", diagnostic_fields);

static const struct field diagnostics_fields[] = {
    OUT("valid", FT_BOOL, REQUIRED, "It can be published"),
    OUT("errors", FT_INT, REQUIRED, "How many errors"),
    OUT("warnings", FT_INT, REQUIRED, "How many warnings"),
    OUT("diagnostics", FT_LIST, REQUIRED, "In the order of the definition", .shape = &diagnostic_out),
};
const struct shape survey_diagnostics_out = SHAPE_OUT("Diagnostics", diagnostics_fields);

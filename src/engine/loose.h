/* loose.h - values as JavaScript works with them, for `compat: surveyjs`. Room-internal.
 *
 * What SurveyJS gives is what its JavaScript gives, so these are JavaScript's conversions: any kind becomes a number, a text, a
 * truth; numbers may be NaN or infinite on the way and are empty in the end. A V_DATETIME is a Date (LOOSE_NO_DATE: an invalid
 * one); dates of answers are texts. Null is V_EMPTY, undefined is V_EMPTY with a count of 1: an empty list equals only the latter.
 * Time is UTC. The rows of loose.def are one function each, in loose.c and loose_functions.c; missing arguments are undefined. */
#ifndef ENGINE_LOOSE_H
#define ENGINE_LOOSE_H

#include "engine/run.h"

#define LOOSE(name, meaning) LOOSE_##name,
enum loose {
#include "engine/loose.def"
	LOOSE_ROWS
};
#undef LOOSE
#define LOOSE_FUNCTIONS LOOSE_sum /* the first that an author may call */
extern const char *const loose_names[LOOSE_ROWS];

/* What LOOSE_value makes of no answer; LOOSE_RAW on top: a text that looks like a number stays one. */
enum loose_none { LOOSE_UNDEFINED, LOOSE_NO_ITEMS, LOOSE_NULL, LOOSE_RAW };

#define LOOSE_NO_DATE INT64_MIN
static const struct value loose_undefined = {V_EMPTY, 1, {0}};

struct loose_call {
	struct run *r;
	const struct value *args;
	uint32_t count;
	enum loose row;
};
/* The i-th argument; undefined when it was left out. */
const struct value *loose_arg(const struct loose_call *c, uint32_t i);
struct value loose_run(struct run *r, enum loose row, const struct value *args, uint32_t count);

/* The items of a list, or the fields of a record, for which an expression holds, which works from `top` of the stack on. */
struct value loose_filter(struct run *r, uint32_t expression, const struct value *v, struct value *top);

/* JavaScript's conversions. */
bool loose_truthy(const struct value *v);
double loose_number(struct run *r, const struct value *v);			     /* Number(v) */
struct str loose_text(struct run *r, const struct value *v);			     /* String(v) */
struct value loose_add(struct run *r, const struct value *a, const struct value *b); /* a + b */
/* -1, 0, 1; 2 when they have no order. */
int loose_order(struct run *r, const struct value *a, const struct value *b);

void loose_show(struct run *r, struct buf *b, const struct value *v);
struct str loose_done(struct run *r, const struct buf *b); /* the text so far; what is too long is a limit reached */
struct str loose_trim(struct str s);			   /* white space of any script */
uint32_t loose_units(struct str s);			   /* how many units of UTF-16 */
int loose_text_cmp(struct str a, struct str b);		   /* by units of UTF-16 */
struct value loose_joined(struct run *r, struct str a, struct str b);
#define NOT_A_NUMBER __builtin_nan("")
static inline bool is_nan(double v)
{
	return v != v;
}

/* SurveyJS's own. */
struct value loose_corrected(struct run *r, const struct value *v); /* an answer as a variable gives it */
struct value loose_cleaned(double v, int decimals);		    /* v with the decimals that its parts had */
bool loose_compare(struct run *r, enum loose row, struct value x, struct value y);
bool loose_sets(struct run *r, enum loose row, const struct value *a, const struct value *b);
bool loose_is_empty(const struct value *v);
/* What it takes for a number: "5", "1,5", " 7 "; NaN for anything else. */
double loose_read(struct run *r, const struct value *v);
/* How many decimals a number has as it is written. */
int loose_decimals_of(struct run *r, const struct value *v);
/* a + b without the noise of binary fractions. */
struct value loose_sum(struct run *r, const struct value *a, const struct value *b);
/* In: a name with points and places, "panel[0].q". False when there is nothing. */
bool loose_path(struct run *r, const struct value *root, struct str path, struct value *out);

/* loose_date.c: a Date from anything that is not false; LOOSE_NO_DATE. */
int64_t loose_date(struct run *r, const struct value *v);
/* Year, month from 0, day, hour, minute, second, millisecond, all beyond their limits if need be. */
int64_t loose_date_make(const double parts[7]);
bool loose_date_parts(int64_t ms, double parts[7]); /* false: invalid */
/* In place, as SurveyJS does before it compares the two. */
void loose_dates_align(struct run *r, struct value *a, struct value *b);
void loose_date_show(struct buf *b, int64_t ms);
void loose_date_iso(
    struct buf *b, int64_t ms); /* nothing when it is none; years beyond four digits have a sign and six */
typedef struct value loose_function(const struct loose_call *c);
loose_function loose_getDate, loose_age, loose_dateDiff, loose_dateAdd, loose_today, loose_diffDays, loose_part;

/* loose_functions.c */
loose_function loose_sums, loose_best, loose_rounded, loose_in_array, loose_substring;

#endif

/* num_scan.h - a decimal taken apart in one pass, for num_read and json_read. Private to this room.
 *
 *     struct decimal d;
 *     const char *stop = num_scan(p, end, &d);
 *     if (!d.ok) ...                     the JSON grammar broke at `stop`
 *     if (decimal_int(&d, &i)) ...       whole and fits 64 bits
 *     else if (decimal_num(&d, &v)) ...  the nearest double; false when it is too large for one
 *
 * The value is (all digits as one integer) * 10^exponent. */
#ifndef BASE_NUM_SCAN_H
#define BASE_NUM_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct decimal {
	uint64_t head; /* the first 19 digits from the first that is not 0 */
	int32_t exponent;
	uint32_t count;		  /* digits from the first that is not 0 */
	const char *first, *last; /* digits and point in the text; last is one behind */
	bool ok, negative, whole; /* whole: neither point nor exponent was written */
};

#define DECIMAL_HEAD_DIGITS 19

const char *num_scan(const char *p, const char *end, struct decimal *d);
bool decimal_int(const struct decimal *d, int64_t *out);
/* At most 64 digits (the caller has checked the text's length). */
bool decimal_num(const struct decimal *d, double *out);

#endif

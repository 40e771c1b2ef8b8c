/* time.h - instants and calendar dates without the C library. Freestanding; pure: no clock here (io/clock has it).
 * An instant is milliseconds since 1970-01-01T00:00:00Z, proleptic Gregorian, years 0001 to 9999. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/str.h"

#define TIME_TEXT_BYTES 24                              /* 2026-11-22T19:04:05.123Z */
void time_text(int64_t ms, char out[TIME_TEXT_BYTES]);
bool time_read(struct str s, int64_t *ms);              /* RFC 3339, any offset; fraction up to 9 digits, cut to ms */
bool date_read(struct str s, int32_t *days);            /* YYYY-MM-DD to days since 1970-01-01 */
void date_text(int32_t days, char out[10]);
bool clock_read(struct str s, int32_t *seconds);        /* HH:MM or HH:MM:SS to seconds since midnight */
void date_parts(int32_t days, int *year, int *month, int *day);
bool date_make(int year, int month, int day, int32_t *days);   /* false for a day that does not exist */
int date_weekday(int32_t days);                         /* 1 Monday ... 7 Sunday */

#endif

#include "base/time.h"

#define DAY_MS 86400000
#define DAYS_FIRST (-719162) /* 0001-01-01 */
#define DAYS_LAST 2932896    /* 9999-12-31 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
	static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Counting years from March puts the leap day last, so that the days before a month are one linear formula. */
bool date_make(int year, int month, int day, int32_t *days)
{
	int shifted_year, from_march;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	shifted_year = month > 2 ? year : year - 1;
	from_march = month > 2 ? month - 3 : month + 9;
	*days = shifted_year * 365 + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 +
		(153 * from_march + 2) / 5 + day - 1 - 719468;
	return true;
}

void date_parts(int32_t days, int *year, int *month, int *day)
{
	/* 719468 days lie between 0000-03-01 and 1970-01-01; an era is 400 years. */
	int64_t shifted = (int64_t)days + 719468;
	int64_t era = floor_div(shifted, 146097);
	int of_era = (int)(shifted - era * 146097);
	int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int from_march = (5 * of_year + 2) / 153;

	*day = of_year - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = (int)(era * 400) + year_of_era + (*month <= 2);
}

int date_weekday(int32_t days)
{
	/* 1970-01-01 was a Thursday */
	int64_t since_monday = (int64_t)days + 3;

	return (int)(since_monday - floor_div(since_monday, 7) * 7) + 1;
}

static void put_digits(char *out, int digits, int v)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + v % 10);
		v /= 10;
	}
}

static bool take_digits(struct str *s, int digits, int *out)
{
	int v = 0;

	if (s->n < (size_t)digits)
		return false;
	for (int i = 0; i < digits; i++) {
		unsigned digit = (unsigned char)s->p[i] - '0';

		if (digit > 9)
			return false;
		v = v * 10 + (int)digit;
	}
	*s = str_sub(*s, digits, s->n);
	*out = v;
	return true;
}

static bool take_char(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

static bool take_date(struct str *s, int32_t *days)
{
	int year, month, day;

	return take_digits(s, 4, &year) && take_char(s, '-') && take_digits(s, 2, &month) && take_char(s, '-') &&
	       take_digits(s, 2, &day) && date_make(year, month, day, days);
}

void date_text(int32_t days, char out[10])
{
	int year, month, day;

	if (days < DAYS_FIRST)
		days = DAYS_FIRST;
	if (days > DAYS_LAST)
		days = DAYS_LAST;
	date_parts(days, &year, &month, &day);
	put_digits(out, 4, year);
	out[4] = '-';
	put_digits(out + 5, 2, month);
	out[7] = '-';
	put_digits(out + 8, 2, day);
}

void time_text(int64_t ms, char out[TIME_TEXT_BYTES])
{
	int64_t days;
	int of_day;

	if (ms < (int64_t)DAYS_FIRST * DAY_MS)
		ms = (int64_t)DAYS_FIRST * DAY_MS;
	if (ms >= ((int64_t)DAYS_LAST + 1) * DAY_MS)
		ms = ((int64_t)DAYS_LAST + 1) * DAY_MS - 1;
	days = floor_div(ms, DAY_MS);
	of_day = (int)(ms - days * DAY_MS);
	date_text((int32_t)days, out);
	out[10] = 'T';
	put_digits(out + 11, 2, of_day / 3600000);
	out[13] = ':';
	put_digits(out + 14, 2, of_day / 60000 % 60);
	out[16] = ':';
	put_digits(out + 17, 2, of_day / 1000 % 60);
	out[19] = '.';
	put_digits(out + 20, 3, of_day % 1000);
	out[23] = 'Z';
}

bool date_read(struct str s, int32_t *days)
{
	int32_t found;

	if (!take_date(&s, &found) || s.n > 0)
		return false;
	*days = found;
	return true;
}

bool clock_read(struct str s, int32_t *seconds)
{
	int hour, minute, second = 0;

	if (!take_digits(&s, 2, &hour) || !take_char(&s, ':') || !take_digits(&s, 2, &minute))
		return false;
	if (s.n > 0 && (!take_char(&s, ':') || !take_digits(&s, 2, &second)))
		return false;
	if (s.n > 0 || hour > 23 || minute > 59 || second > 59)
		return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return true;
}

/* ".5" is 500 ms; digits behind the third are cut, but have to be digits */
static bool take_fraction(struct str *s, int *ms)
{
	int digits = 0, unit = 100, digit;

	*ms = 0;
	if (!take_char(s, '.'))
		return true;
	while (take_digits(s, 1, &digit)) {
		*ms += digit * unit;
		unit /= 10;
		if (++digits > 9)
			return false;
	}
	return digits > 0;
}

static bool take_offset(struct str *s, int *minutes)
{
	int sign, hour, minute;

	*minutes = 0;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	sign = take_char(s, '-') ? -1 : 1;
	if (sign > 0 && !take_char(s, '+'))
		return false;
	if (!take_digits(s, 2, &hour) || !take_char(s, ':') || !take_digits(s, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*minutes = sign * (hour * 60 + minute);
	return true;
}

bool time_read(struct str s, int64_t *ms)
{
	int hour, minute, second, fraction, offset;
	int32_t days;
	int64_t found;

	if (!take_date(&s, &days) || (!take_char(&s, 'T') && !take_char(&s, 't')))
		return false;
	if (!take_digits(&s, 2, &hour) || !take_char(&s, ':') || !take_digits(&s, 2, &minute) || !take_char(&s, ':') ||
	    !take_digits(&s, 2, &second))
		return false;
	if (!take_fraction(&s, &fraction) || !take_offset(&s, &offset) || s.n > 0)
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	found = (int64_t)days * DAY_MS + ((hour * 60 + minute - offset) * 60 + second) * 1000ll + fraction;
	/* A leap second exists only as the last of a UTC day; it reads as the first of the next one. */
	if (second == 60 && found - floor_div(found, DAY_MS) * DAY_MS >= 1000)
		return false;
	if (found < (int64_t)DAYS_FIRST * DAY_MS || found >= ((int64_t)DAYS_LAST + 1) * DAY_MS)
		return false;
	*ms = found;
	return true;
}

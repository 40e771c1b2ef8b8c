/* loose_date.c - JavaScript's Date, and the functions of loose.def on dates. Milliseconds since 1970, UTC, 100 million days either way. */
#include "engine/loose.h"
#include "engine/number.h"
#include "base/time.h"

#define DAY_MS 86400000
#define HOUR_MS 3600000
#define MINUTE_MS 60000

#define ERA_DAYS 146097 /* in 400 years, after which the calendar is the same again */

static int64_t in_calendar(double ms)
{
	return ms >= -8.64e15 && ms <= 8.64e15 ? (int64_t)ms : LOOSE_NO_DATE;
}

int64_t loose_date_make(const double parts[7])
{
	double year = parts[0] + number_floor(parts[1] / 12), days;
	double month = parts[1] - 12 * number_floor(parts[1] / 12), eras = number_floor(year / 400) - 5;
	int32_t first;

	if (!(year > -1e6 && year < 1e6 && month >= 0 && month < 12) ||
	    !date_make((int)(year - 400 * eras), (int)month + 1, 1, &first))
		return LOOSE_NO_DATE;
	days = first + eras * ERA_DAYS + parts[2] - 1;
	return in_calendar(days * DAY_MS + parts[3] * HOUR_MS + parts[4] * MINUTE_MS + parts[5] * 1000 + parts[6]);
}

bool loose_date_parts(int64_t ms, double parts[7])
{
	int64_t days, rest;
	int year, month, day;

	if (ms == LOOSE_NO_DATE)
		return false;
	days = ms / DAY_MS - (ms % DAY_MS < 0);
	rest = ms - days * DAY_MS;
	date_parts((int32_t)days, &year, &month, &day);
	parts[0] = year;
	parts[1] = month - 1;
	parts[2] = day;
	parts[3] = (double)(rest / HOUR_MS);
	parts[4] = (double)(rest / MINUTE_MS % 60);
	parts[5] = (double)(rest / 1000 % 60);
	parts[6] = (double)(rest % 1000);
	return true;
}

static bool digits(struct str *s, int n, double *out)
{
	*out = 0;
	for (int i = 0; i < n; i++) {
		if (!s->n || s->p[0] < '0' || s->p[0] > '9')
			return false;
		*out = *out * 10 + (s->p[0] - '0');
		*s = str_sub(*s, 1, s->n);
	}
	return true;
}

static bool sign(struct str *s, const char *any)
{
	if (!s->n || !str_find_char(str_from(any), s->p[0], NULL))
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* YYYY or +YYYYYY, then -MM, -DD, then THH:MM, :SS, .sss, Z or +HH:MM. A day that the month does not have is one of the next. */
static int64_t read_date(struct str s)
{
	double parts[7] = {0, 1, 1}, scale = 100, digit, hour = 0, minute = 0;
	bool minus = s.n && s.p[0] == '-';

	if (!digits(&s, sign(&s, "+-") ? 6 : 4, &parts[0]) || (minus && !parts[0]) ||
	    (sign(&s, "-") && (!digits(&s, 2, &parts[1]) || (sign(&s, "-") && !digits(&s, 2, &parts[2])))))
		return LOOSE_NO_DATE;
	parts[0] = minus ? -parts[0] : parts[0];
	minus = false;
	if (sign(&s, "T")) {
		if (!digits(&s, 2, &parts[3]) || !sign(&s, ":") || !digits(&s, 2, &parts[4]) ||
		    (sign(&s, ":") && !digits(&s, 2, &parts[5])))
			return LOOSE_NO_DATE;
		if (sign(&s, "."))
			for (; digits(&s, 1, &digit); scale /= 10)
				parts[6] += digit * number_trunc(scale);
		minus = s.n && s.p[0] == '-';
		if (!sign(&s, "Z") && sign(&s, "+-") &&
		    (!digits(&s, 2, &hour) || !sign(&s, ":") || !digits(&s, 2, &minute)))
			return LOOSE_NO_DATE;
	}
	if (s.n || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31 || parts[3] > 24 || parts[4] > 59 ||
	    parts[5] > 59 || (parts[3] == 24 && (parts[4] > 0 || parts[5] > 0)))
		return LOOSE_NO_DATE;
	parts[1]--;
	parts[3] -= minus ? -hour : hour;
	parts[4] -= minus ? -minute : minute;
	return loose_date_make(parts);
}

int64_t loose_date(struct run *r, const struct value *v)
{
	double d;

	if (!loose_truthy(v))
		return run_individual(r)->now_ms;
	if (v->kind == V_TEXT || v->kind == V_LIST)
		return read_date(loose_text(r, v));
	if (v->kind == V_DATETIME)
		return v->t;
	d = loose_number(r, v);
	return is_nan(d) ? LOOSE_NO_DATE : in_calendar(number_trunc(d));
}

/* Of the same moment in the years 2000 to 2399. */
static void era_text(int64_t ms, int year, char text[TIME_TEXT_BYTES])
{
	time_text(ms - (int64_t)(number_floor(year / 400.0) - 5) * ERA_DAYS * DAY_MS, text);
}

static void put_year(struct buf *b, int year, int width)
{
	unsigned size = (unsigned)(year < 0 ? -year : year), unit = 1;

	for (int i = 1; i < width || size / unit > 9; i++)
		unit *= 10;
	for (; unit; unit /= 10)
		buf_char(b, (char)('0' + size / unit % 10));
}

void loose_date_iso(struct buf *b, int64_t ms)
{
	char text[TIME_TEXT_BYTES];
	double parts[7];
	bool four;

	if (!loose_date_parts(ms, parts))
		return;
	four = parts[0] >= 0 && parts[0] <= 9999;
	if (!four)
		buf_char(b, parts[0] < 0 ? '-' : '+');
	put_year(b, (int)parts[0], four ? 4 : 6);
	era_text(ms, (int)parts[0], text);
	buf_add(b, str_make(text + 4, TIME_TEXT_BYTES - 4));
}

void loose_date_show(struct buf *b, int64_t ms)
{
	static const char names[] = "MonTueWedThuFriSatSunJanFebMarAprMayJunJulAugSepOctNovDec";
	char text[TIME_TEXT_BYTES];
	double parts[7];

	if (!loose_date_parts(ms, parts)) {
		buf_add(b, S("Invalid Date"));
		return;
	}
	era_text(ms, (int)parts[0], text);
	buf_add(b, str_make(names + 3 * (date_weekday((int32_t)(ms / DAY_MS - (ms % DAY_MS < 0))) - 1), 3));
	buf_char(b, ' ');
	buf_add(b, str_make(names + 21 + 3 * (int)parts[1], 3));
	buf_char(b, ' ');
	buf_add(b, str_make(text + 8, 2));
	buf_char(b, ' ');
	if (parts[0] < 0)
		buf_char(b, '-');
	put_year(b, (int)parts[0], 4);
	buf_char(b, ' ');
	buf_add(b, str_make(text + 11, 8));
	buf_add(b, S(" GMT+0000 (Coordinated Universal Time)"));
}

/* `date` beside a text: what the text does not say is cut off. */
static void cut(int64_t *date, struct str beside)
{
	int64_t unit = beside.n < 11 ? DAY_MS : beside.n < 14 ? HOUR_MS : beside.n < 17 ? MINUTE_MS : 1;

	if (*date != LOOSE_NO_DATE)
		*date -= (*date % unit + unit) % unit;
}

/* A text beside a date is one; without time of day when the date has none. */
static void become(struct run *r, struct value *text, struct value *date)
{
	int64_t ms = loose_date(r, text);

	if (date->t != LOOSE_NO_DATE)
		date->t -= (date->t % 1000 + 1000) % 1000;
	if (ms != LOOSE_NO_DATE && (date->t == LOOSE_NO_DATE || date->t % DAY_MS == 0))
		ms -= (ms % DAY_MS + DAY_MS) % DAY_MS - (ms % 1000 + 1000) % 1000;
	*text = value_time(V_DATETIME, ms);
}

void loose_dates_align(struct run *r, struct value *a, struct value *b)
{
	if (a->kind == V_TEXT && b->kind == V_DATETIME) {
		become(r, a, b);
	} else if (a->kind == V_DATETIME && b->kind == V_TEXT) {
		cut(&a->t, b->s);
		become(r, b, a);
	}
}

/* ---- functions ---- */

static struct value a_date(int64_t ms)
{
	return value_time(V_DATETIME, ms);
}

struct value loose_getDate(const struct loose_call *c)
{
	const struct value *v = loose_arg(c, 0);

	return loose_truthy(v) ? a_date(loose_date(c->r, v)) : value_empty;
}

static struct value days_between(struct run *r, const struct value *a, const struct value *b)
{
	int64_t x = loose_date(r, a), y = loose_date(r, b), n;

	if (!loose_truthy(a) || !loose_truthy(b))
		return value_num(0);
	if (x == LOOSE_NO_DATE || y == LOOSE_NO_DATE)
		return value_num(NOT_A_NUMBER);
	n = (x - (x % DAY_MS + DAY_MS) % DAY_MS - (y - (y % DAY_MS + DAY_MS) % DAY_MS)) / DAY_MS;
	return value_num((double)(n < 0 ? -n : n));
}

/* Whole months or years; nothing instead of the second date is now. */
static struct value months_between(struct run *r, const struct value *a, const struct value *b, struct str unit)
{
	double x[7], y[7], months;

	if (str_eq(unit, S("days")))
		return days_between(r, a, b);
	if (!loose_date_parts(loose_date(r, a), x) || !loose_date_parts(loose_date(r, b), y))
		return value_num(str_eq(unit, S("months")) ? NOT_A_NUMBER : 0);
	months = (y[0] - x[0]) * 12 + y[1] - x[1] - (y[2] < x[2]);
	return value_num(str_eq(unit, S("months")) ? months : number_trunc(months / 12));
}

static struct str unit_of(const struct loose_call *c, uint32_t i, struct str otherwise)
{
	const struct value *v = loose_arg(c, i);

	if (!loose_truthy(v))
		return otherwise;
	return v->kind == V_TEXT ? v->s : S("?");
}

struct value loose_age(const struct loose_call *c)
{
	if (!loose_truthy(loose_arg(c, 0)))
		return value_empty;
	return months_between(c->r, &c->args[0], &loose_undefined, unit_of(c, 1, S("years")));
}

struct value loose_dateDiff(const struct loose_call *c)
{
	const struct value *a = loose_arg(c, 0), *b = loose_arg(c, 1);
	struct str unit = unit_of(c, 2, S("days"));
	int64_t x, y, by = str_eq(unit, S("hours")) ? HOUR_MS : str_eq(unit, S("minutes")) ? MINUTE_MS : 1000;

	if (!loose_truthy(a) || !loose_truthy(b))
		return value_empty;
	if (by == 1000 && !str_eq(unit, S("seconds")))
		return months_between(c->r, a, b, unit);
	x = loose_date(c->r, a);
	y = loose_date(c->r, b);
	if (x == LOOSE_NO_DATE || y == LOOSE_NO_DATE)
		return value_num(NOT_A_NUMBER);
	return value_num((double)(((x < y ? y - x : x - y) + by - 1) / by));
}

/* A part of the date and a number that is added as + does: a text is appended. */
static int64_t moved(struct run *r, int64_t ms, int part, const struct value *by)
{
	struct value v;
	double parts[7];

	if (!loose_date_parts(ms, parts))
		return ms;
	v = value_num(parts[part]);
	v = loose_add(r, &v, by);
	parts[part] = number_trunc(loose_number(r, &v));
	return loose_date_make(parts);
}

struct value loose_dateAdd(const struct loose_call *c)
{
	static const char *const units[] = {"years", "months", "days", "hours", "minutes", "seconds"};
	struct str unit = unit_of(c, 2, S("days"));
	int64_t ms;

	if (!loose_truthy(loose_arg(c, 0)) || !loose_truthy(loose_arg(c, 1)))
		return value_empty;
	ms = loose_date(c->r, &c->args[0]);
	for (int i = 0; i < 6; i++)
		if (str_eq(unit, str_from(units[i])))
			return a_date(moved(c->r, ms, i, &c->args[1]));
	return a_date(ms);
}

struct value loose_today(const struct loose_call *c)
{
	int64_t ms = run_individual(c->r)->now_ms;

	if (c->row == LOOSE_currentDate)
		return a_date(ms);
	ms -= (ms % DAY_MS + DAY_MS) % DAY_MS;
	return a_date(c->count == 1 ? moved(c->r, ms, 2, &c->args[0]) : ms);
}

struct value loose_diffDays(const struct loose_call *c)
{
	return c->count == 2 ? days_between(c->r, &c->args[0], &c->args[1]) : value_num(0);
}

struct value loose_part(const struct loose_call *c)
{
	const struct value *v = c->row == LOOSE_currentYear ? &loose_undefined : loose_arg(c, 0);
	int64_t ms = loose_date(c->r, v);
	double parts[7];

	if (c->row == LOOSE_getYear && (c->count != 1 || !loose_truthy(v)))
		return loose_undefined;
	if (!loose_date_parts(ms, parts))
		return value_num(NOT_A_NUMBER);
	if (c->row == LOOSE_weekday)
		return value_num(date_weekday((int32_t)(ms / DAY_MS - (ms % DAY_MS < 0))) % 7);
	return value_num(c->row == LOOSE_month ? parts[1] + 1 : parts[c->row == LOOSE_day ? 2 : 0]);
}

/* functions_date.c - the functions of functions.def on dates. Days are counted from 1970-01-01; the interview's time is UTC. */
#include "engine/vm.h"
#include "engine/number.h"
#include "base/time.h"

#define YEAR_MAX 9999

static int32_t today(const struct run *r)
{
	const struct value now = value_time(V_DATETIME, run_individual(r)->now_ms);

	return (int32_t)value_day(&now);
}

static void put_date(struct call *c, int32_t days)
{
	*c->out = value_time(V_DATE, days);
}

void function_today(struct call *c)
{
	put_date(c, today(c->r));
}

void function_now(struct call *c)
{
	*c->out = value_time(V_DATETIME, run_individual(c->r)->now_ms);
}

static bool whole(const struct value *v, double low, double high, int *out)
{
	if (v->kind != V_NUM || v->num != number_trunc(v->num) || v->num < low || v->num > high)
		return false;
	*out = (int)v->num;
	return true;
}

void function_date(struct call *c)
{
	const struct value *v = &c->args[0];
	int year, month, day;
	int32_t days;

	if (c->count == 3) {
		if (whole(v, 1, YEAR_MAX, &year) && whole(&c->args[1], 1, 12, &month) &&
		    whole(&c->args[2], 1, 31, &day) && date_make(year, month, day, &days))
			put_date(c, days);
		return;
	}
	if (v->kind == V_DATE)
		*c->out = *v;
	else if (v->kind == V_TEXT && date_read(v->s, &days))
		put_date(c, days);
	else if (v->kind == V_DATETIME)
		put_date(c, (int32_t)value_day(v));
}

static int days_in(int year, int month)
{
	int32_t days;

	for (int day = 31; day > 28; day--)
		if (date_make(year, month, day, &days))
			return day;
	return 28;
}

static void add_months(struct call *c, int32_t from, int64_t months)
{
	int year, month, day;
	int64_t all;
	int32_t days;

	date_parts(from, &year, &month, &day);
	all = (int64_t)year * 12 + month - 1 + months;
	if (all < 12 || all > YEAR_MAX * 12 + 11)
		return;
	year = (int)(all / 12);
	month = (int)(all % 12) + 1;
	if (day > days_in(year, month))
		day = days_in(year, month);
	if (date_make(year, month, day, &days))
		put_date(c, days);
}

enum unit { MINUTES, HOURS, DAYS, WEEKS, MONTHS, YEARS, NO_UNIT };
static const int64_t unit_ms[] = {60000, 3600000, DAY_MS, 7 * DAY_MS};

static enum unit unit_of(struct call *c, const struct value *v)
{
	static const char *const names[] = {"minutes", "hours", "days", "weeks", "months", "years"};

	for (int i = 0; v->kind == V_TEXT && i < NO_UNIT; i++)
		if (str_eq(v->s, str_from(names[i])))
			return (enum unit)i;
	vm_problem(c->r, "The unit of time is one of 'minutes', 'hours', 'days', 'weeks', 'months', 'years'.");
	return NO_UNIT;
}

static int64_t ms_of(const struct value *v)
{
	return v->kind == V_DATE ? v->t * DAY_MS : v->t;
}

static bool is_moment(const struct value *v)
{
	return v->kind == V_DATE || v->kind == V_DATETIME;
}

/* A date stays a date: hours that make no whole day are lost on it. */
void function_date_add(struct call *c)
{
	const struct value *from = &c->args[0];
	enum unit unit = unit_of(c, &c->args[2]);
	int64_t n, ms;

	if (!is_moment(from) || c->args[1].kind != V_NUM || unit == NO_UNIT)
		return;
	if (c->args[1].num > 4e9 || c->args[1].num < -4e9)
		return;
	n = (int64_t)c->args[1].num;
	if (unit >= MONTHS) {
		add_months(c, (int32_t)value_day(from), unit == YEARS ? 12 * n : n);
		if (from->kind == V_DATETIME && c->out->kind == V_DATE)
			*c->out =
			    value_time(V_DATETIME, c->out->t * DAY_MS + from->t - value_day(from) * (int64_t)DAY_MS);
		return;
	}
	ms = ms_of(from) + n * unit_ms[unit];
	if (ms < DATE_FIRST * (int64_t)DAY_MS || ms >= (DATE_LAST + 1) * (int64_t)DAY_MS)
		return;
	*c->out = value_time(V_DATETIME, ms);
	if (from->kind == V_DATE)
		put_date(c, (int32_t)value_day(c->out));
}

/* Whole months from a to b, rounded down: the last one counts when its day has come. *more: days are left over. */
static int64_t months_down(int32_t a, int32_t b, bool *more)
{
	int ya, ma, da, yb, mb, db;

	date_parts(a, &ya, &ma, &da);
	date_parts(b, &yb, &mb, &db);
	*more = da != db;
	return (int64_t)(yb - ya) * 12 + (mb - ma) - (db < da);
}

static int64_t months_between(int32_t a, int32_t b)
{
	bool more;
	int64_t n = months_down(a, b, &more);

	return n + (n < 0 && more);
}

/* What is left of the day counts when both have one: a month is not whole an hour before it is. */
void function_date_diff(struct call *c)
{
	const struct value *a = &c->args[0], *b = &c->args[1];
	enum unit unit = unit_of(c, &c->args[2]);
	int64_t clocks = 0, from, to, n;

	if (!is_moment(a) || !is_moment(b) || unit == NO_UNIT)
		return;
	from = value_day(a);
	to = value_day(b);
	if (a->kind == V_DATETIME && b->kind == V_DATETIME)
		clocks = (b->t - to * DAY_MS) - (a->t - from * DAY_MS);
	if (unit < MONTHS) {
		n = ((to - from) * DAY_MS + clocks) / unit_ms[unit];
	} else {
		/* a day less when the clock has not come as far */
		if (clocks < 0 && to >= from)
			to--;
		else if (clocks > 0 && to < from)
			to++;
		n = months_between((int32_t)from, (int32_t)to) / (unit == YEARS ? 12 : 1);
	}
	*c->out = value_num((double)n);
}

static void part(struct call *c, int which)
{
	int parts[3];

	if (!is_moment(&c->args[0]))
		return;
	date_parts((int32_t)value_day(&c->args[0]), &parts[0], &parts[1], &parts[2]);
	*c->out = value_num(parts[which]);
}

void function_year(struct call *c)
{
	part(c, 0);
}

void function_month(struct call *c)
{
	part(c, 1);
}

void function_day(struct call *c)
{
	part(c, 2);
}

void function_weekday(struct call *c)
{
	if (is_moment(&c->args[0]))
		*c->out = value_num(date_weekday((int32_t)value_day(&c->args[0])));
}

void function_age(struct call *c)
{
	bool more;

	/* rounded down: who is born tomorrow is -1, so {age} >= 0 tells a date that cannot be */
	if (is_moment(&c->args[0]))
		*c->out = value_num(
		    number_floor((double)months_down((int32_t)value_day(&c->args[0]), today(c->r), &more) / 12));
}

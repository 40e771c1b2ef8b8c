/* functions_date.c - the functions of functions.def on dates. Days are counted from 1970-01-01; the interview's time is UTC. */
#include "engine/vm.h"
#include "engine/number.h"
#include "base/time.h"

#define DAY_MS 86400000
#define YEAR_MAX 9999

static int32_t today(const struct run *r)
{
	int64_t days = r->in->now_ms / DAY_MS;

	return (int32_t)(days - (r->in->now_ms % DAY_MS < 0));
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
	*c->out = value_time(V_DATETIME, c->r->in->now_ms);
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
		put_date(c, (int32_t)(v->t / DAY_MS - (v->t % DAY_MS < 0)));
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

enum unit { DAYS, WEEKS, MONTHS, YEARS, NO_UNIT };

static enum unit unit_of(struct call *c, const struct value *v)
{
	static const char *const names[] = {"days", "weeks", "months", "years"};

	for (int i = 0; v->kind == V_TEXT && i < 4; i++)
		if (str_eq(v->s, str_from(names[i])))
			return (enum unit)i;
	vm_problem(c->r, "The unit of time is one of 'days', 'weeks', 'months', 'years'.");
	return NO_UNIT;
}

void function_date_add(struct call *c)
{
	enum unit unit = unit_of(c, &c->args[2]);
	int32_t from;
	int64_t n, days;

	if (c->args[0].kind != V_DATE || c->args[1].kind != V_NUM || unit == NO_UNIT)
		return;
	if (c->args[1].num > 4e6 || c->args[1].num < -4e6)
		return;
	from = (int32_t)c->args[0].t;
	n = (int64_t)c->args[1].num;
	if (unit >= MONTHS) {
		add_months(c, from, unit == YEARS ? 12 * n : n);
		return;
	}
	days = from + n * (unit == WEEKS ? 7 : 1);
	if (days >= DATE_FIRST && days <= DATE_LAST)
		put_date(c, (int32_t)days);
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

void function_date_diff(struct call *c)
{
	enum unit unit = unit_of(c, &c->args[2]);
	int64_t n;

	if (c->args[0].kind != V_DATE || c->args[1].kind != V_DATE || unit == NO_UNIT)
		return;
	if (unit >= MONTHS)
		n = months_between((int32_t)c->args[0].t, (int32_t)c->args[1].t) / (unit == YEARS ? 12 : 1);
	else
		n = (c->args[1].t - c->args[0].t) / (unit == WEEKS ? 7 : 1);
	*c->out = value_num((double)n);
}

static void part(struct call *c, int which)
{
	int parts[3];

	if (c->args[0].kind != V_DATE)
		return;
	date_parts((int32_t)c->args[0].t, &parts[0], &parts[1], &parts[2]);
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
	if (c->args[0].kind == V_DATE)
		*c->out = value_num(date_weekday((int32_t)c->args[0].t));
}

void function_age(struct call *c)
{
	bool more;

	/* rounded down: who is born tomorrow is -1, so {age} >= 0 tells a date that cannot be */
	if (c->args[0].kind == V_DATE)
		*c->out = value_num(number_floor((double)months_down((int32_t)c->args[0].t, today(c->r), &more) / 12));
}

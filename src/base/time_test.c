#include "base/test.h"
#include "base/time.h"

static void check_text(int64_t ms, const char *text)
{
	char out[TIME_TEXT_BYTES];
	int64_t again;

	time_text(ms, out);
	assert_str(str_make(out, sizeof(out)), text);
	assert_true(time_read(str_make(out, sizeof(out)), &again));
	assert_true(again == ms);
}

static void writes_instants(void **state)
{
	char out[TIME_TEXT_BYTES];

	(void)state;
	check_text(0, "1970-01-01T00:00:00.000Z");
	check_text(-1, "1969-12-31T23:59:59.999Z");
	check_text(1795374245123, "2026-11-22T19:04:05.123Z");
	check_text(951782400000, "2000-02-29T00:00:00.000Z");
	check_text(-62135596800000, "0001-01-01T00:00:00.000Z");
	check_text(253402300799999, "9999-12-31T23:59:59.999Z");
	time_text(INT64_MAX, out);
	assert_str(str_make(out, sizeof(out)), "9999-12-31T23:59:59.999Z");
	time_text(INT64_MIN, out);
	assert_str(str_make(out, sizeof(out)), "0001-01-01T00:00:00.000Z");
}

static void reads_instants(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
	    {"1970-01-01T07:00:00+07:00", 0},
	    {"1969-12-31T19:30:00-04:30", 0},
	    {"1970-01-01t00:00:00z", 0},
	    {"1970-01-01T00:00:00-00:00", 0},
	    {"1970-01-01T00:00:00.5Z", 500},
	    {"1970-01-01T00:00:00.123999999Z", 123},
	    {"2016-12-31T23:59:60Z", 1483228800000},
	    {"2017-01-01T06:59:60+07:00", 1483228800000},
	};
	static const char *const bad[] = {"", "1970-01-01", "1970-01-01T00:00Z", "1970-01-01T00:00:00",
	    "1970-01-01 00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T12:00:60Z",
	    "1970-01-01T23:59:61Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z",
	    "1970-01-01T00:00:00+7:00", "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+0700",
	    "1970-01-01T00:00:00Zx", "1970-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:59-00:01", "19700101T000000Z", "1970-01-01T00:00:00.5", "+970-01-01T00:00:00Z"};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		if (time_read(str_from(bad[i]), &ms))
			fail_msg("%s was read", bad[i]);
	assert_true(ms == 7);
	for (size_t i = 0; i < countof(cases); i++) {
		assert_true(time_read(str_from(cases[i].text), &ms));
		if (ms != cases[i].ms)
			fail_msg("%s: %lld", cases[i].text, (long long)ms);
	}
}

/* All days of 9999 years, counted one by one. */
static void counts_every_day(void **state)
{
	int32_t expected, days;
	int weekday = 1;

	(void)state;
	assert_true(date_make(1, 1, 1, &expected));
	assert_int_equal(expected, -719162);
	for (int y = 1; y <= 9999; y++) {
		for (int m = 1; m <= 12; m++) {
			for (int d = 1; d <= 31 && date_make(y, m, d, &days); d++) {
				int year, month, day;

				assert_true(days == expected);
				date_parts(days, &year, &month, &day);
				assert_true(year == y && month == m && day == d);
				assert_true(date_weekday(days) == weekday);
				weekday = weekday % 7 + 1;
				expected++;
			}
		}
	}
	assert_int_equal(expected, 2932897);
}

static void dates_and_clocks(void **state)
{
	static const char *const bad[] = {"", "2026-1-1", "2026-13-01", "2026-00-01", "2026-01-00", "2026-02-29",
	    "1900-02-29", "2026-04-31", "0000-01-01", "2026-01-01x", "2026/01/01", "02026-01-01"};
	static const char *const bad_clocks[] = {
	    "", "1:00", "24:00", "12:60", "12:00:60", "12:00:", "12", "12:00:0", "12:00Z"};
	int32_t days = 7, seconds = 7;
	char out[10];

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		if (date_read(str_from(bad[i]), &days))
			fail_msg("%s was read", bad[i]);
	assert_int_equal(days, 7);
	assert_true(date_read(S("2024-02-29"), &days));
	assert_int_equal(days, 19782);
	date_text(days, out);
	assert_str(str_make(out, 10), "2024-02-29");
	assert_int_equal(date_weekday(0), 4);
	for (size_t i = 0; i < countof(bad_clocks); i++)
		if (clock_read(str_from(bad_clocks[i]), &seconds))
			fail_msg("%s was read", bad_clocks[i]);
	assert_int_equal(seconds, 7);
	assert_true(clock_read(S("23:59:59"), &seconds) && seconds == 86399);
	assert_true(clock_read(S("09:30"), &seconds) && seconds == 34200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_instants),
	    cmocka_unit_test(reads_instants),
	    cmocka_unit_test(counts_every_day),
	    cmocka_unit_test(dates_and_clocks),
	};

	return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}

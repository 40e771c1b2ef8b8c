/* One form for all ways to write an address or number, and where it stands within a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "base/limits.h"
#include "core/contact.h"

static void email_is(const char *written, const char *wanted)
{
	struct contact_form form;

	assert_true(contact_email(str_from(written), &form));
	assert_int_equal(form.n, strlen(wanted));
	assert_memory_equal(form.text, wanted, form.n);
}

static void phone_is(const char *written, int64_t country, const char *wanted)
{
	struct contact_form form;

	assert_true(contact_phone(str_from(written), country, &form));
	assert_int_equal(form.n, strlen(wanted));
	assert_memory_equal(form.text, wanted, form.n);
}

static void emails(void **state)
{
	static const char *const none[] = {"", " ", "lan", "@example.com", "lan@", "lan@ ", "lan@.example.com"};
	char long_one[CONTACT_MAX_BYTES + 2];
	struct contact_form form;

	(void)state;
	email_is("lan@example.com", "lan@example.com");
	email_is("  Lan.Nguyen+X@EXAMPLE.Com\t", "lan.nguyen+x@example.com");
	email_is("lan@bücher.example", "lan@xn--bcher-kva.example");
	email_is("lan@BÜCHER.example", "lan@xn--bcher-kva.example");
	email_is("lan@XN--BCHER-KVA.example", "lan@xn--bcher-kva.example");
	email_is("\"a@b\"@example.com", "\"a@b\"@example.com");
	email_is("lan@a_b.example", "lan@a_b.example"); /* in use, whatever IDNA says */
	for (size_t i = 0; i < countof(none); i++)
		assert_false(contact_email(str_from(none[i]), &form));
	memset(long_one, 'a', sizeof long_one);
	long_one[1] = '@';
	assert_false(contact_email(str_make(long_one, CONTACT_MAX_BYTES + 1), &form));
	/* letters that are not ASCII stay as they are in front of the @ */
	email_is("Lân@example.com", "lân@example.com");
}

static void phones(void **state)
{
	static const char *const none[] = {"", "12345", "none at all", "+1234567890123456", "0"};
	struct contact_form form;

	(void)state;
	phone_is("0912 345 101", 84, "84912345101");
	phone_is("+84 912345101", 84, "84912345101");
	phone_is("0084-912-345-101", 84, "84912345101");
	phone_is("+84 (0)912.345.101", 84, "84912345101");
	phone_is("+1 (555) 010-9999", 84, "15550109999");
	phone_is("912345101", 84, "84912345101");
	phone_is("030 123456", 49, "4930123456");
	phone_is("0912345101", 0, "912345101");
	phone_is("123456", 0, "123456");
	for (size_t i = 0; i < countof(none); i++)
		assert_false(contact_phone(str_from(none[i]), 84, &form));
}

static void within(void **state)
{
	static const char *const with[] = {"please write to lan@example.com.", "<Lan@Example.com>",
	    "mailto:lan@example.com", "lan@example.com、bitte", "(lan@example.com)", "a@b.example, lan@example.com",
	    "lan@example.comđ"},
				 *const without[] = {"a.lan@example.com", "lan@example.com.vn", "lan@example.comm",
				     "lan at example.com", "lan@example.co", "", "@", "lan@"},
				 *const called[] = {"call 0977 123 456, evenings", "+84 977-123-456",
				     "2 children, 0977.123.456", "0977123456/0977000111", "x0977123456x"},
				 *const not_called[] = {
				     "10977123456", "09771234567", "0977 123 45", "0977     123456", ""};

	(void)state;
	for (size_t i = 0; i < countof(with); i++)
		assert_true(contact_email_within(str_from(with[i]), S("lan@example.com")));
	for (size_t i = 0; i < countof(without); i++)
		assert_false(contact_email_within(str_from(without[i]), S("lan@example.com")));
	assert_true(contact_email_within(S("schreib an lan@bücher.example!"), S("lan@xn--bcher-kva.example")));
	for (size_t i = 0; i < countof(called); i++)
		assert_true(contact_phone_within(str_from(called[i]), 84, S("84977123456")));
	for (size_t i = 0; i < countof(not_called); i++)
		assert_false(contact_phone_within(str_from(not_called[i]), 84, S("84977123456")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(emails), cmocka_unit_test(phones), cmocka_unit_test(within)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/test.h"
#include "core/config.h"

#include <stdlib.h>
#include <unistd.h>

static void arena_big(struct arena *a)
{
	arena_init(a, &arena_malloc, 8 * 1024 * 1024);
}

static const char *file_with(const char *text)
{
	static char path[] = "/tmp/collect-config-test";
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void defaults_hold(void **state)
{
	struct config *c;
	struct arena a;
	struct str why;

	(void)state;
	arena_big(&a);
	assert_int_equal(config_load(&a, NULL, &c, &why), OK);
	assert_int_equal(config_int(c, CFG_port), 8080);
	assert_true(config_bool(c, CFG_rate_limits));
	assert_false(config_is_set(c, CFG_port));
	arena_free(&a);
}

static void environment_wins(void **state)
{
	const char *path = file_with("# comment\n\nport = 81\n bind=::1 \nlog_level = warn\n");
	struct config *c;
	struct arena a;
	struct str why;

	(void)state;
	arena_big(&a);
	setenv("COLLECT_PORT", "82", 1);
	assert_int_equal(config_load(&a, path, &c, &why), OK);
	unsetenv("COLLECT_PORT");
	assert_int_equal(config_int(c, CFG_port), 82);
	assert_string_equal(config_text(c, CFG_bind), "::1");
	assert_int_equal(config_int(c, CFG_log_level), 2);
	assert_int_equal(config_override(c, CFG_port, "83", "--port", &why), OK);
	assert_int_equal(config_int(c, CFG_port), 83);
	arena_free(&a);
}

static void faults_name_their_line(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"port = 81\nprot = 2\n",
		"/tmp/collect-config-test:2: there is no setting \"prot\"; did you mean \"port\"?"},
	    {"port = 70000\n", "/tmp/collect-config-test:1: port must be from 0 to 65535"},
	    {"\n\nport = x\n", "/tmp/collect-config-test:3: port must be a whole number, not \"x\""},
	    {"rate_limits = maybe\n", "/tmp/collect-config-test:1: rate_limits must be true or false, not \"maybe\""},
	    {"log_level = loud\n",
		"/tmp/collect-config-test:1: log_level must be debug, info, warn or error, not \"loud\""},
	    {"port 81\n", "/tmp/collect-config-test:1: expected NAME = value"},
	};
	struct config *c;
	struct arena a;
	struct str why;
	size_t i;

	(void)state;
	arena_big(&a);
	for (i = 0; i < countof(cases); i++) {
		assert_int_equal(config_load(&a, file_with(cases[i].text), &c, &why), ERR_SETTING);
		assert_str(why, cases[i].why);
	}
	setenv("COLLECT_PROT", "1", 1);
	assert_int_equal(config_load(&a, NULL, &c, &why), ERR_SETTING);
	unsetenv("COLLECT_PROT");
	assert_str(why, "COLLECT_PROT: there is no setting \"prot\"; did you mean \"port\"?");
	arena_free(&a);
}

static void secrets_are_masked(void **state)
{
	struct config *c;
	struct arena a;
	struct buf b;
	struct str why, text;

	(void)state;
	arena_big(&a);
	setenv("COLLECT_DATABASE_URL", "postgres://u:sesame@h/d", 1);
	setenv("COLLECT_KEY_FILE", "/some/file", 1);
	assert_int_equal(config_load(&a, NULL, &c, &why), OK);
	unsetenv("COLLECT_DATABASE_URL");
	unsetenv("COLLECT_KEY_FILE");
	assert_string_equal(config_text(c, CFG_key_file), "/some/file");
	assert_string_equal(config_text(c, CFG_key), "");
	buf_init(&b, &a, 1024 * 1024);
	assert_int_equal(config_print(c, &b), OK);
	assert_int_equal(buf_done(&b, &text), OK);
	assert_false(str_find(text, S("sesame"), NULL));
	assert_true(str_find(text, S("database_url = ***\n    COLLECT_DATABASE_URL."), NULL));
	arena_free(&a);
}

static void secrets_are_forgotten(void **state)
{
	char variable[] = "COLLECT_KEY=sesame";
	struct config *c;
	struct arena a;
	struct str why;
	const char *was;

	(void)state;
	arena_big(&a);
	assert_int_equal(putenv(variable), 0);
	setenv("COLLECT_KEY_PREVIOUS", "open", 1);
	assert_int_equal(config_load(&a, NULL, &c, &why), OK);
	was = config_text(c, CFG_key);
	assert_string_equal(was, "sesame");
	config_forget(c, CFG_key);
	assert_memory_equal(was, "\0\0\0\0\0\0", 6);
	assert_memory_equal(variable, "COLLECT_KEY=\0\0\0\0\0\0", sizeof variable);
	assert_string_equal(config_text(c, CFG_key), "");
	assert_string_equal(config_text(c, CFG_key_previous), "open");
	assert_string_equal(getenv("COLLECT_KEY_PREVIOUS"), "open");
	/* one that was not set, and again */
	config_forget(c, CFG_smtp_password);
	config_forget(c, CFG_key);
	assert_int_equal(config_reload(c, &why), OK);
	assert_int_equal(why.n, 0);
	assert_string_equal(config_text(c, CFG_key), "");
	unsetenv("COLLECT_KEY");
	unsetenv("COLLECT_KEY_PREVIOUS");
	arena_free(&a);
}

static void secrets_come_from_files(void **state)
{
	const char *path = file_with("sesame\n");
	struct config *c;
	struct arena a;
	struct str why;

	(void)state;
	arena_big(&a);
	setenv("COLLECT_DATABASE_APP_PASSWORD_FILE", path, 1);
	assert_int_equal(config_load(&a, NULL, &c, &why), OK);
	assert_string_equal(config_text(c, CFG_database_app_password), "sesame");
	setenv("COLLECT_DATABASE_APP_PASSWORD_FILE", "/nonexistent", 1);
	assert_int_equal(config_load(&a, NULL, &c, &why), ERR_SETTING);
	unsetenv("COLLECT_DATABASE_APP_PASSWORD_FILE");
	arena_free(&a);
}

static void reload_changes_what_may_change(void **state)
{
	const char *path = file_with("log_level = info\nport = 81\n");
	struct config *c;
	struct arena a;
	struct str why;

	(void)state;
	arena_big(&a);
	assert_int_equal(config_load(&a, path, &c, &why), OK);
	file_with("log_level = error\nport = 82\n");
	assert_int_equal(config_reload(c, &why), OK);
	assert_int_equal(config_int(c, CFG_log_level), 3);
	assert_int_equal(config_int(c, CFG_port), 81);
	assert_str(why, "these change at the next start only: port");
	file_with("log_level = debug\nport = nonsense\n");
	assert_int_equal(config_reload(c, &why), ERR_SETTING);
	assert_int_equal(config_int(c, CFG_log_level), 3);
	unlink(path);
	arena_free(&a);
}

/* Reloaded once a minute for years: only a change of a value may cost memory. */
static void reload_takes_no_memory_for_what_stays(void **state)
{
	const char *path = file_with("log_level = info\nport = 81\n");
	struct config *c;
	struct arena a;
	struct str why;
	size_t used;
	int i;

	(void)state;
	arena_big(&a);
	assert_int_equal(config_load(&a, path, &c, &why), OK);
	file_with("log_level = warn\nport = 82\n");
	assert_int_equal(config_reload(c, &why), OK);
	used = a.used_bytes;
	for (i = 0; i < 100; i++) {
		assert_int_equal(config_reload(c, &why), OK);
		assert_str(why, "these change at the next start only: port");
	}
	file_with("port = nonsense\n");
	assert_int_equal(config_reload(c, &why), ERR_SETTING);
	assert_int_equal(a.used_bytes, used);
	assert_string_equal(config_text(c, CFG_log_level), "warn");
	unlink(path);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_hold), cmocka_unit_test(environment_wins),
	    cmocka_unit_test(faults_name_their_line), cmocka_unit_test(secrets_are_masked),
	    cmocka_unit_test(secrets_are_forgotten), cmocka_unit_test(secrets_come_from_files),
	    cmocka_unit_test(reload_changes_what_may_change), cmocka_unit_test(reload_takes_no_memory_for_what_stays)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

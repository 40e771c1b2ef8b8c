/* mail_cmd.c - `collect mail`: one mail with made-up words, so that an operator sees whether the settings work before somebody waits for a
 * mail that matters. */
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/limits.h"
#include "mail/mail.h"
#include "main/command.h"
#include "main/open.h"

#define MAIL_ARENA_MAX_BYTES (8 * MB)
#define SAMPLE_PATH "/sample-link-that-opens-nothing"

static const struct mail_value samples[] = {
    {"minutes", {"30", 2}},
    {"days", {"7", 1}},
    {"by", {"A colleague", 11}},
    {"tenant", {"An organisation", 15}},
    {"device", {"A browser", 9}},
    {"address", {"192.0.2.1", 9}},
    {"time", {"2026-01-01 12:00 UTC", 20}},
};

/* A folder that root makes among a service's own could not be written by it later. */
static bool is_of_another(const char *data)
{
	struct stat st;

	return stat(data, &st) == 0 && st.st_uid != geteuid();
}

static int send_sample(
    const struct command_line *line, struct arena *a, const struct config *config, const struct mail *mail)
{
	struct app app = {0};
	struct str why = S("out of memory");
	struct uuid id = uuid_new();
	enum err e;

	if (!*config_text(config, CFG_smtp_url) && is_of_another(config_text(config, CFG_data)))
		return command_fail(
		    line, 1, "%s belongs to another user: run this as that user", config_text(config, CFG_data));
	app.log = log_open(2, (enum log_level)config_int(config, CFG_log_level));
	if (open_mailer(&app, a, config, &why)) {
		log_close(app.log);
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	}
	e = mail_send(app.mailer, a, mail, &id);
	mail_close(app.mailer);
	log_close(app.log);
	if (e == ERR_SETTING)
		return command_fail(line, 1, "a link needs the server's public address: set public_url");
	if (e == ERR_INVALID)
		return command_fail(
		    line, 1, "the address is not one, or the mail server refuses it or the mail for good");
	if (e == ERR_IO)
		return command_fail(line, 1, "%s/mail cannot be written", config_text(config, CFG_data));
	if (e)
		return command_fail(line, 1, "the mail server could not be reached, or does not take the mail now");
	if (*config_text(config, CFG_smtp_url))
		printf("taken by %s\n", config_text(config, CFG_smtp_url));
	else
		printf("written into %s/mail (smtp_url is not set)\n", config_text(config, CFG_data));
	return 0;
}

int mail_command(int argc, char **argv)
{
	struct option_row options[] = {
	    {"kind", "NAME", "password_reset, invitation, new_device or locked (the default)"},
	    {"language", "TAG", "Language of its words (default: en)"},
	    {"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "mail",
	    .usage = "ADDRESS [OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 1,
	    .about = "Sends a sample mail to ADDRESS with the settings smtp_*, mail_from and public_url, or, without "
		     "smtp_url,\nwrites it into DATA/mail."};
	struct mail mail = {.kind = MAIL_LOCKED, .values = samples, .value_count = countof(samples)};
	struct config *config;
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	mail.to = str_from(line.operands[0]);
	mail.language = str_from(command_option(&line, "language"));
	if (command_option(&line, "kind") && !mail_kind_read(str_from(command_option(&line, "kind")), &mail.kind))
		return command_fail(&line, 2, "there is no mail \"%s\"", command_option(&line, "kind"));
	if (mail_kind_has_link(mail.kind))
		mail.path = S(SAMPLE_PATH);
	arena_init(&a, &arena_malloc, MAIL_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	status = send_sample(&line, &a, config, &mail);
	arena_free(&a);
	return status;
}

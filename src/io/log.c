#include "io/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>
#include "base/time.h"
#include "base/utf8.h"
#include "io/clock.h"

#define LOG_LINE_BYTES 4096 /* no more than PIPE_BUF, so that lines of several processes do not mix in a pipe */
#define LOG_TAIL_BYTES 4    /* kept free for the quote, the brace and the line feed */

struct log {
	int fd;
	_Atomic int level;
};

struct line {
	char p[LOG_LINE_BYTES];
	size_t n;
};

static const char *const key_names[LOG_KEYS] = {
#define X(k, name) [LOG_KEY_##k] = name,
    LOG_FIELDS(X)
#undef X
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct log *log_open(int fd, enum log_level level)
{
	struct log *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->fd = fd;
	atomic_store(&l->level, (int)level);
	return l;
}

void log_set_level(struct log *l, enum log_level level)
{
	atomic_store(&l->level, (int)level);
}

void log_close(struct log *l)
{
	free(l);
}

static bool line_fits(const struct line *line, size_t n)
{
	return line->n + n + LOG_TAIL_BYTES <= sizeof line->p;
}

static void line_raw(struct line *line, const char *text)
{
	size_t n = strlen(text);

	if (!line_fits(line, n))
		return;
	memcpy(line->p + line->n, text, n);
	line->n += n;
}

/* One byte of a string that is UTF-8, or that is not: then bytes above 0x7f are written as escapes. */
static void line_byte(struct line *line, unsigned char c, bool utf8)
{
	static const char hex[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		line->p[line->n++] = '\\';
		line->p[line->n++] = (char)c;
	} else if (c < 0x20 || c == 0x7f || (c > 0x7f && !utf8)) {
		memcpy(line->p + line->n, "\\u00", 4);
		line->p[line->n + 4] = hex[c >> 4];
		line->p[line->n + 5] = hex[c & 15];
		line->n += 6;
	} else {
		line->p[line->n++] = (char)c;
	}
}

static void line_string(struct line *line, struct str s)
{
	bool utf8 = utf8_valid(s);
	size_t i;

	if (!line_fits(line, 2))
		return;
	line->p[line->n++] = '"';
	/* Six bytes are enough for any one escape or character: stopping here never cuts one in two. */
	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x80 || c >= 0xc0 || !utf8) && !line_fits(line, 6))
			break;
		line_byte(line, c, utf8);
	}
	line->p[line->n++] = '"';
}

static void line_key(struct line *line, const char *key)
{
	line_raw(line, ",\"");
	line_raw(line, key);
	line_raw(line, "\":");
}

static void line_send(int fd, const struct line *line)
{
	size_t at = 0;

	while (at < line->n) {
		ssize_t k = write(fd, line->p + at, line->n - at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return; /* nowhere to complain */
		at += (size_t)k;
	}
}

void log_event(struct log *l, enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
	struct line line;
	char stamp[TIME_TEXT_BYTES], number[24];
	size_t i;

	if (!l || (int)level < atomic_load_explicit(&l->level, memory_order_relaxed))
		return;
	line.n = 0;
	time_text(clock_now_ms(), stamp);
	line_raw(&line, "{\"time\":");
	line_string(&line, str_make(stamp, sizeof stamp));
	line_key(&line, "level");
	line_string(&line, str_from(level_names[level]));
	line_key(&line, "event");
	line_string(&line, str_from(event));
	for (i = 0; i < n; i++) {
		/* a field that does not fit at all is left out whole: a key without a value would break the line */
		if (!line_fits(&line, strlen(key_names[fields[i].key]) + 4 + sizeof number))
			break;
		line_key(&line, key_names[fields[i].key]);
		if (fields[i].is_int) {
			snprintf(number, sizeof number, "%lld", (long long)fields[i].i);
			line_raw(&line, number);
		} else {
			line_string(&line, fields[i].s);
		}
	}
	line.p[line.n++] = '}';
	line.p[line.n++] = '\n';
	line_send(l->fd, &line);
}

void log_message(struct log *l, enum log_level level, const char *event, struct str message)
{
	struct log_field field = LF_STR(MESSAGE, message);

	log_event(l, level, event, &field, 1);
}

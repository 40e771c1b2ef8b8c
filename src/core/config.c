#include "core/config.h"

#include <stdatomic.h>
#include <unistd.h>
#include "base/limits.h"
#include "core/config_source.h"
#include "core/name_distance.h"

#define NAME_MAX_BYTES 64
#define SAID_MAX_BYTES 2048
#define RELOAD_ARENA_MAX_BYTES (2 * MB)

extern char **environ;

struct row {
	const char *name;
	enum setting_type type;
	const char *fallback;
	int64_t min, max; /* 0, 0: no bound */
	unsigned flags;
	const char *about;
};

static const struct row rows[CFG_COUNT] = {
#define SETTING(name, type, def, min, max, flags, about) [CFG_##name] = {#name, type, def, min, max, flags, about},
#include "core/settings.def"
#undef SETTING
};

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

struct value {
	_Atomic(const char *) text;
	_Atomic int64_t number;
	_Atomic(const char *) origin; /* NULL: the default */
};

struct config {
	struct arena
	    *arena; /* the caller's; also keeps older values of reloaded settings, which readers may still look at */
	const char *file;
	const char *files[CFG_COUNT + 2]; /* read when it was loaded: this one and those of secrets */
	struct value values[CFG_COUNT];
	char said[SAID_MAX_BYTES];	     /* the last reload's words */
	unsigned char overridden[CFG_COUNT]; /* by the command line, or forgotten: no reload touches it */
};

/* What a source says about one setting, before it is believed. */
struct given {
	struct arena *arena; /* of the texts below and of complaints */
	const char *text[CFG_COUNT];
	const char *origin[CFG_COUNT];
	const char *secret_file[CFG_COUNT]; /* NULL: the value came as it is */
};

/* ---- words for people ---- */

static enum err complain(
    struct arena *a, struct str *why, const char *where, const char *format, const char *x, const char *y)
{
	size_t room = strlen(where) + strlen(format) + strlen(x) + strlen(y) + 8;
	char *text = arena_alloc(a, room);
	int n, k;

	if (!text)
		return ERR_MEMORY;
	n = snprintf(text, room, "%s: ", where);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are literals of this file, each with two %s */
	k = snprintf(text + n, room - (size_t)n, format, x, y);
#pragma GCC diagnostic pop
	*why = str_make(text, (size_t)(n + k));
	return ERR_SETTING;
}

static enum err unknown_name(struct arena *a, const char *where, const char *name, struct str *why)
{
	size_t best = 4, i;
	const char *like = NULL;

	for (i = 0; i < CFG_COUNT; i++) {
		size_t d = name_distance(name, rows[i].name);

		if (d < best) {
			best = d;
			like = rows[i].name;
		}
	}
	if (like)
		return complain(a, why, where, "there is no setting \"%s\"; did you mean \"%s\"?", name, like);
	return complain(a, why, where, "there is no setting \"%s\"; `collect config` lists them all%s", name, "");
}

/* ---- values ---- */

static bool read_bool(struct str s, int64_t *out)
{
	static const struct {
		const char *word;
		int64_t value;
	} words[] = {{"true", 1}, {"false", 0}, {"on", 1}, {"off", 0}, {"yes", 1}, {"no", 0}, {"1", 1}, {"0", 0}};
	size_t i;

	for (i = 0; i < countof(words); i++)
		if (str_eq_nocase(s, str_from(words[i].word))) {
			*out = words[i].value;
			return true;
		}
	return false;
}

static bool read_scaled(enum setting_type type, struct str s, int64_t *out)
{
	static const struct {
		enum setting_type type;
		const char *unit;
		int64_t factor;
	} units[] = {{SET_BYTES, "kB", 1024}, {SET_BYTES, "MB", 1024 * 1024}, {SET_BYTES, "GB", 1024 * 1024 * 1024},
	    {SET_DURATION_MS, "ms", 1}, {SET_DURATION_MS, "s", 1000}, {SET_DURATION_MS, "min", 60000},
	    {SET_DURATION_MS, "h", 3600000}};
	int64_t factor = 1;
	size_t i;

	for (i = 0; i < countof(units); i++)
		if (units[i].type == type && str_ends(s, str_from(units[i].unit))) {
			factor = units[i].factor;
			s = str_trim(str_sub(s, 0, s.n - strlen(units[i].unit)));
			break;
		}
	return str_to_int(s, out) && !__builtin_mul_overflow(*out, factor, out);
}

static enum err check_range(struct arena *a, const struct row *row, int64_t v, const char *where, struct str *why)
{
	char range[64];

	if ((row->min == 0 && row->max == 0) || (v >= row->min && v <= row->max))
		return OK;
	snprintf(range, sizeof range, "%lld to %lld", (long long)row->min, (long long)row->max);
	return complain(a, why, where, "%s must be from %s", row->name, range);
}

static enum err check_value(
    struct arena *a, enum setting_id id, const char *text, const char *where, int64_t *number, struct str *why)
{
	const struct row *row = &rows[id];
	struct str s = str_from(text);
	size_t i;

	*number = 0;
	switch (row->type) {
	case SET_TEXT:
		if (id != CFG_log_level)
			return OK;
		for (i = 0; log_levels[i]; i++)
			if (strcmp(log_levels[i], text) == 0) {
				*number = (int64_t)i;
				return OK;
			}
		return complain(a, why, where, "%s must be debug, info, warn or error, not \"%s\"", row->name, text);
	case SET_BOOL:
		if (read_bool(s, number))
			return OK;
		return complain(a, why, where, "%s must be true or false, not \"%s\"", row->name, text);
	case SET_INT:
	case SET_BYTES:
	case SET_DURATION_MS:
		if (read_scaled(row->type, s, number))
			return check_range(a, row, *number, where, why);
		return complain(a, why, where, "%s must be a whole number, not \"%s\"", row->name,
		    row->flags & SETTING_SECRET ? "***" : text);
	}
	return ERR_INTERNAL;
}

static enum err take(struct config *c, enum setting_id id, const char *text, const char *origin, struct str *why)
{
	int64_t number;
	enum err e = check_value(c->arena, id, text, origin ? origin : "default", &number, why);

	if (e)
		return e;
	atomic_store(&c->values[id].text, text);
	atomic_store(&c->values[id].number, number);
	atomic_store(&c->values[id].origin, origin);
	return OK;
}

/* ---- sources ---- */

/* A value that stands in a file of its own: a secret, without the line feed at its end. */
static enum err read_secret(struct arena *a, const char *path, const char *where, const char **text, struct str *why)
{
	struct str s;

	if (config_file_read(a, path, &s) || !(*text = str_cstr(a, str_trim(s))))
		return complain(a, why, where, "the file \"%s\" cannot be read%s", path, "");
	return OK;
}

/* `name` in lower case, as in the file. "database_url_file" names a file that holds the secret "database_url". */
static enum err give(struct given *g, struct str name, const char *text, const char *where, struct str *why)
{
	struct str stem = str_ends(name, S("_file")) ? str_sub(name, 0, name.n - 5) : S("");
	const char *shown;
	size_t i;

	for (i = 0; i < CFG_COUNT; i++) {
		bool from_file = rows[i].flags & SETTING_SECRET && str_eq(stem, str_from(rows[i].name));

		if (!str_eq(name, str_from(rows[i].name)) && !from_file)
			continue;
		/* "key_file" is a setting in its own right, so the plain name is looked for first */
		if (from_file && str_eq(name, str_from(rows[CFG_key_file].name)))
			continue;
		g->secret_file[i] = from_file ? text : NULL;
		if (from_file) {
			enum err e = read_secret(g->arena, text, where, &text, why);

			if (e)
				return e;
		}
		g->text[i] = text;
		g->origin[i] = where;
		return OK;
	}
	shown = str_cstr(g->arena, str_sub(name, 0, NAME_MAX_BYTES));
	return shown ? unknown_name(g->arena, where, shown, why)
		     : complain(g->arena, why, where, "not a name%s%s", "", "");
}

static enum err read_line(struct given *g, struct str line, const char *where, struct str *why)
{
	struct str name, value = str_trim(line);
	const char *text;
	bool assigned;

	if (value.n == 0 || value.p[0] == '#')
		return OK;
	name = str_trim(str_cut(&value, '=', &assigned));
	if (!assigned)
		return complain(g->arena, why, where, "expected NAME = value%s%s", "", "");
	text = str_cstr(g->arena, str_trim(value));
	if (!text)
		return complain(g->arena, why, where, "the value holds a NUL%s%s", "", "");
	return give(g, name, text, where, why);
}

static enum err read_file(const struct config *c, struct given *g, struct str *why)
{
	struct str text, rest;
	size_t number = 0, room = strlen(c->file) + 24;
	enum err e;

	if (config_file_read(g->arena, c->file, &text))
		return complain(
		    g->arena, why, c->file, "cannot be read (is it there, and at most 256 kB?)%s%s", "", "");
	for (rest = text; rest.n;) {
		struct str line = str_cut(&rest, '\n', NULL);
		char *where = arena_alloc(g->arena, room);

		if (!where)
			return ERR_MEMORY;
		snprintf(where, room, "%s:%zu", c->file, ++number);
		if ((e = read_line(g, line, where, why)))
			return e;
	}
	return OK;
}

static enum err read_environment(struct given *g, struct str *why)
{
	static const char prefix[] = "COLLECT_";
	char **at;
	enum err e;

	for (at = environ; *at; at++) {
		struct str value = str_from(*at), name;
		char *lower, *where;
		size_t i;

		if (!str_starts(value, S("COLLECT_")))
			continue;
		name = str_cut(&value, '=', NULL);
		where = str_cstr(g->arena, name);
		lower = str_cstr(g->arena, str_sub(name, sizeof prefix - 1, name.n));
		if (!where || !lower)
			return ERR_MEMORY;
		for (i = 0; lower[i]; i++)
			if (lower[i] >= 'A' && lower[i] <= 'Z')
				lower[i] = (char)(lower[i] + 32);
		/* an empty variable is an absent one: scripts that pass settings on need no branches */
		if (value.n && (e = give(g, str_from(lower), str_cstr(g->arena, value), where, why)))
			return e;
	}
	return OK;
}

static enum err read_sources(const struct config *c, struct given *g, struct str *why)
{
	enum err e;
	size_t i;

	for (i = 0; i < CFG_COUNT; i++) {
		g->text[i] = rows[i].fallback;
		g->origin[i] = NULL;
	}
	if (c->file && (e = read_file(c, g, why)))
		return e;
	return read_environment(g, why);
}

enum err config_load(struct arena *a, const char *file, struct config **out, struct str *why)
{
	struct config *c = arena_new(a, struct config);
	struct given g = {.arena = a};
	enum err e;
	size_t i, n = 0;

	*why = S("out of memory");
	if (!c)
		return ERR_MEMORY;
	c->arena = a;
	if (file && !(c->file = str_cstr(a, str_from(file))))
		return ERR_MEMORY;
	if ((e = read_sources(c, &g, why)))
		return e;
	if (c->file)
		c->files[n++] = c->file;
	for (i = 0; i < CFG_COUNT; i++) {
		if ((e = take(c, (enum setting_id)i, g.text[i], g.origin[i], why)))
			return e;
		if (g.secret_file[i] && !(c->files[n++] = str_cstr(a, str_from(g.secret_file[i]))))
			return ERR_MEMORY;
	}
	*out = c;
	return OK;
}

const char *const *config_files(const struct config *c)
{
	return c->files;
}

enum err config_override(struct config *c, enum setting_id id, const char *value, const char *origin, struct str *why)
{
	const char *text = str_cstr(c->arena, str_from(value)), *from = str_cstr(c->arena, str_from(origin));
	enum err e;

	if (!text || !from)
		return ERR_MEMORY;
	if ((e = take(c, id, text, from, why)))
		return e;
	c->overridden[id] = 1;
	return OK;
}

void config_forget(struct config *c, enum setting_id id)
{
	const char *text = config_text(c, id);

	atomic_store(&c->values[id].text, "");
	c->overridden[id] = 1;
	/* the defaults are no secrets, and constant */
	if (text != rows[id].fallback)
		explicit_bzero((void *)(uintptr_t)text, strlen(text));
	environment_forget(rows[id].name);
}

static bool changes(const struct config *c, const struct given *g, size_t i)
{
	return !c->overridden[i] && strcmp(g->text[i], config_text(c, (enum setting_id)i)) != 0;
}

/* What is to be used outlives the scratch; older values stay too, for readers that still look at them. */
static enum err keep_changes(struct config *c, struct given *g)
{
	size_t i;

	for (i = 0; i < CFG_COUNT; i++) {
		if (!changes(c, g, i) || !(rows[i].flags & SETTING_RELOADABLE))
			continue;
		g->text[i] = str_cstr(c->arena, str_from(g->text[i]));
		if (g->origin[i] && !(g->origin[i] = str_cstr(c->arena, str_from(g->origin[i]))))
			return ERR_MEMORY;
		if (!g->text[i])
			return ERR_MEMORY;
	}
	return OK;
}

static enum err apply(struct config *c, struct given *g, struct str *why)
{
	struct buf fixed;
	enum err e;
	size_t i;

	if ((e = read_sources(c, g, why)))
		return e;
	for (i = 0; i < CFG_COUNT; i++) { /* all or nothing: a bad line changes no setting */
		const char *origin = g->origin[i] ? g->origin[i] : "default";
		int64_t number;

		if ((e = check_value(g->arena, (enum setting_id)i, g->text[i], origin, &number, why)))
			return e;
	}
	if ((e = keep_changes(c, g)))
		return e;
	buf_init(&fixed, g->arena, 16 * KB);
	for (i = 0; i < CFG_COUNT; i++) {
		if (!changes(c, g, i))
			continue;
		if (rows[i].flags & SETTING_RELOADABLE) {
			take(c, (enum setting_id)i, g->text[i], g->origin[i], why);
			continue;
		}
		buf_add(&fixed, fixed.n ? S(", ") : S("these change at the next start only: "));
		buf_add(&fixed, str_from(rows[i].name));
	}
	return buf_done(&fixed, why);
}

enum err config_reload(struct config *c, struct str *why)
{
	struct arena scratch;
	struct given g = {.arena = &scratch};
	enum err e;

	*why = S("");
	arena_init(&scratch, &arena_malloc, RELOAD_ARENA_MAX_BYTES);
	e = apply(c, &g, why);
	*why = str_sub(*why, 0, sizeof c->said);
	if (why->n)
		memcpy(c->said, why->p, why->n);
	*why = str_make(c->said, why->n);
	arena_free(&scratch);
	return e;
}

/* ---- reading them ---- */

const char *config_text(const struct config *c, enum setting_id id)
{
	return atomic_load(&c->values[id].text);
}

int64_t config_int(const struct config *c, enum setting_id id)
{
	return atomic_load(&c->values[id].number);
}

bool config_bool(const struct config *c, enum setting_id id)
{
	return config_int(c, id) != 0;
}

bool config_is_set(const struct config *c, enum setting_id id)
{
	return atomic_load(&c->values[id].origin) != NULL;
}

enum err config_print(const struct config *c, struct buf *out)
{
	size_t i;

	for (i = 0; i < CFG_COUNT; i++) {
		const char *text = config_text(c, (enum setting_id)i), *origin = atomic_load(&c->values[i].origin);
		bool masked = rows[i].flags & SETTING_SECRET && *text;

		buf_add(out, str_from(rows[i].name));
		buf_add(out, S(" = "));
		buf_add(out, masked ? S("***") : str_from(text));
		buf_add(out, S("\n    "));
		buf_add(out, str_from(origin ? origin : "default"));
		buf_add(out, S(". "));
		buf_add(out, str_from(rows[i].about));
		if (rows[i].flags & SETTING_RELOADABLE)
			buf_add(out, S(" May change while the server runs (HUP)."));
		buf_char(out, '\n');
	}
	return out->failed;
}

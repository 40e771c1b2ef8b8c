/* config.h - settings: one table; environment COLLECT_*, else --config FILE, else the default.
 *
 * A setting is a row of settings.def: SETTING(name, TYPE, default, min, max, flags, "a sentence"). An unknown name or a value that does
 * not fit stops the start and names the line at fault ("collect.conf:7: ..." or "COLLECT_PORT: ..."). File format: NAME = value, one a line,
 * '#' begins a comment; names as in the environment, without COLLECT_, in lower case. Secrets may be given as NAME_file = /path. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "base/arena.h"
#include "base/str.h"

enum setting_type { SET_TEXT, SET_INT, SET_BOOL, SET_BYTES, SET_DURATION_MS };
#define SETTING_SECRET 1u
#define SETTING_RELOADABLE 2u

enum setting_id {
#define SETTING(name, type, def, min, max, flags, about) CFG_##name,
#include "core/settings.def"
#undef SETTING
	CFG_COUNT
};

struct config;
/* ERR_SETTING with *why for people. `file` may be NULL. `a` is kept: config_reload() takes from it, so no other thread may use it then. */
enum err config_load(struct arena *a, const char *file, struct config **out, struct str *why);
const char *config_text(const struct config *c, enum setting_id id); /* "" when not set */
int64_t config_int(const struct config *c, enum setting_id id);
bool config_bool(const struct config *c, enum setting_id id);
bool config_is_set(const struct config *c, enum setting_id id); /* not the default */
/* The settings file and those of secrets, as they were when it was loaded; ended by NULL. */
const char *const *config_files(const struct config *c);
/* For a secret that whoever needed it has taken: its value is overwritten here, and in the environment when it came from there. config_text() is "" from then on, and a
 * reload passes it by. */
void config_forget(struct config *c, enum setting_id id);
/* A command-line option overrides; origin becomes "--port". */
enum err config_override(struct config *c, enum setting_id id, const char *value, const char *origin, struct str *why);
/* Re-reads environment-independent sources; changes rows that are reloadable, reports others that differ in *why (good until the next reload).
 * Takes memory only for values that changed. One thread at a time; readers may read meanwhile. */
enum err config_reload(struct config *c, struct str *why);
/* `collect config`: name, value (secrets masked), origin, sentence. */
enum err config_print(const struct config *c, struct buf *out);

#endif

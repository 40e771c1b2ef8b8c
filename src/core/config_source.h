/* config_source.h - room-internal: files of settings read, and a secret taken out of the environment. */
#ifndef CORE_CONFIG_SOURCE_H
#define CORE_CONFIG_SOURCE_H

#include "base/arena.h"
#include "base/str.h"

/* ERR_IO; ERR_TOO_LARGE beyond 256 kB. */
enum err config_file_read(struct arena *a, const char *path, struct str *out);
/* Overwrites the value of the variable of this setting ("key": COLLECT_KEY) where it stands, which is where the kernel shows it from as well (/proc/PID/environ). It is
 * empty then. While no other thread reads the environment. */
void environment_forget(const char *setting);

#endif

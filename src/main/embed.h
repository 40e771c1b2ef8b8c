/* embed.h - files that the program carries in itself: style sheets, scripts, the API page. Made by web/'s build (tools/embed.py).
 *
 * `path` is the address they are served at, from the root: "/static/respondent.css", "/docs/redoc.js"; "/docs" itself is the file "/docs". Each is
 * a route of its own (main/static.c). `type` is the whole media type, "text/css; charset=utf-8". `etag` is quoted. The compressed forms are
 * empty where they would not be smaller. Sorted by path; read-only. */
#ifndef MAIN_EMBED_H
#define MAIN_EMBED_H

#include "base/str.h"

struct embedded_file {
	const char *path, *type, *etag;
	struct str identity, gzip, br;
};
extern const struct embedded_file embedded_files[];
extern const size_t embedded_file_count;

#endif

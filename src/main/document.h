/* document.h - what the program says about itself, for pages and for `collect print`. */
#ifndef MAIN_DOCUMENT_H
#define MAIN_DOCUMENT_H

#include "base/arena.h"
#include "base/str.h"

struct app;
struct openapi;

/* The API's description, printed and compressed when it is first asked for and kept from then on. Thread-safe. */
enum err openapi_open(struct openapi **out);
void openapi_close(struct openapi *o);

/* Markdown: the tables of base/errors.def and core/settings.def. */
void errors_print(struct buf *out);
void settings_print(struct buf *out);
/* JSON: every route, hidden and internal ones too: [{"method", "path", "permission", "status", "flags", "query": {"open", "fields"} or null, "body"}].
 * tests/api/matrix.mjs is made from it. */
void routes_print(const struct app *app, struct buf *out);

#endif

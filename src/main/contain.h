/* contain.h - what the server and the worker give up once they have read their keys and before their first thread: by the settings user, confine
 * and confine_read; io/confine.h says how.
 *
 * Afterwards they read the system's libraries, names and certificates, the folders of the settings file and of secrets given as files (HUP reads
 * them again, and editors replace files), and what confine_read names; not DATA, not the key files. The worker reads DATA/place too. They write: the server DATA/place, the worker
 * DATA/mail when mails become files. DATA/serve.json is a link into DATA/place, so that the server needs to write nowhere else. */
#ifndef MAIN_CONTAIN_H
#define MAIN_CONTAIN_H

#include "main/open.h"

#define PLACE_FOLDER "place"
#define PLACE_FILE PLACE_FOLDER "/serve.json"

/* ERR_SETTING when there is no such user, ERR_IO when DATA cannot be written, each with *why. What the kernel lacks is logged and no fault. */
enum err contain(struct app *app, struct arena *a, enum open_part part, struct str *why);

/* For `collect doctor`: what the kernel offers and the settings ask for, and what the server that DATA/serve.json names has given up. Answers how many
 * lines. What a kernel lacks is nothing wrong; a server that has not given up what it could is. */
#define CONTAIN_LINES_MAX 3
struct contain_line {
	bool wrong;
	char title[32], text[256];
};
size_t contain_report(const struct config *c, struct contain_line lines[CONTAIN_LINES_MAX]);

#endif

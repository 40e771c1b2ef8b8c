/* pg_conninfo.h - from the one database setting to what each role connects with. */
#ifndef IO_PG_CONNINFO_H
#define IO_PG_CONNINFO_H

#include "io/pg.h"

const char *pg_role_login(enum pg_role role);   /* "collect_app"; "collect_owner" for PG_OWNER */

/* `url` (postgres://… or key=value) with another user and password. The owner's password never goes along: an empty `password` leaves the
 * way in to the server's pg_hba.conf and ~/.pgpass. PG_OWNER keeps user and password as they are. ERR_SETTING with *why when the url cannot
 * be read; *why does not repeat the url. */
enum err pg_conninfo(struct arena *a, const char *url, enum pg_role role, const char *password, const char **out, struct str *why);

#endif

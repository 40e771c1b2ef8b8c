/* link_pass.h - links that ask for a password: what stands behind them is for those who have shown it. Room-internal.
 *
 *     if ((e = link_pass_check(rq, &link)))            the first thing a route does with a link that is open
 *             return e;                                ERR_UNAUTHENTICATED: no pass was shown, or none that is good
 *
 * Whoever shows the password gets a pass: when it ends, and a MAC over that, the link and a mark of the password's hash. So it is good for this link until
 * LINK_PASS_LIFE_S are over or the password is another one, on every server, and nothing is stored of it. Programs send it as the header X-Link-Pass; pages have
 * it in a cookie, which programs' routes do not read, because any other site's page may call those. */
#ifndef FIELDWORK_LINK_PASS_H
#define FIELDWORK_LINK_PASS_H

#include "fieldwork/link.h"
#include "fieldwork/page_form.h"

/* OK too where the link asks for none. Reads no database: it is good for an I/O thread. */
enum err link_pass_check(struct req *rq, const struct link_view *link);
/* For who has shown the password. *ends_ms: when it ends. */
enum err link_pass_make(struct req *rq, const struct link_view *link, struct str *pass, int64_t *ends_ms);
/* As the browser's cookie. */
enum err link_pass_tell(struct req *rq, const struct link_view *link, struct str pass);

/* Whether this is the password: OK, ERR_UNAUTHENTICATED; ERR_RATE: who tries must wait, see auth_guess_begin(). For a ROUTE_SLOW: it has no transaction
 * before and after. Resolves the slug into *out first, with resolve()'s errors. OK, and nothing looked at, where the link asks for none. */
struct str_password {
	struct str slug, password;
};
enum err link_password_try(struct req *rq, const struct str_password *in, struct resolved *out);

/* The page that asks for it. `fields`: of a form that came without a pass, kept on it and sent once it is shown. */
enum password_page { PASSWORD_ASK, PASSWORD_WRONG, PASSWORD_WAIT };
enum err link_password_page(
    struct req *rq, const struct link_view *link, enum password_page why, const struct form_field *fields, size_t n);

#endif

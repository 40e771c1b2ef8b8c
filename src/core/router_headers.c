#include "core/router_headers.h"

#include "core/config.h"
#include "core/router_report.h"
#include "core/router_table.h"

static bool origin_allowed(struct app *app, struct str origin)
{
	struct str list = str_from(config_text(app->config, CFG_cors_origins));

	while (list.n > 0) {
		if (str_eq(str_cut(&list, ' ', NULL), origin))
			return true;
	}
	return false;
}

/* Says whether the caller's page may read the reply. The public tree is open to every page: it takes no cookies. */
static bool stage_cors(struct app *app, struct http_exchange *x)
{
	const struct visit *v = x->user;
	struct str origin = http_header_get(x, S("Origin"));
	bool any = v->end->cors_any;

	if (origin.n == 0 && any)
		/* a copy that a cache keeps may be shown to another page */
		http_reply_header(x, S("Access-Control-Allow-Origin"), S("*"));
	if (origin.n == 0)
		return false;
	if (!any)
		http_reply_header(x, S("Vary"), S("Origin"));
	if (!any && !origin_allowed(app, origin))
		return false;
	http_reply_header(x, S("Access-Control-Allow-Origin"), any ? S("*") : origin);
	http_reply_header(x, S("Access-Control-Expose-Headers"),
	    S("ETag, Location, X-Request-Id, Retry-After, Idempotency-Replayed, RateLimit-Limit, RateLimit-Remaining, "
	      "RateLimit-Reset"));
	return true;
}

/* Nothing of a page's powers but those of a questionnaire, which may ask where one is and read a barcode: pages of ROUTE_PAGE alone. */
#define POWERS_OFF                                                                                                     \
	"accelerometer=(), autoplay=(), display-capture=(), gyroscope=(), magnetometer=(), "                           \
	"microphone=(), midi=(), payment=(), usb=(), "

void headers_stage(struct app *app, struct http_exchange *x)
{
	const struct visit *v = x->user;
	const struct route *row = v->end->rows[HTTP_GET];
	bool page = row && (row->flags & ROUTE_PAGE), any = v->end->cors_any;

	x->reply.header_count = 0;
	http_reply_header(x, S("X-Content-Type-Options"), S("nosniff"));
	http_reply_header(x, S("Referrer-Policy"), S("no-referrer"));
	http_reply_header(x, S("Cache-Control"), S("no-store"));
	http_reply_header(x, S("Content-Security-Policy"),
	    S("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
	http_reply_header(x, S("Permissions-Policy"),
	    page ? S(POWERS_OFF "camera=(self), geolocation=(self)") : S(POWERS_OFF "camera=(), geolocation=()"));
	http_reply_header(x, S("Cross-Origin-Opener-Policy"), S("same-origin"));
	http_reply_header(x, S("Cross-Origin-Resource-Policy"), any ? S("cross-origin") : S("same-origin"));
	if (str_starts(str_from(app->public_url ? app->public_url : ""), S("https://")))
		http_reply_header(x, S("Strict-Transport-Security"), S("max-age=31536000"));
	stage_cors(app, x);
}

void headers_preflight(struct app *app, struct http_exchange *x)
{
	const struct visit *v = x->user;

	x->reply.status = 204;
	http_reply_header(x, S("Allow"), v->end->allow);
	if (http_header_get(x, S("Access-Control-Request-Method")).n == 0 || http_header_get(x, S("Origin")).n == 0)
		return;
	if (!v->end->cors_any && !origin_allowed(app, http_header_get(x, S("Origin"))))
		return;
	http_reply_header(x, S("Access-Control-Allow-Methods"), v->end->allow);
	http_reply_header(x, S("Access-Control-Allow-Headers"),
	    S("Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID, X-Link-Pass, "
	      "X-Request-Id"));
	http_reply_header(x, S("Access-Control-Max-Age"), S("600"));
}

#include "core/ratelimit.h"
#include "core/router_table.h"

#define ROUTE_SEGMENTS_MAX 12

struct node {
	struct str segment;
	struct node *next;     /* sibling */
	struct node *children; /* with literal segments */
	struct node *any;      /* takes one segment as an argument */
	struct endpoint *rest; /* takes all that is left */
	struct endpoint *end;
};

static bool is_argument(struct str seg)
{
	return seg.n > 2 && seg.p[0] == '{' && seg.p[seg.n - 1] == '}';
}

static bool is_rest(struct str seg)
{
	return is_argument(seg) && seg.p[seg.n - 2] == '*';
}

static struct node *literal_child(const struct node *at, struct str seg)
{
	for (struct node *n = at->children; n; n = n->next) {
		if (str_eq(n->segment, seg))
			return n;
	}
	return NULL;
}

static struct node *node_add(struct arena *a, struct node *at, struct str seg)
{
	struct node *n;

	if (is_argument(seg)) {
		if (!at->any)
			at->any = arena_new(a, struct node);
		return at->any;
	}
	if ((n = literal_child(at, seg)))
		return n;
	if (!(n = arena_new(a, struct node)))
		return NULL;
	n->segment = seg;
	n->next = at->children;
	at->children = n;
	return n;
}

static const char *endpoint_args(struct endpoint *end, struct str path)
{
	bool more = true;

	str_cut(&path, '/', NULL);
	while (more) {
		struct str seg = str_cut(&path, '/', &more);

		if (!is_argument(seg))
			continue;
		if (end->arg_count == ROUTE_ARGS_MAX)
			return "a route has too many arguments";
		end->is_id[end->arg_count++] = str_eq(seg, S("{id}")) || str_ends(seg, S("_id}"));
	}
	return NULL;
}

static struct endpoint **slot_for(struct arena *a, struct node *at, struct str path)
{
	bool more = true;
	int depth = 0;

	str_cut(&path, '/', NULL);
	while (more) {
		struct str seg = str_cut(&path, '/', &more);

		if (is_rest(seg))
			return more ? NULL : &at->rest;
		if (++depth > ROUTE_SEGMENTS_MAX || !(at = node_add(a, at, seg)))
			return NULL;
	}
	return &at->end;
}

static bool is_below(struct str path, struct str at)
{
	return str_starts(path, at) && (path.n == at.n || path.p[at.n] == '/');
}

static enum route_scope scope_of(struct str path)
{
	return is_below(path, S("/api/v1/projects/{id}"))  ? SCOPE_PROJECT
	       : is_below(path, S("/api/v1/surveys/{id}")) ? SCOPE_SURVEY
							   : SCOPE_TENANT;
}

static const char *row_fault(const struct route *row)
{
	if (row->path[0] != '/' || !row->handler || !row->summary)
		return "a route lacks its path, handler or summary";
	if (row->method >= HTTP_METHOD_OTHER || row->method == HTTP_HEAD || row->method == HTTP_OPTIONS)
		return "HEAD and OPTIONS are answered by the router, not by rows";
	if (row->status < 200 || row->status > 399)
		return "a route has no status";
	if (row->rate <= RATE_UNSET || row->rate >= RATE_CLASSES)
		return "a route has no rate class";
	if (row->rate == RATE_NONE && !(row->flags & (ROUTE_INLINE | ROUTE_INTERNAL)))
		return "only what is answered from memory may be without a rate";
	if ((row->flags & ROUTE_INLINE) && row->perm != PERM_NONE)
		return "an inline route must be open to everyone";
	if ((row->flags & ROUTE_LIST) && (!row->filters || (!row->out && !row->out_type)))
		return "a list route lacks its sort keys or its item";
	if ((row->flags & ROUTE_RAW_BODY) && row->in)
		return "a route with a raw body cannot have a shape for it";
	if ((row->flags & ROUTE_SLOW) && !(row->flags & ROUTE_NO_TX))
		return "a slow route opens its own transactions: one would be held while it waits";
	if ((row->in && row->in->field_count > 64) || (row->query && row->query->field_count > 64))
		return "a shape has more than 64 fields";
	return NULL;
}

static const char *row_add(struct router *r, struct arena *a, const struct route *row)
{
	struct endpoint **slot, *end;
	const char *why = row_fault(row);

	if (why)
		return why;
	slot = slot_for(a, r->roots[(row->flags & ROUTE_INTERNAL) != 0], str_from(row->path));
	if (!slot)
		return "a route has too many segments, or something behind {name*}";
	if (!(end = *slot)) {
		if (!(end = *slot = arena_new(a, struct endpoint)))
			return "no memory for the routes";
		end->pattern = str_from(row->path);
		end->scope = scope_of(end->pattern);
		if ((why = endpoint_args(end, end->pattern)))
			return why;
	}
	if (!str_eq(end->pattern, str_from(row->path)))
		return "two routes differ only in the name of an argument";
	if (end->rows[row->method])
		return "two routes have the same method and path";
	end->rows[row->method] = row;
	end->cors_any |= (row->flags & ROUTE_CORS_ANY) != 0;
	return NULL;
}

static bool allow_print(struct arena *a, struct endpoint *end)
{
	struct buf b;

	buf_init(&b, a, 100);
	for (int m = 0; m < HTTP_METHOD_OTHER; m++) {
		if (!end->rows[m] && m != HTTP_OPTIONS)
			continue;
		if (b.n > 0)
			buf_add(&b, S(", "));
		buf_add(&b, http_method_name(m));
	}
	return !buf_done(&b, &end->allow);
}

static const char *explain(struct arena *a, const struct route *row, const char *why)
{
	struct buf b;

	buf_init(&b, a, 1000);
	buf_add(&b, http_method_name(row->method));
	buf_char(&b, ' ');
	buf_add(&b, str_from(row->path));
	buf_add(&b, S(": "));
	buf_add(&b, str_from(why));
	buf_char(&b, 0);
	return b.failed ? why : b.p;
}

/* HEAD follows GET only when every row is in; then the Allow lists are final. */
static bool node_finish(struct arena *a, struct node *n)
{
	struct endpoint *ends[2] = {n->end, n->rest};

	for (int i = 0; i < 2; i++) {
		if (!ends[i])
			continue;
		ends[i]->rows[HTTP_HEAD] = ends[i]->rows[HTTP_GET];
		if (!allow_print(a, ends[i]))
			return false;
	}
	for (struct node *c = n->children; c; c = c->next) {
		if (!node_finish(a, c))
			return false;
	}
	return !n->any || node_finish(a, n->any);
}

enum err router_new(struct app *app, struct arena *a, struct router **out, const char **why)
{
	struct router *r = arena_new(a, struct router);

	enum err e;

	*why = "no memory for the routes";
	if (!r || !(r->roots[0] = arena_new(a, struct node)) || !(r->roots[1] = arena_new(a, struct node)))
		return ERR_MEMORY;
	if ((e = ratelimit_new(app, a, why)))
		return e;
	r->app = app;
	r->unmatched.pattern = S("unmatched");
	for (size_t i = 0; i < app->route_arrays; i++) {
		for (const struct route *row = app->routes[i]; row->path; row++) {
			const char *fault = row_add(r, a, row);

			if (fault) {
				*why = explain(a, row, fault);
				return ERR_SETTING;
			}
		}
	}
	if (!node_finish(a, r->roots[0]) || !node_finish(a, r->roots[1]))
		return ERR_MEMORY;
	*out = r;
	*why = NULL;
	return OK;
}

struct walk {
	struct str *args;
	size_t arg_count;
};

/* Literal before argument before rest; a branch that leads nowhere is left again. Depth is bound by the table's. */
static struct endpoint *walk_down(const struct node *at, struct str path, bool more, struct walk *w)
{
	struct str whole = path, seg;
	const struct node *child;
	struct endpoint *end;
	size_t mark = w->arg_count;

	if (!more)
		return at->end;
	seg = str_cut(&path, '/', &more);
	if ((child = literal_child(at, seg)) && (end = walk_down(child, path, more, w)))
		return end;
	if (at->any && seg.n > 0 && mark < ROUTE_ARGS_MAX) {
		w->args[w->arg_count++] = seg;
		if ((end = walk_down(at->any, path, more, w)))
			return end;
		w->arg_count = mark;
	}
	if (at->rest && mark < ROUTE_ARGS_MAX) {
		w->args[w->arg_count++] = whole;
		return at->rest;
	}
	return NULL;
}

struct endpoint *router_match(const struct router *r, bool internal, struct str path, struct str args[ROUTE_ARGS_MAX])
{
	struct walk w = {args, 0};

	if (path.n == 0 || path.p[0] != '/')
		return NULL;
	return walk_down(r->roots[internal], str_sub(path, 1, path.n), true, &w);
}

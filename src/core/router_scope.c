#include "core/router_scope.h"

#include "core/router.h"

#define PROJECT_MEMBER "project_id"

static bool applies(const struct req *rq)
{
	return rq->who.known && (rq->who.guest || rq->who.project_roles);
}

static bool of_tenant(const struct req *rq, const struct endpoint *end)
{
	return end->scope == SCOPE_TENANT && !(rq->route->flags & ROUTE_EACH_PROJECT);
}

bool scope_asks(const struct req *rq, const struct endpoint *end)
{
	return applies(rq) && !of_tenant(rq, end);
}

static bool holds(uint64_t permissions, enum permission p)
{
	return permissions >> p & 1;
}

static const struct project_grant *grant_in(const struct project_grants *all, const struct uuid *project)
{
	for (size_t i = 0; i < all->n; i++) {
		if (uuid_eq(&all->items[i].project_id, project))
			return &all->items[i];
	}
	return NULL;
}

/* ---- what the transaction sees: an array of uuids as PostgreSQL reads it ---- */

static void put_project(struct buf *b, const struct uuid *id)
{
	char text[UUID_TEXT_BYTES];

	uuid_text(id, text);
	if (b->n > 1)
		buf_char(b, ',');
	buf_add(b, str_make(text, sizeof text));
}

static enum err see(struct req *rq, const struct uuid *first, const struct uuid *second)
{
	struct buf b;

	buf_init(&b, rq->arena, 2 * UUID_TEXT_BYTES + 8);
	buf_char(&b, '{');
	if (first)
		put_project(&b, first);
	if (second)
		put_project(&b, second);
	buf_char(&b, '}');
	return buf_done(&b, &rq->scope);
}

static enum err see_permitted(struct req *rq)
{
	size_t seen = 0;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, (rq->grants.n + 1) * (UUID_TEXT_BYTES + 1));
	buf_char(&b, '{');
	for (size_t i = 0; i < rq->grants.n; i++) {
		if (!holds(rq->grants.items[i].permissions, rq->route->perm))
			continue;
		put_project(&b, &rq->grants.items[i].project_id);
		seen++;
	}
	buf_char(&b, '}');
	if ((e = buf_done(&b, &rq->scope)))
		return e;
	return seen > 0 ? OK : ERR_FORBIDDEN;
}

/* ---- deciding ---- */

static enum err permitted(const struct req *rq)
{
	return req_can(rq, rq->route->perm) ? OK : ERR_FORBIDDEN;
}

static enum err enter_each(struct req *rq)
{
	return req_can(rq, rq->route->perm) ? OK : see_permitted(rq);
}

static enum err enter_project(struct req *rq, const struct uuid *project)
{
	const struct project_grant *g = project ? grant_in(&rq->grants, project) : NULL;
	enum err e;

	if (!g)
		return rq->who.guest ? ERR_NOT_FOUND : permitted(rq);
	rq->who.permissions |= g->permissions;
	rq->project = *project;
	if ((e = see(rq, project, NULL)))
		return e;
	return permitted(rq);
}

enum err scope_enter(struct req *rq, const struct endpoint *end)
{
	struct uuid project;
	enum err e;

	if (!applies(rq))
		return OK;
	if (of_tenant(rq, end))
		return rq->who.guest ? see(rq, NULL, NULL) : OK;
	if ((e = rq->app->project_grants(rq, &rq->grants)))
		return e;
	if (end->scope == SCOPE_TENANT)
		return enter_each(rq);
	if (end->scope == SCOPE_PROJECT)
		return enter_project(rq, &rq->ids[0]);
	e = rq->app->survey_project(rq, &rq->ids[0], &project);
	if (e && e != ERR_NOT_FOUND)
		return e;
	return enter_project(rq, e ? NULL : &project);
}

static bool body_project(const struct req *rq, struct uuid *id)
{
	const struct json *named = rq->route->in && rq->body ? json_get(rq->body, S(PROJECT_MEMBER)) : NULL;

	return named && named->type == JSON_STR && uuid_read(named->s, id);
}

/* Whether somebody would have more of a survey where he moves it than where it is: its answers go with it. What he has is counted whatever he shows now, because
 * a key that may do little moves it for its owner, too. */
static bool gains(const struct req *rq, const struct project_grant *there)
{
	const struct project_grant *here = grant_in(&rq->grants, &rq->project);
	uint64_t held = rq->who.held | (here ? here->held : 0);

	return there && (there->held & ~held) >> PERM_FIRST_GIVEN != 0;
}

/* Who sees all of the tenant does so by his tenant-wide permissions, which hold in the other project too. A survey that is moved is read in the one and
 * written in the other: only what is allowed in both is, and nothing is gained by it. */
enum err scope_body(struct req *rq)
{
	const bool moves = !(rq->route->flags & ROUTE_EACH_PROJECT);
	const struct project_grant *g;
	struct uuid project;
	uint64_t there;
	enum err e;

	if (!rq->who.known || !body_project(rq, &project))
		return OK;
	/* that he has none anywhere may be seconds old; what could be gained by that is asked anew */
	if (!applies(rq) && (!moves || (e = rq->app->project_grants(rq, &rq->grants))))
		return moves ? e : OK;
	g = grant_in(&rq->grants, &project);
	if (moves && gains(rq, g))
		return req_fail_str(rq, ERR_FORBIDDEN, S("/" PROJECT_MEMBER), S("forbidden"),
		    S("Nobody moves a survey to where he may do more with it."));
	if (rq->scope.n == 0)
		return OK;
	if (!g && rq->who.guest)
		return req_fail_str(
		    rq, ERR_INVALID, S("/" PROJECT_MEMBER), S("not-found"), S("There is no such project."));
	there = rq->who.everywhere | (g ? g->permissions : 0);
	if (!holds(there, rq->route->perm))
		return ERR_FORBIDDEN;
	if (rq->route->flags & ROUTE_EACH_PROJECT) {
		rq->who.permissions = there;
		return see(rq, &project, NULL);
	}
	rq->who.permissions &= there;
	return see(rq, &rq->project, &project);
}

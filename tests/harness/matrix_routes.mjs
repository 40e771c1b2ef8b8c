// What the matrix of routes (tests/api/matrix.mjs) cannot find out by itself: how to make an object of each kind, what a valid body is, and where a
// route answers something else than its row says. A new route costs a line here when it has a body, and a line when its path or body names a new
// kind of id; the matrix says which. Nothing else is taught: permission, method, slots and status come from the route's row.
import { randomUUID } from 'node:crypto';
import { definition, publish, submit } from './surveys.mjs';
import { expect } from './client.mjs';
import { rows } from './database.mjs';
import { addJobs } from './worker.mjs';

let count = 0;
const unique = (word) => `${word}-${process.pid}-${++count}`;
const draft = () => definition('Small', [{ name: 'p', questions: [{ type: 'text', name: 'q', title: 'Q' }] }]);
const provider = () => ({ name: unique('Provider'), issuer: `https://${unique('id')}.example.com`, client_id: 'collect' });
const ENOUGH = 'another battery staple';
const made = async (promise, pick = (body) => body) => {
	const { id, version } = pick(expect(await promise, 201).body);
	return { id, version };
};

/**
 * Kinds of ids. `make(t, who)` makes one in tenant t (t.api is its owner's client, t.ids its standing objects; who is the principal it is made
 * for) and answers {id, version}; `personal` ones are seen by that one; `table` is where it can be marked as deleted, `remove`
 * another way to do that; what `stays` is never deleted. A kind with `values` is not made: what it is in a tenant stands there. Open kinds are known to everybody.
 */
export const KINDS = {
	project: { table: 'projects', make: (t) => made(t.api.post('/api/v1/projects', { name: unique('Project') })) },
	survey: { table: 'surveys', make: (t) => made(t.api.post('/api/v1/surveys', { project_id: t.ids.project.id, title: 'Small', definition: draft() })) },
	link: { table: 'links', make: (t) => made(t.api.post(`/api/v1/surveys/${t.ids.survey.id}/links`, { kind: 'single_use' })) },
	code: { table: 'link_codes', make: async (t) => {
		const codes = `/api/v1/surveys/${t.ids.survey.id}/links/${t.ids.link.id}/codes`;
		expect(await t.api.post(codes, { count: 1 }), 202);
		return { id: expect(await t.api.get(codes, { query: { limit: 1 } }), 200).body.items[0].id };
	} },
	response: { table: 'responses', make: (t) => made(submit(t.anyone, t.ids.slug.id, { answers: { q: t.canary } })) },
	role: { table: 'roles', make: (t) => made(t.api.post('/api/v1/roles', { name: unique('Role'), permissions: ['surveys:read'] })) },
	invitation: { table: 'invitations', make: (t) => made(t.api.post('/api/v1/invitations', { email: `${unique('new')}@example.com`, role: 'viewer' })) },
	key: { table: 'api_keys', make: (t) => made(t.api.post('/api/v1/api-keys', { name: 'Key', permissions: ['surveys:read'] }), (b) => b.api_key) },
	client: { table: 'clients', make: (t) => made(t.api.post('/api/v1/clients', { name: 'Client', permissions: ['surveys:read'] }), (b) => b.client) },
	provider: { table: 'identity_providers', make: (t) => made(t.api.post('/api/v1/identity-providers', provider())) },
	member: { table: 'memberships', column: 'user_id', make: async (t) => ({ id: (await t.addMember('viewer')).id, version: 1 }) },
	// gone with the membership
	project_member: { table: 'memberships', column: 'user_id', make: async (t) => {
		const { id } = await t.addMember('viewer');
		const { version } = expect(await t.api.request('PUT', `/api/v1/projects/${t.ids.project.id}/members`, { body: { user_id: id, role: 'viewer' } }), 200).body;
		return { id, version };
	} },
	event: { stays: true, make: async (t) => ({ id: expect(await t.api.get('/api/v1/events', { query: { limit: 1 } }), 200).body.items[0].id }) },
	identity: { table: 'identities', make: async (t) => {
		const id = randomUUID();
		await t.sql(`insert into identities (tenant_id, id, user_id, issuer, subject, confirmed) values ('${t.id}', '${id}', '${t.ids.member.id}', 'https://${unique('id')}.example', 's', false)`);
		return { id, version: 1 };
	} },
	job: { table: 'job_records', personal: true, make: async (t, who) => ({ id: (await addJobs(t.server, [{ type: 'jobs.purge', user: who.userId }], { tenant: t.id, delayMs: 86400000 }))[0] }) },
	session: { make: async (t, who) => ({ id: (await who.anotherSession()).id }), remove: (t, id) => t.api.delete(`/api/v1/me/sessions/${id}`) },
	export: { table: 'privacy_requests', personal: true, make: async (t, who) => {
		const { id: job } = expect(await t.api.post('/api/v1/privacy/exports', { email: 'nobody@example.com' }), 202).body;
		const [[id]] = await rows(t.server.database.name, `update privacy_requests set created_by = '${who.userId}' where job_id = '${job}' returning id`);
		return { id };
	} },
	number: { values: { own: 1, deleted: 2, foreign: 3, foreignDeleted: 4, never: 99 } },
	slug: { table: 'links', column: 'slug', open: true, make: async (t) => ({ id: (await publish(t.api, draft())).slug }) },
	tenant: { values: { own: (t) => t.slug, foreign: (t) => t.slug, never: 'never-was' } },
};

/** Names of members and parameters whose kind is not their name without `_id`. */
export const KIND_OF_NAME = { user_id: 'member', member_id: 'project_member', actor_id: 'member', credential_id: 'key', aggregate_id: 'survey', 'filter.link_id': 'link' };

/**
 * Lines by route. body(ids, who): a valid body, made anew for each call. slots: {name: (id) => body with it} for ids in a body that `body` does not
 * hold, or that are no UUID. status: what a valid call answers when it is not the row's status. spend: the call ends the session or changes
 * the person that asks, so another one asks. revives: it is there for what was deleted, so that is no slot. skip: principals for whom a member of the body is theirs after all.
 */
export const ROUTES = {
	'POST /api/v1/auth/login': { body: () => ({ email: 'nobody@example.com', password: 'wrong and long' }), status: 401 },
	'POST /api/v1/auth/refresh': { body: () => ({ refresh_token: 'x'.repeat(80) }), status: 401 },
	'POST /api/v1/auth/switch': { body: (ids, who) => ({ tenant: who.tenant.slug }), slots: { tenant: (id) => ({ tenant: id }) }, spend: true, skip: ['both'] },
	'POST /api/v1/auth/logout': { spend: true },
	'DELETE /api/v1/me/sessions': { spend: true },
	'POST /api/v1/auth/accept-invitation': { body: () => ({ token: 'x'.repeat(80), name: 'N', password: ENOUGH }), status: 404 },
	'POST /api/v1/auth/password-reset': { body: () => ({ email: 'nobody@example.com' }) },
	'POST /api/v1/auth/password-reset/confirm': { body: () => ({ token: 'x'.repeat(80), new_password: ENOUGH }), status: 404 },
	'POST /api/v1/me/password': { body: (ids, who) => ({ password: who.password, new_password: ENOUGH }), spend: true },
	'POST /api/v1/auth/second-factor': { body: () => ({ token: 'x'.repeat(80), code: '123456' }), status: 401 },
	'POST /api/v1/me/second-factor': { body: (ids, who) => ({ password: who.password ?? ENOUGH }) },
	'POST /api/v1/me/second-factor/confirm': { body: () => ({ code: '123456' }), status: 409, spend: true },
	'POST /api/v1/me/second-factor/recovery-codes': { body: (ids, who) => ({ password: who.password ?? ENOUGH, code: '123456' }), status: 422, spend: true },
	'POST /api/v1/me/second-factor/remove': { body: (ids, who) => ({ password: who.password ?? ENOUGH, code: '123456' }), status: 422, spend: true },
	'PATCH /api/v1/me': { body: () => ({ name: 'N' }), spend: true }, // a member of both is the neighbour's too
	'PATCH /api/v1/security/settings': { body: () => ({ require_second_factor: false }) },
	'POST /api/v1/roles': { body: () => ({ name: unique('Role'), permissions: ['surveys:read'] }) },
	'PATCH /api/v1/roles/{id}': { body: () => ({ name: unique('Renamed') }) },
	'PATCH /api/v1/members/{id}': { body: () => ({ role: 'interviewer' }), slots: { role_id: (id) => ({ role_id: id }) } },
	'POST /api/v1/invitations': { body: () => ({ email: `${unique('x')}@example.com`, role: 'viewer' }),
		slots: { role_id: (id) => ({ email: 'slot@example.com', role_id: id }) } },
	'POST /api/v1/api-keys': { body: () => ({ name: 'x', permissions: ['surveys:read'] }) },
	'POST /api/v1/clients': { body: () => ({ name: 'x', permissions: ['surveys:read'] }) },
	'POST /api/v1/oauth/token': { status: 400 },
	'POST /api/v1/auth/oidc/confirm': { body: () => ({ ticket: 'x'.repeat(64), password: ENOUGH }), status: 404 },
	'POST /api/v1/identity-providers': { body: provider },
	'PATCH /api/v1/identity-providers/{id}': { body: () => ({ name: 'renamed' }) },
	'PATCH /api/v1/privacy/settings': { body: () => ({ purge_days: 30 }) },
	'POST /api/v1/privacy/erasures': { body: () => ({ email: 'nobody@example.com' }), slots: { user_id: (id) => ({ user_id: id }) } },
	'POST /api/v1/privacy/exports': { body: () => ({ email: 'nobody@example.com' }), slots: { user_id: (id) => ({ user_id: id }) } },
	// no worker runs there, so no export has its file yet
	'GET /api/v1/privacy/exports/{id}/file': { status: 409 },
	'GET /api/v1/privacy/exports/{id}/text': { status: 409 },
	'PATCH /api/v1/sealing': { body: () => ({ seal_answers: true }) },
	'POST /api/v1/responses/lookup': { body: () => ({ email: 'nobody@example.com' }) },
	'POST /api/v1/projects': { body: () => ({ name: 'x' }) },
	'PATCH /api/v1/projects/{id}': { body: () => ({ name: 'renamed' }) },
	'PUT /api/v1/projects/{id}/members': { body: (ids) => ({ user_id: ids.member.id, role: 'viewer' }) },
	'POST /api/v1/surveys': { body: (ids) => ({ project_id: ids.project.id, title: 'x', definition: draft() }) },
	'POST /api/v1/surveys/validate': { body: draft },
	'PATCH /api/v1/surveys/{id}': { body: () => ({ title: 'renamed' }) },
	'PUT /api/v1/surveys/{id}/definition': { body: draft },
	'POST /api/v1/surveys/{id}/links': { body: () => ({}) },
	'PATCH /api/v1/surveys/{id}/links/{link_id}': { body: () => ({ title: 'renamed' }) },
	'POST /api/v1/surveys/{id}/links/{link_id}/codes': { body: () => ({ count: 1 }) },
	'PUT /api/v1/surveys/{id}/quotas': { body: () => ({ quota: 'q', cell: 'c', limit: 5 }), status: 422 }, // that survey has none
	'POST /api/v1/surveys/{id}/responses/actions': { body: () => ({ action: 'reject', reason: 'Test', filter: { status: ['quota_full'] } }),
		slots: { 'filter.link_id': (id) => ({ action: 'delete', filter: { link_id: id } }) } },
	'PATCH /api/v1/surveys/{id}/responses/{response_id}': { body: () => ({ answers: { q: 'changed' } }) },
	'POST /api/v1/surveys/{id}/responses/{response_id}/reject': { body: () => ({ reason: 'Test' }) },
	'POST /api/v1/surveys/{id}/responses/{response_id}/restore': { status: 409, revives: true },
	'POST /api/v1/jobs/{id}/retry': { status: 409 },
	'PUT /api/v1/surveys/{id}/links/{link_id}/password': { body: () => ({ password: 'open sesame' }) },
	// the matrix' links are of another kind
	'POST /api/v1/surveys/{id}/links/{link_id}/secret': { status: 409 },
	'POST /api/public/v1/links/{slug}/pass': { body: () => ({ password: 'open sesame' }) },
	'POST /api/public/v1/links/{slug}/responses': { body: () => ({ answers: { q: 'x' } }) },
};

/** Routes that are not tried with everybody's ids, by name, each with the test that holds it: pages, whose replies are the browser's tests' business, and
 * the way to a tenant's identity provider and back, which begins before anybody is known. `everybody`: nothing in the address, and the same for all,
 * which tests/api/matrix.mjs tries. */
export const APART = {
	// a respondent's token is asked for, which nobody of the matrix has
	'GET /api/public/v1/links/{slug}/responses/{response_id}': 'tests/api/interviews.mjs',
	'PATCH /api/public/v1/links/{slug}/responses/{response_id}': 'tests/api/interviews.mjs',
	'POST /api/public/v1/links/{slug}/responses/{response_id}/complete': 'tests/api/interviews.mjs',
	// no id but those that the device made itself
	'POST /api/public/v1/sync': 'tests/api/sync.mjs',
	'GET /s/{slug}': 'tests/api/links.mjs',
	'POST /s/{slug}': 'tests/api/conventions.mjs',
	'GET /s/{slug}/password': 'tests/api/link_passwords.mjs',
	'POST /s/{slug}/password': 'tests/api/link_passwords.mjs',
	'GET /api/v1/oidc/{tenant}': 'tests/api/oidc.mjs',
	'GET /api/v1/oidc/{tenant}/start': 'tests/api/oidc_hostile.mjs',
	'GET /api/v1/oidc-callback/{provider_id}': 'tests/api/oidc.mjs',
	...Object.fromEntries(['/', '/docs', '/docs/errors', '/openapi.json', '/robots.txt', '/favicon.ico', '/.well-known/jwks.json'].map((path) => [`GET ${path}`, 'everybody'])),
};
/** A file that is part of the program: nothing in its address is anybody's, and no database is asked. */
export const isFile = (route) => route.method === 'GET' && /^\/static\/[\w./-]+$/.test(route.path) && route.flags.includes('inline') && route.flags.includes('no-transaction');

// Every field that the API reads, from `collect print routes`: valid calls of a tenant with all their members and parameters filled in, for tests that
// put something else into each of them.
import { command, run } from './run.mjs';
import { APART, isFile, KIND_OF_NAME, ROUTES } from './matrix_routes.mjs';

/** A value that a field of this type takes. What is not here (objects, JSON, enumerations) stays as the route's own body has it. */
const VALUES = { text: 'abc', integer: 1, number: 1, boolean: false, time: '2030-01-01T00:00:00.000Z', date: '2030-01-01', email: 'x@example.com',
	url: 'https://id.example.com', language: 'en' };
const LISTS = { permissions: ['surveys:read'], scopes: ['openid'], email_domains: ['example.com'] };
/** Parameters of lists that the rows do not hold, and values that mean something. */
const LIST_QUERY = { limit: '10', cursor: 'x', sort: 'created_at', count: 'false' };
const QUERY = { sort: 'created_at', role: 'viewer', status: 'open', language: 'en', header: 'names', include: 'definition', personal: 'false', bom: 'false', mine: 'true' };

const kindOf = (route, name) => KIND_OF_NAME[name] ?? (name === 'id' ? /([a-z]+)s\/\{id\}/.exec(route.path)[1] : name.replace(/_id$/, ''));

/**
 * The API's calls as the owner of `tenant` (tests/harness/matrix_world.mjs) makes them: [{name, method, template, path, ids, query, body, flags, fields}].
 * fields: {in: path, query or body, name, type}. Members of a body that exclude each other (role and role_id) are the test's matter.
 */
export async function calls(tenant) {
	const routes = JSON.parse((await command([run.collect, 'print', 'routes'])).stdout);
	return routes.map((r) => ({ ...r, name: `${r.method} ${r.path}` })).filter((r) => !r.flags.includes('internal') && !(r.name in APART) && !isFile(r)).map((r) => call(r, tenant));
}

function call(route, tenant) {
	const slots = [...route.path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => ({ in: 'path', name, type: name === 'slug' || name === 'tenant' ? 'text' : 'uuid' }));
	const ids = Object.fromEntries(slots.map((s) => [s.name, String(tenant.ids[kindOf(route, s.name)].id)]));
	const body = route.body ? ROUTES[route.name]?.body?.(tenant.ids, tenant.owner) ?? {} : undefined;
	for (const f of route.body?.fields ?? [])
		if (!(f.name in body) && !f.name.includes('.'))
			body[f.name] = f.type === 'uuid' ? undefined : LISTS[f.name] ?? VALUES[f.type];
	const query = { ...(route.flags.includes('list') ? LIST_QUERY : {}) };
	for (const f of route.query?.fields ?? [])
		query[f.name] = f.type === 'uuid' ? (tenant.ids[f.name.replace(/_id$/, '')] ?? tenant.ids.survey).id : QUERY[f.name] ?? VALUES[f.type] ?? '1';
	const fields = [...slots, ...Object.keys(query).map((name) => ({ in: 'query', name, type: route.query?.fields.find((f) => f.name === name)?.type ?? 'text' })),
		...Object.keys(body ?? {}).filter((name) => body[name] !== undefined).map((name) => ({ in: 'body', name, type: route.body.fields.find((f) => f.name === name)?.type ?? 'json' }))];
	return { name: route.name, method: route.method, template: route.path, ids, path: route.path.replace(/\{(\w+)\*?\}/g, (_, name) => ids[name]), query, body, flags: route.flags, fields };
}

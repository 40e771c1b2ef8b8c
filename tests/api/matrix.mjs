// Every route of the program x every place for an id x everybody who might ask x what the id may be: nobody reaches what is another tenant's, and
// another tenant's looks like nothing at all. The cases come from `collect print routes`; a route or a place that nobody taught the matrix fails it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { before } from '../harness/hooks.mjs';
import { command, run, sleep } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { APART, isFile, KINDS, KIND_OF_NAME, ROUTES } from '../harness/matrix_routes.mjs';
import { checksums, NEVER, ROLES, Tenant, valueOf } from '../harness/matrix_world.mjs';

const AT_ONCE = 12;
const PAIRS = 20; // of a foreign id and one that never was, to compare their times
const TEACH = 'tests/harness/matrix_routes.mjs';
const server = withServer();
const REVIEWED = 'tests/harness/route_permissions.txt';
const reviewed = new Map(readFileSync(REVIEWED, 'utf8').split('\n').filter((l) => l && !l.startsWith('#'))
	.map((l) => [l.slice(0, l.lastIndexOf(' ')), l.slice(l.lastIndexOf(' ') + 1).replace(/^-$/, '')]));
const routes = JSON.parse((await command([run.collect, 'print', 'routes'])).stdout)
	.map((r) => ({ ...r, name: `${r.method} ${r.path}`, line: ROUTES[`${r.method} ${r.path}`] ?? {} }))
	.map((r) => ({ ...r, row: r.permission, permission: reviewed.get(r.name) ?? r.permission }));
const only = process.env.COTEST_ROUTE; // "GET /api/v1/me": that one alone, for the mutants of its row
const api = routes.filter((r) => (only ? r.name === only : !r.flags.includes('internal') && !(r.name in APART) && !isFile(r)));
let ours, theirs, everybody, sumsBefore, cases = 0;

before(async () => {
	ours = new Tenant(server, server.tenant);
	theirs = new Tenant(server, await server.addTenant('neighbour', 'nora@neighbour.example'));
	await ours.begin();
	await theirs.begin();
	everybody = await ours.everybody(theirs);
	sumsBefore = await checksums(server, theirs);
});

// ---- what the rows say ----

function kindOf(route, name) {
	const word = KIND_OF_NAME[name] ?? (name === 'id' ? /([a-z]+)s\/\{id\}/.exec(route.path)?.[1] : name.replace(/_id$/, ''));
	assert.ok(KINDS[word], `${route.name} names an id "${name}" of a kind that the matrix cannot make: add a line "${word}" to KINDS `
		+ `(or "${name}" to KIND_OF_NAME) in ${TEACH}`);
	return word;
}

const pathSlots = (route) => [...route.path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => ({ in: 'path', name }));
const uuids = (shape, where) => (shape?.fields ?? []).filter((f) => f.type === 'uuid').map((f) => ({ in: where, name: f.name }));

/** The places for ids of a route: {in: path, query or body, name, kind}. */
function slotsOf(route) {
	const body = uuids(route.body, 'body');
	for (const name of Object.keys(route.line.slots ?? {}))
		if (!body.some((s) => s.name === name))
			body.push({ in: 'body', name });
	return [...pathSlots(route), ...uuids(route.query, 'query'), ...body].map((s) => ({ ...s, kind: kindOf(route, s.name) }));
}

function bodyOf(route, ids, who) {
	if (!route.body)
		return undefined;
	assert.ok(route.line.body, `${route.name} reads a body: add a line "'${route.name}': { body: () => ({ … }) }" to ROUTES in ${TEACH}`);
	return route.line.body(ids, who);
}

// ---- asking ----

const isNested = (slots, slot) => slot.in === 'path' && slots.filter((s) => s.in === 'path').indexOf(slot) > 0;
const idsOf = (route, objects) => Object.fromEntries(pathSlots(route).map((s) => [s.name, objects[kindOf(route, s.name)].id]));
const fill = (route, ids) => route.path.replace(/\{(\w+)\*?\}/g, (_, name) => encodeURIComponent(ids[name]));

/** One request: `ids` for the path, and a body and query beside. */
async function ask(route, who, ids, { body, query, version = 1, headers: more = {} } = {}) {
	cases++;
	const headers = { ...more, ...(route.flags.includes('if-match') ? { 'If-Match': `"${version}"` } : {}) };
	const reply = await who.api.request(route.method, fill(route, ids), { body, query, headers });
	assert.ok(!reply.text.includes(theirs.canary), `${who.name}: ${route.name} shows the neighbour's answers: ${reply.text.slice(0, 300)}`);
	assert.notEqual(Math.floor(reply.status / 100), 5, `${who.name}: ${route.name}: ${reply.text}`);
	return reply;
}

/** A request with `id` in one place, and our own objects in the others. */
function askWith(route, who, slot, id, standing = ours.ids) {
	const ids = idsOf(route, standing), last = pathSlots(route).at(-1)?.name ?? slot.name;
	const more = { body: bodyOf(route, standing, who), version: standing[kindOf(route, last)].version };
	if (slot.in === 'path')
		ids[slot.name] = id;
	else if (slot.in === 'query')
		more.query = { [slot.name]: id };
	else
		more.body = route.line.slots?.[slot.name]?.(id) ?? { ...more.body, [slot.name]: id };
	return ask(route, who, ids, more);
}

const shape = (reply, id) => `${reply.status} ${reply.text.replaceAll(reply.headers['x-request-id'] ?? '-', 'REQUEST').replaceAll(id, 'ID')}`;

// From a guest all that stands below the projects of this file is hidden; who has a role in another project of ours sees that one in lists.
const isHidden = (route, who) => who.guest && /^\/api\/v1\/(projects|surveys)\/\{id\}/.test(route.path);
const mayAsk = (route, who) => who.may(route.permission) || (!!who.elsewhere && route.flags.includes('each-project'));

/** What is wrong with the reply to an id that is not there; '' when nothing is. */
function judge(route, slot, who, reply) {
	if (route.permission !== '' && !who.permissions)
		return reply.status === 401 ? '' : 'not 401, though nobody is signed in';
	if (isHidden(route, who))
		return reply.status === 404 ? '' : 'not 404, though it is in a project that is hidden';
	if (!mayAsk(route, who))
		return reply.status === 403 ? '' : `not 403, though ${route.permission} is not allowed`;
	if (slot.in === 'path')
		return reply.status === 404 ? '' : 'not 404';
	if (slot.in === 'query' && reply.status === 200)
		return reply.body?.items?.length === 0 ? '' : 'not an empty list';
	return [404, 422].includes(reply.status) ? '' : 'neither 404 nor 422';
}

/** Runs the tasks, AT_ONCE at a time, and answers what they found wrong. */
async function all(tasks) {
	const wrong = [];
	let next = 0;
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		while (next < tasks.length) {
			const found = await tasks[next++]().catch((e) => e.message);
			if (found)
				wrong.push(found);
		}
	}));
	return wrong;
}

const none = (wrong) => assert.equal(wrong.length, 0, `${wrong.length} exceptions:\n${wrong.slice(0, 20).join('\n')}`);

// ---- the matrix ----

/** What an id may be in this place: [name, id]; the first is the one that never existed. */
function idsFor(slot, route) {
	const { values } = KINDS[slot.kind], of = (tenant, which) => (values ? valueOf(KINDS[slot.kind], which, tenant) : tenant.ids[slot.kind].id);
	if (slot.kind === 'number') // counts within its parent: only what is not there is nobody's
		return [['never', values.never]];
	const ids = [['never', values?.never ?? (slot.kind === 'slug' ? 'never-was' : NEVER)], ['foreign', of(theirs, 'foreign')],
		['foreign deleted', theirs.deleted[slot.kind].id]];
	if (slot.in === 'path' && !values)
		ids.push(['own deleted', ours.deleted[slot.kind].id], ['no id at all', 'x'], ['another kind', ours.ids[slot.kind === 'survey' ? 'project' : 'survey'].id]);
	if (KINDS[slot.kind].stays || (route.line.revives && slot.kind === 'response'))
		return ids.filter(([what]) => what !== 'own deleted');
	return KINDS[slot.kind].open ? ids.filter(([what]) => what !== 'foreign' && what !== 'another kind') : ids;
}

async function tryCase(route, slot, who) {
	const values = idsFor(slot, route), wrong = [];
	let never;
	for (const [what, id] of values) {
		const reply = await askWith(route, who, slot, id), seen = shape(reply, id), where = `${who.name}: ${route.name}, ${slot.in} ${slot.name} ${what}`;
		const bad = judge(route, slot, who, reply);
		if (bad)
			wrong.push(`${where}: ${bad}: ${seen.slice(0, 200)}`);
		if (what === 'never')
			never = seen;
		else if (what !== 'no id at all' && seen !== never)
			wrong.push(`${where} does not look like one that never was: ${seen.slice(0, 200)} instead of ${never.slice(0, 200)}`);
	}
	return wrong.join('\n');
}

/** A child of one parent asked for under another: foreign under foreign, own under foreign, own under another of our own. */
async function tryNested(route, slot, parent, who, second) {
	const wrong = [];
	for (const [what, parentId, childId] of [
		['foreign in foreign', theirs.ids[parent.kind].id, theirs.ids[slot.kind].id],
		['own in foreign', theirs.ids[parent.kind].id, ours.ids[slot.kind].id],
		['own in another of our own', second.id, ours.ids[slot.kind].id]]) {
		const reply = await ask(route, who, { ...idsOf(route, ours.ids), [parent.name]: parentId, [slot.name]: childId },
			{ body: bodyOf(route, ours.ids, who), version: ours.ids[slot.kind].version });
		const bad = judge(route, slot, who, reply);
		if (bad)
			wrong.push(`${who.name}: ${route.name}, ${what}: ${bad}: ${reply.status} ${reply.text.slice(0, 200)}`);
	}
	return wrong.join('\n');
}

test('every route has the permission that was reviewed', () => {
	for (const route of api) {
		assert.ok(reviewed.has(route.name), `${route.name} was not reviewed: add the line "${route.name} ${route.row || '-'}" to ${REVIEWED}`);
		assert.equal(route.row, route.permission, `${route.name} asks for "${route.row}", and ${REVIEWED} says "${route.permission}"`);
	}
	for (const name of reviewed.keys())
		assert.ok(api.some((r) => r.name === name), `${REVIEWED} has ${name}, which is no route`);
});

test('every route and every place of an id is known', () => {
	for (const route of api) {
		slotsOf(route);
		bodyOf(route, ours.ids, ours.owner);
	}
	for (const name of Object.keys(ROUTES))
		assert.ok(routes.some((r) => r.name === name), `${TEACH} has a line for ${name}, which is no route`);
	for (const [name, held] of Object.entries(APART)) {
		assert.ok(routes.some((r) => r.name === name), `${TEACH} sets ${name} apart, which is no route`);
		assert.ok(held === 'everybody' || existsSync(new URL(`../../${held}`, import.meta.url)), `${held}, which is said to hold ${name}, is not there`);
	}
});

test('what is set apart without an address of its own is the same for all', { skip: !!only }, async () => {
	for (const [name, held] of Object.entries(APART).filter(([, held]) => held === 'everybody')) {
		const path = name.slice('GET '.length);
		assert.doesNotMatch(path, /\{/, `${name} is not ${held}'s: somebody's id stands in it`);
		// not by the client, which takes the described ones only
		const replies = await Promise.all([null, ours.owner.api.token, theirs.owner.api.token].map(async (token) => {
			const reply = await fetch(server.url + path, { headers: token ? { Authorization: `Bearer ${token}` } : {}, redirect: 'manual' });
			return { status: reply.status, text: await reply.text() };
		}));
		for (const r of replies)
			assert.deepEqual([r.status, r.text], [replies[0].status, replies[0].text], name);
		assert.ok(replies[0].status < 400, `${name}: ${replies[0].status}`);
	}
});

for (const route of api.filter((r) => pathSlots(r).length || uuids(r.query).length || uuids(r.body).length || r.line.slots)) {
	test(`${route.name}: what is not ours is not there`, async () => {
		const slots = slotsOf(route), tasks = [];
		for (const slot of slots) {
			const parent = isNested(slots, slot) && slots[slots.indexOf(slot) - 1];
			const second = parent && slot.kind !== 'number' && await KINDS[parent.kind].make(ours, ours.owner);
			for (const who of everybody.filter((p) => !route.line.skip?.includes(p.name) || slot.in !== 'body')) {
				tasks.push(() => tryCase(route, slot, who));
				if (second)
					tasks.push(() => tryNested(route, slot, parent, who, second));
			}
		}
		none(await all(tasks));
	});
}

// ---- inside a tenant ----

/** The ids of a valid call: made anew for what a call changes, the standing ones for what it reads and for the parents. */
async function validIds(route, who) {
	const objects = { ...ours.ids }, last = pathSlots(route).at(-1);
	const kind = last && kindOf(route, last.name);
	if (last && (route.method !== 'GET' || KINDS[kind].personal) && !KINDS[kind].values && !route.flags.includes('respondents'))
		objects[kind] = await KINDS[kind].make(ours, who);
	return objects;
}

/** Of an object without an id, such as the tenant's settings. */
async function versionOf(route) {
	if (!route.flags.includes('if-match'))
		return 1;
	return /\d+/.exec((await ours.api.get(route.path)).headers.etag)[0];
}

async function tryRole(route, who) {
	const may = mayAsk(route, who) && !isHidden(route, who);
	const asker = may && route.line.spend ? await who.spare() : who;
	const objects = may ? await validIds(route, asker) : ours.ids;
	const last = pathSlots(route).at(-1);
	let reply, busy = 0;
	do { // what a tenant has one of is changed by the others meanwhile: 412, and once more
		const version = last ? objects[kindOf(route, last.name)].version : await versionOf(route);
		reply = await ask(route, asker, idsOf(route, objects), { body: bodyOf(route, objects, asker), version });
		if (reply.status === 503) // only so many files are sent at a time
			await sleep(300);
	} while ((reply.status === 412 && !last) || (reply.status === 503 && busy++ < 5));
	const names = route.body?.fields.some((f) => f.name === 'project_id'); // ours, which is hidden from who is elsewhere
	const wanted = isHidden(route, who) ? 404 : may ? who.elsewhere && names ? 422 : route.line.status ?? route.status : who.permissions ? 403 : 401;
	if (!may && reply.status === wanted) { // before the body is judged and the object looked for: a check further in would be late
		const nothing = Object.fromEntries(pathSlots(route).map((s) => [s.name, NEVER]));
		reply = await ask(route, who, nothing, { body: route.body ? { nobody_reads_this: 1 } : undefined });
	}
	return reply.status === wanted ? '' : `${who.name}: ${route.name}: ${reply.status} instead of ${wanted}: ${reply.text.slice(0, 300)}`;
}

test('each role may do what its permissions say, and nothing else', async () => {
	const tasks = [];
	for (const route of api) {
		for (const who of everybody) {
			// who ends a session or changes a password does so for himself alone: one of each sort is enough
			if (route.line.spend && who.may(route.permission) && !['owner', 'viewer'].includes(who.name))
				continue;
			if (route.permission === '' && who.permissions)
				continue;
			tasks.push(() => tryRole(route, who));
		}
	}
	none(await all(tasks));
});

test('whoever changes something says which version he saw, and who did not changes nothing', async () => {
	const routes = api.filter((r) => r.flags.includes('if-match')), made = [];
	none(await all(routes.map((route) => async () => {
		const objects = await validIds(route, ours.owner);
		made.push({ route, ids: idsOf(route, objects), body: bodyOf(route, objects, ours.owner) });
		return '';
	})));
	const tables = async () => Object.fromEntries(Object.entries(await checksums(server, ours)).filter(([name]) => /^\w+$/.test(name)));
	const before = await tables();
	none(await all(made.map(({ route, ids, body }) => async () => {
		const stale = await ask(route, ours.owner, ids, { body, version: 999 });
		const unsaid = await ours.owner.api.request(route.method, fill(route, ids), { body });
		return stale.status === 412 && unsaid.status === 428 ? '' : `${route.name}: ${stale.status} for an old version, ${unsaid.status} without`;
	})));
	assert.deepEqual(await tables(), before);
	assert.ok(routes.length >= 15 && Object.keys(before).length > 20, `${routes.length} routes, ${Object.keys(before).length} tables`);
});

test('an idempotency key repeats the first reply to who sent it, and is nobody else\'s', async () => {
	const wrong = await all(api.filter((r) => r.flags.includes('idempotent') && r.permission !== '').map((route, i) => async () => {
		const objects = await validIds(route, ours.owner), ids = idsOf(route, objects), body = bodyOf(route, objects, ours.owner);
		const once = (who, what = body) => ask(route, who, ids, { body: what, headers: { 'Idempotency-Key': `once-${i}` } });
		const first = await once(ours.owner), again = await once(ours.owner), colleague = await once(everybody.find((p) => p.name === 'both'));
		const text = route.body?.fields.find((f) => ['name', 'title', 'description'].includes(f.name))?.name;
		const other = text && await once(ours.owner, { ...body, [text]: 'another payload' });
		const seen = [first.status, again.status, again.headers['idempotency-replayed'], again.text === first.text, colleague.headers['idempotency-replayed'],
			text ? other.status : 422].join(' ');
		return seen === `${route.status} ${route.status} true true  422` ? '' : `${route.name}: ${seen}`;
	}));
	none(wrong);
});

test('what belongs to something deleted is not there, and neither is a deleted version', { skip: Boolean(only) }, async () => {
	const { id: member } = await KINDS.member.make(ours), identity = NEVER.replace(/^./, 'a');
	await ours.sql(`insert into identities (tenant_id, id, user_id, issuer, subject, confirmed) values ('${ours.id}', '${identity}', '${member}', 'https://left.example', 's', false);
		update memberships set deleted_at = now() where tenant_id = '${ours.id}' and user_id = '${member}'`);
	const identities = await ours.api.delete(`/api/v1/members/${member}/identities/${identity}`, 1);
	const path = `/api/v1/surveys/${ours.ids.survey.id}/versions`;
	const { number } = expect(await ours.api.post(`/api/v1/surveys/${ours.ids.survey.id}/publish`), 200).body;
	expect(await ours.api.get(`${path}/${number}`), 200);
	await ours.sql(`update survey_versions set deleted_at = now() where tenant_id = '${ours.id}' and survey_id = '${ours.ids.survey.id}' and number = ${number}`);
	const version = await ours.api.get(`${path}/${number}`);
	assert.deepEqual([identities.status, version.status], [404, 404]);
});

test('the table of permissions is what roles go by', async () => {
	const reply = await ours.api.get('/api/v1/permissions');
	for (const role of ROLES) {
		const who = everybody.find((p) => p.name === role);
		assert.deepEqual([...who.permissions].sort(), reply.body.items.filter((p) => p.roles.includes(role)).map((p) => p.slug).sort(), role);
	}
	for (const route of routes.filter((r) => r.permission.includes(':')))
		assert.ok(reply.body.items.some((p) => p.slug === route.permission), `${route.name}: ${route.permission} cannot be given`);
});

const NOT_FOR_CLIENTS = ['tenant_id', 'id', 'user_id', 'created_by', 'updated_by', 'created_at', 'updated_at', 'version', 'deleted_at', 'deleted_by',
	'role', 'role_id', 'permissions', 'status', 'owner_id', 'is_admin', 'password_hash', 'secret', 'sha256', 'key_version', 'sealed', 'xid', '__proto__'];

test('members that are nobody\'s to give are refused, in bodies and queries', async () => {
	const tasks = [], say = (reply, wanted, what) => {
		const told = reply.status === 422 && reply.body.errors?.some((e) => e.pointer === wanted);
		return told ? '' : `${what}: ${reply.status} ${reply.text.slice(0, 200)}`;
	};
	for (const route of api) {
		const ids = () => idsOf(route, ours.ids), last = pathSlots(route).at(-1), version = last && ours.ids[kindOf(route, last.name)].version;
		const who = route.permission === '' ? everybody[0] : ours.owner;
		for (const name of route.body && !route.body.open ? NOT_FOR_CLIENTS.filter((n) => !route.body.fields.some((f) => f.name === n)) : []) {
			for (const value of [NEVER, null]) {
				const body = Object.defineProperty({ ...bodyOf(route, ours.ids, who) }, name, { value, enumerable: true });
				tasks.push(async () => say(await ask(route, who, ids(), { body, version }), `/${name}`, `${route.name} takes ${name} in its body`));
			}
		}
		tasks.push(async () => say(await ask(route, who, ids(), { query: { tenant_id: theirs.id }, body: bodyOf(route, ours.ids, who), version }),
			'/query/tenant_id', `${route.name} takes tenant_id in its query`));
	}
	none(await all(tasks));
});

test('replies have no member for secrets', () => {
	const seen = new Set();
	JSON.stringify(server.contract.document, (key, value) => {
		if (key === 'properties')
			Object.keys(value).forEach((name) => seen.add(name));
		return value;
	});
	for (const name of ['password_hash', 'sha256', 'wrapped', 'sealed', 'tenant_id', 'xid', 'kek_id', 'token_hash'])
		assert.ok(!seen.has(name), `a reply may hold ${name}`);
	assert.ok(seen.has('email'));
});

test('what is internal is not on the public listener', async () => {
	const internal = routes.filter((r) => r.flags.includes('internal')), tasks = [];
	assert.ok(internal.length >= 3);
	for (const route of internal) {
		for (const who of everybody) {
			tasks.push(async () => {
				const reply = await ask(route, who, {});
				return reply.status === 404 ? '' : `${who.name}: ${route.name}: ${reply.status}`;
			});
		}
	}
	none(await all(tasks));
});

test('lists and files hold nothing of the neighbour', async () => {
	const secrets = Object.entries(theirs.ids).filter(([kind]) => !KINDS[kind].values || kind === 'tenant').map(([, o]) => o.id).concat(theirs.id, theirs.owner.userId);
	none(await all(api.filter((r) => r.method === 'GET' && r.path.startsWith('/api/v1/')).map((route) => async () => {
		const reply = await ask(route, ours.owner, idsOf(route, ours.ids));
		const shown = secrets.find((s) => reply.text.includes(s));
		return shown ? `${route.name} shows ${shown}` : '';
	})));
});

test('every event says who did it, and one of a request in which', { skip: Boolean(only) }, async () => {
	const bare = await rows(server.database.name, `select coalesce(actor_kind, 'null') || ' ' || aggregate_type || ' ' || type from events
		where actor_kind is null or (request_id is null and actor_kind not in ('operator', 'job'))`);
	assert.deepEqual([...new Set(bare.flat())], []);
	assert.ok((await rows(server.database.name, 'select count(*) from events where request_id is not null'))[0][0] >= 50);
});

test('at the neighbour\'s nothing has changed', async () => {
	const sums = await checksums(server, theirs);
	assert.ok(Object.keys(sumsBefore).length >= 15 && Object.keys(sumsBefore).some((k) => k.includes(theirs.id)), JSON.stringify(Object.keys(sumsBefore)));
	for (const key of Object.keys(sumsBefore)) // what is cached may have come to its end meanwhile
		if (key.startsWith('collect:cache:') && !(key in sums))
			delete sumsBefore[key];
	assert.deepEqual(sums, sumsBefore);
});

test('the time that an answer takes tells of nothing (told, not judged: the machine is shared)', async () => {
	const times = { foreign: [], never: [] };
	for (let i = 0; i < PAIRS; i++) {
		for (const route of api.filter((r) => r.method === 'GET' && r.path.startsWith('/api/v1/') && pathSlots(r).length)) {
			const slot = slotsOf(route)[0], ids = { foreign: theirs.ids[slot.kind].id, never: NEVER };
			for (const what of i % 2 ? ['foreign', 'never'] : ['never', 'foreign'])
				times[what].push((await askWith(route, ours.owner, slot, ids[what])).ms);
		}
	}
	const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)].toFixed(3);
	console.log(`# median of ${times.foreign.length} foreign ids ${median(times.foreign)} ms, of ${times.never.length} that never were ${median(times.never)} ms`);
});

test('there were enough cases', () => {
	console.log(`# ${cases} cases over ${api.length} routes`);
	assert.ok(cases >= 2000, `${cases} cases`);
});

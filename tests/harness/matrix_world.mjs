// Two tenants and everybody who might ask, for the matrix of routes.
import assert from 'node:assert/strict';
import { expect } from './client.mjs';
import { psql, rows } from './database.mjs';
import { PASSWORD } from './server.mjs';
import { KINDS } from './matrix_routes.mjs';

export const NEVER = '01890a5d-ac96-774b-bcce-b302099a8057';
export const ROLES = ['guest', 'interviewer', 'viewer', 'analyst', 'manager', 'admin', 'owner'];
let people = 0;

/** Somebody who asks. `permissions` is null for who is nobody; `machine` has no session. */
export class Principal {
	constructor(name, tenant, api, more = {}) {
		Object.assign(this, { name, tenant, api, permissions: null, machine: false, password: PASSWORD, ...more });
	}

	/** Whether the row's permission lets this one in, by the table of permissions. */
	may(permission) {
		if (permission === '')
			return true;
		if (!this.permissions)
			return false;
		if (permission === 'signed-in')
			return true;
		return permission.includes(':') ? this.permissions.has(permission) : !this.machine;
	}

	async anotherSession() {
		const api = await this.tenant.server.login(this.email);
		return { api, id: expect(await api.get('/api/v1/me/sessions'), 200).body.items.find((s) => s.current).id };
	}

	/** Somebody else of the same role, whom a test may use up. */
	async spare() {
		const member = await this.tenant.addMember(this.name);
		return new Principal(this.name, this.tenant, await this.tenant.server.login(member.email), { permissions: this.permissions, email: member.email, userId: member.id });
	}
}

export class Tenant {
	/** given: {id, slug, email} of `collect tenant add`. */
	constructor(server, given) {
		Object.assign(this, { server, anyone: server.anyone, canary: `canary-of-${given.slug}`, ids: {}, deleted: {}, ...given });
	}

	async begin() {
		this.api = await this.server.login(this.email);
		this.owner = await this.principal('owner', this.api, { email: this.email });
		const [[hash]] = await rows(this.server.database.name, `select password_hash from users where email = '${this.email}'`);
		this.hash = hash;
		for (const kind of ['project', 'slug']) // a link needs a survey, a response a link: the published one is everything's parent
			this.ids[kind] = await KINDS[kind].make(this, this.owner);
		const [[survey, version]] = await rows(this.server.database.name, `select s.id, s.version from links l join surveys s using (tenant_id)
			where l.slug = '${this.ids.slug.id}' and s.id = l.survey_id`);
		this.ids.survey = { id: survey, version: Number(version) };
		for (const kind of Object.keys(KINDS))
			this.ids[kind] ??= KINDS[kind].values ? { id: valueOf(KINDS[kind], 'own', this) } : await KINDS[kind].make(this, this.owner);
		for (const kind of Object.keys(KINDS))
			this.deleted[kind] = await this.remove(kind);
	}

	async remove(kind) {
		const { values, table, column = 'id', make, remove, stays } = KINDS[kind];
		if (values)
			return { id: values.deleted ?? values.never };
		const one = await make(this, this.owner);
		if (stays)
			return one;
		if (remove)
			expect(await remove(this, one.id), 204);
		else
			await this.sql(`update ${table} set deleted_at = now() where tenant_id = '${this.id}' and ${column} = '${one.id}'`);
		return one;
	}

	async sql(text) {
		const got = await psql(this.server.database.name, `set search_path = collect;\n${text}`);
		assert.equal(got.code, 0, got.stderr);
		return got.stdout;
	}

	/** A member with a role: {id, email}. With `email` of somebody who is there, that one. */
	async addMember(role, email = `p${++people}@${this.slug}.example`) {
		await this.sql(`select provision_member('${this.id}', gen_random_uuid(), '${email}', '${role}', '${this.hash}', 'en', '${role}')`);
		const [[id]] = await rows(this.server.database.name, `select id from users where email = '${email}'`);
		return { id, email };
	}

	async principal(name, api, more = {}) {
		const me = expect(await api.get('/api/v1/me'), 200).body;
		return new Principal(name, this, api, { permissions: new Set(me.permissions), userId: me.user.id, ...more });
	}

	/** Everybody who might ask this tenant's API. `other` is the tenant that one of them is a member of, too. */
	async everybody(other) {
		const { server } = this;
		const all = [new Principal('none', this, server.anyone), await this.respondent()];
		for (const role of ROLES.slice(0, -1)) {
			const member = await this.addMember(role);
			all.push(await this.principal(role, await server.login(member.email), { email: member.email, guest: role === 'guest' }));
		}
		all.push(this.owner);
		all.push(await this.field());
		all.push(await this.elsewhere());
		const { body } = expect(await this.api.post('/api/v1/api-keys', { name: 'Few', permissions: ['projects:read', 'surveys:read', 'links:write'] }), 201);
		all.push(await this.principal('key', server.anyone.as(body.key), { machine: true }));
		all.push(await this.program());
		const both = await this.addMember('admin');
		await other.addMember('owner', both.email);
		const reply = expect(await server.anyone.post('/api/v1/auth/login', { email: both.email, password: PASSWORD, tenant: this.slug }), 200);
		all.push(await this.principal('both', server.anyone.as(reply.body.access_token), { email: both.email }));
		return all;
	}

	/** An OAuth client with a token by the client-credentials grant. */
	async program() {
		const { body } = expect(await this.api.post('/api/v1/clients', { name: 'Program', permissions: ['responses:read', 'jobs:read'] }), 201);
		const form = { grant_type: 'client_credentials', client_id: body.client.client_id, client_secret: body.client_secret };
		const reply = expect(await this.anyone.request('POST', '/api/v1/oauth/token', { raw: new URLSearchParams(form).toString(),
			type: 'application/x-www-form-urlencoded' }), 200);
		return this.principal('client', this.server.anyone.as(reply.body.access_token), { machine: true });
	}

	/** A guest who owns another project of ours, and nothing else. */
	async elsewhere() {
		const project = expect(await this.api.post('/api/v1/projects', { name: 'Elsewhere' }), 201).body, member = await this.addMember('guest');
		expect(await this.api.request('PUT', `/api/v1/projects/${project.id}/members`, { body: { user_id: member.id, role: 'owner' } }), 200);
		return this.principal('guest elsewhere', await this.server.login(member.email), { email: member.email, guest: true, elsewhere: true });
	}

	/** A member with a role of the tenant's own. */
	async field() {
		const role = expect(await this.api.post('/api/v1/roles', { name: 'Field work', permissions: ['surveys:read', 'links:read', 'responses:write'] }), 201).body;
		const member = await this.addMember('viewer');
		await this.sql(`update memberships set role = 'own', role_id = '${role.id}' where tenant_id = '${this.id}' and user_id = '${member.id}'`);
		return this.principal('own role', await this.server.login(member.email), { email: member.email });
	}

	/** Whoever answers has a slug and the sealed state of a page; neither is a token. */
	async respondent() {
		const page = expect(await this.anyone.get(`/s/${this.ids.slug.id}`), 200).text;
		const state = /name="state" value="([^"]+)"/.exec(page) ?? /value="([\w-]{40,})"/.exec(page);
		assert.ok(state, 'the page of a survey has no state');
		return new Principal('respondent', this, this.anyone.as(state[1]));
	}
}

export function valueOf(kind, which, tenant) {
	const value = kind.values[which] ?? kind.values.never;
	return typeof value === 'function' ? value(tenant) : value;
}

/** Checksums of all that the database and Redis hold of a tenant: {what: checksum}. Devices and second factors: of those who are members nowhere else. */
export async function checksums(server, tenant) {
	const sum = (from) => `md5(query_to_xml(format('select t::text from collect.%I t where ${from} order by 1', c.relname), true, false, '')::text)`;
	const tables = await rows(server.database.name, `select c.relname, ${sum(`tenant_id = ''${tenant.id}''`)}
		from pg_class c where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
			and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
		union all select c.relname, ${sum(`id = ''${tenant.id}''`)} from pg_class c where c.oid = 'collect.tenants'::regclass
		union all select c.relname, ${sum(`id in (select user_id from collect.memberships where tenant_id = ''${tenant.id}'')`)}
			from pg_class c where c.oid = 'collect.users'::regclass
		union all select c.relname, ${sum(`user_id in (select user_id from collect.memberships group by 1 having bool_and(tenant_id = ''${tenant.id}''))`)}
			from pg_class c where c.oid in ('collect.second_factors'::regclass, 'collect.user_devices'::regclass)`);
	return Object.fromEntries([...tables, ...await redisSums(server, tenant)]);
}

async function redisSums(server, tenant) {
	const { command } = await import('./run.mjs');
	const script = `local out = {} for _, k in ipairs(redis.call('keys', '*')) do if string.find(k, ARGV[1], 1, true) then
		out[#out + 1] = k .. '|' .. redis.sha1hex(redis.call('dump', k)) end end table.sort(out) return out`;
	const got = await command(['redis-cli', '-s', server.redis.socket, 'eval', script, '0', tenant.id]);
	assert.equal(got.code, 0, got.stderr);
	return got.stdout.split('\n').filter((line) => line.includes('|')).map((line) => line.split('|'));
}

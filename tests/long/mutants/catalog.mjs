// Mutants of the schema: each takes one protection away. The cheapest looker comes first: the lints, in the transaction that makes the mutant; then
// the SQL tests in a copy of the seeded database; then the API.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { command, run } from '../../harness/run.mjs';
import { databaseUrl, psql, rows } from '../../harness/database.mjs';
import { apiCatches } from './api.mjs';

const EMPTY = `mutants_${process.pid}`, SEEDED = `${EMPTY}_seeded`;
const PGOPTIONS = '-c client_min_messages=warning -c search_path=collect,pg_temp';
const NOBODY = '00000000-0000-0000-0000-000000000000';
let lints, copies = 0;

const words = (file) => readFileSync(file, 'utf8').split('\n').filter((l) => l.trim() && !l.startsWith('#'));

/** The lints as one query of "TITLE: FINDING", from the very statements of `collect doctor`. */
function lintQuery() {
	const text = readFileSync('src/main/doctor_lint.sql', 'utf8'), table = readFileSync('src/main/doctor_lints.c', 'utf8');
	const sql = new Map(text.split(/^-- name: /m).slice(1).map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))
		.split('\n').filter((l) => !l.startsWith('--')).join('\n')]));
	const all = [...table.matchAll(/\{"([^"]+)",\s*&SQL_(\w+),\s*(true|false),\s*(true|false)\}/g)].map(([, title, name, , functions]) => {
		const list = words(functions === 'true' ? 'tools/definer_functions.txt' : 'tools/global_tables.txt').join(' ');
		return `select '${title}: ' || name from (${sql.get(name).replaceAll('$1', `'${list}'`)}) l`;
	});
	assert.ok(all.length > 20);
	return `${all.join('\nunion all\n')};`;
}

export async function prepare() {
	lints = { query: lintQuery(), excepted: new Set(words('tools/lint_exceptions.txt')) };
	for (const database of [EMPTY, SEEDED]) { // both migrated: a copy lacks what is granted and revoked on a database
		assert.equal((await psql('postgres', `create database ${database}`)).code, 0);
		const migrated = await command([run.collect, 'migrate'], { env: { COLLECT_DATABASE_URL: databaseUrl(database) } });
		assert.equal(migrated.code, 0, migrated.stderr);
	}
	const seeded = await psqlFile(SEEDED, 'tests/sql/seed.sql');
	assert.equal(seeded.code, 0, seeded.stderr);
	assert.equal(await lintsCatch(''), '', 'the lints find something before there is a mutant');
}

export const clean = () => psql('postgres', `drop database if exists ${EMPTY} with (force);\ndrop database if exists ${SEEDED} with (force)`);

const psqlFile = (database, file) => command(['psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-h', run.pg, '-U', 'postgres', '-d', database, '-f', file],
	{ env: { PGOPTIONS } });

/** What the lints find of a mutant, or ''. The mutant is undone. */
async function lintsCatch(sql) {
	const got = await psql(EMPTY, `set client_min_messages = warning; set search_path = collect, pg_temp; begin;
		select set_config('app.current_tenant_id', '${NOBODY}', true) \\g /dev/null\n${sql};\n${lints.query}\nrollback;`);
	assert.equal(got.code, 0, `a mutant that cannot be made: ${sql}: ${got.stderr}`);
	return got.stdout.split('\n').find((l) => l && !lints.excepted.has(l)) ?? '';
}

const SQL_TESTS = ['grants', 'definers', 'isolation', 'probes', 'jobs', 'audit'];

/** A copy of the seeded database with the mutant in it. */
async function copyWith(sql) {
	const name = `${SEEDED}_${++copies}`;
	const made = await psql('postgres', `create database ${name} template ${SEEDED};\nrevoke create, temporary on database ${name} from public`);
	assert.equal(made.code, 0, made.stderr);
	const changed = await psql(name, `set search_path = collect, pg_temp;\n${sql}`);
	assert.equal(changed.code, 0, `a mutant that cannot be made: ${sql}: ${changed.stderr}`);
	return name;
}

const drop = (name) => psql('postgres', `drop database if exists ${name} with (force)`);

const sound = new Set();

async function sqlCatches(test, sql) {
	if (sql !== '' && !sound.has(test)) {
		assert.equal(await sqlCatches(test, ''), '', `${test} fails before there is a mutant`);
		sound.add(test);
	}
	const name = await copyWith(sql);
	const got = await psqlFile(name, `tests/sql/${test}_test.sql`);
	await drop(name);
	return got.code !== 0 ? `ended with ${got.stderr.slice(0, 200)}` : got.stdout.split('\n').find((l) => l.startsWith('not ok')) ?? '';
}

/** The first that notices: [test, what it says], or null. */
async function caught(mutant) {
	if (!mutant.unseen) {
		const found = await lintsCatch(mutant.sql);
		if (found)
			return ['lints', found];
	}
	for (const test of mutant.tests ?? SQL_TESTS) {
		const found = await sqlCatches(test, mutant.sql);
		if (found)
			return [`sql/${test}`, found];
	}
	return mutant.api ? withTemplate(mutant.sql, (template) => apiCatches(mutant.api, { COTEST_TEMPLATE: template })) : null;
}

async function withTemplate(sql, work) {
	const name = `${EMPTY}_${++copies}`;
	assert.equal((await psql('postgres', `create database ${name} template collect_template`)).code, 0);
	try {
		assert.equal((await psql(name, `set search_path = collect, pg_temp;\n${sql}`)).code, 0);
		return await work(name);
	} finally {
		await drop(name);
	}
}

/** A condition on the tenant in a function. */
const ASKS = String.raw`(\w+\.)?\m(tenant_id|id) = current_tenant_id\(\)`;
/** Which of them (function and place) ask tables whose row security is forced on the functions' owner too, so that the rows are the same without. */
const SECURED_ANYWAY = ['identity_join 1', 'invitation_accept 1', 'member_find 1', 'member_forget 1', 'member_forget 2', 'member_forget 3', 'member_lookup 1', 'member_people 1',
	'second_factor_missing 1', 'slug_claim 1', 'search_fill 1', 'search_next 2', 'search_renew 1'];

const GENERATORS = [
	['policy dropped', `select relname, format('drop policy tenant_isolation on %I', relname) from isolated`],
	['FORCE dropped', `select relname, format('alter table %I no force row level security', relname) from isolated where relforcerowsecurity`],
	['row security off', `select relname, format('alter table %I disable row level security', relname) from isolated`],
	['policy always true', `select relname, format('alter policy tenant_isolation on %I using (true) with check (true)', relname) from isolated`],
	['check of the policy always true', `select relname, format('alter policy tenant_isolation on %I with check (true)', relname) from isolated where not relispartition`],
	['policy of one login', `select relname, format('alter policy tenant_isolation on %I to collect_app', relname) from isolated where not relispartition`],
	// the same, and nobody looks at the catalog: behaviour alone has to tell
	['policy always true, seen by behaviour', `select relname, format('alter policy tenant_isolation on %I using (true) with check (true)', relname)
		from isolated i where not relispartition and exists (select from aclexplode(i.relacl) a where a.grantee <> i.relowner)`],
	['check always true, seen by behaviour', `select relname, format('alter policy tenant_isolation on %I with check (true)', relname)
		from isolated i where not relispartition and exists (select from aclexplode(i.relacl) a where a.grantee <> i.relowner and a.privilege_type = 'INSERT')`],
	['foreign key on the id alone', `select c.relname || ' ' || k.conname, format('alter table %1$I drop constraint %2$I; alter table %3$I add constraint loose unique (%4$I);
			alter table %1$I add constraint loose_fk foreign key (%5$I) references %3$I (%4$I)', c.relname, k.conname, o.relname, f.attname, a.attname)
		from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class o on o.oid = k.confrelid
			join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[cardinality(k.conkey)]
			join pg_attribute f on f.attrelid = o.oid and f.attnum = k.confkey[cardinality(k.confkey)]
		where k.contype = 'f' and c.relnamespace = 'collect'::regnamespace and c.relkind = 'r' and not c.relispartition and o.relkind = 'r' and cardinality(k.conkey) = 2
			and a.attname not in ('created_by', 'updated_by', 'deleted_by', 'user_id')`],
	['foreign key dropped', `select c.relname || ' ' || k.conname, format('alter table %I drop constraint %I', c.relname, k.conname)
		from pg_constraint k join pg_class c on c.oid = k.conrelid
		where k.contype = 'f' and c.relnamespace = 'collect'::regnamespace and not c.relispartition and c.relrowsecurity and cardinality(k.conkey) = 2 and k.conparentid = 0
			and not exists (select from pg_constraint x where x.conrelid = c.oid and x.contype = 'f' and x.oid <> k.oid and k.conkey[2] = any (x.conkey))`],
	['unique key without the tenant', `select i.indexrelid::regclass::text, regexp_replace(replace(pg_get_indexdef(i.indexrelid), '(tenant_id, ', '('),
			'INDEX \\S+ ON ', 'INDEX loose ON ')
		from pg_index i join isolated c on c.oid = i.indrelid where i.indisunique and not c.relispartition and pg_get_indexdef(i.indexrelid) like '%(tenant\\_id, %'
			and c.relkind = 'r'`],
	['grant on a partition', `select relname, format('grant select on %I to collect_app', relname) from pg_class
		where relnamespace = 'collect'::regnamespace and relispartition and relkind = 'r'`],
	['grant on a global table', `select relname || ' ' || p, format('grant %s on %I to collect_app', p, relname) from pg_class, unnest(array['select', 'update']) p
		where relnamespace = 'collect'::regnamespace and relkind = 'r' and not relrowsecurity`],
	['grant to delete', `select relname, format('grant delete on %I to collect_public', relname) from isolated where not relispartition`],
	['grant to empty', `select relname, format('grant truncate on %I to collect_worker', relname) from isolated where not relispartition`],
	['grant to everybody', `select relname, format('grant select on %I to public', relname) from isolated where not relispartition`],
	['grant to give away', `select relname, format('grant update (tenant_id) on %I to collect_app', relname) from isolated where not relispartition`],
	['grant that nobody wrote down', `select relname, format('grant insert (tenant_id) on %I to collect_public', relname) from isolated i
		where not relispartition and not has_any_column_privilege('collect_public', oid, 'insert')`],
	['search_path not pinned', `select proname, format('alter function %s reset search_path', p.oid::regprocedure) from functions p where prosecdef`],
	['function for everybody', `select proname, format('grant execute on function %s to public', p.oid::regprocedure) from functions p`],
	['function for respondents', `select proname, format('grant execute on function %s to collect_public', p.oid::regprocedure) from functions p
		where not has_function_privilege('collect_public', p.oid, 'execute') and prorettype <> 'trigger'::regtype`],
	['function as its owner', `select proname, format('alter function %s security definer', p.oid::regprocedure) from functions p where not prosecdef`],
	['touch dropped', `select c.relname, format('drop trigger touch on %I', c.relname) from isolated c join pg_trigger t on t.tgrelid = c.oid
		where t.tgname = 'touch' and not c.relispartition`],
	['audit trigger dropped', `select relname, format('drop trigger audit on %I', relname) from pg_class c join pg_trigger t on t.tgrelid = c.oid
		where t.tgfoid = 'collect.audit_change'::regproc and t.tgparentid = 0`],
	['audit trigger that never fires', `select relname, format('drop trigger audit on %I; ', relname)
			|| regexp_replace(regexp_replace(pg_get_triggerdef(t.oid), ' WHEN \\(.*\\) EXECUTE', ' EXECUTE'), 'FOR EACH ROW', 'FOR EACH ROW WHEN (false)')
		from pg_class c join pg_trigger t on t.tgrelid = c.oid where t.tgfoid = 'collect.audit_change'::regproc and t.tgparentid = 0`],
	['log that is not only appended to', `select relname || ' ' || tgname, format('drop trigger %I on %I', tgname, relname)
		from pg_class c join pg_trigger t on t.tgrelid = c.oid where t.tgfoid = 'collect.refuse_event_change'::regproc and t.tgparentid = 0`],
	['bytes in the log, seen by behaviour', `select proname, replace(pg_get_functiondef(oid), $x$a.atttypid = 'bytea'::regtype$x$, 'false') from functions where proname = 'audit_change'`],
	['young records purged, seen by behaviour', `select proname, replace(pg_get_functiondef(oid), 'finished_at < p_before', 'finished_at < now()') from functions where proname = 'job_purge'`],
	['view next door', `select relname, format('create view public.peek as select * from %I; grant select on public.peek to collect_public', relname) from isolated
		where relname in ('responses', 'memberships')`],
	['a login that can do more', `select r || ' ' || w, format('alter role %s %s', r, w) from unnest(array['collect_app', 'collect_public', 'collect_worker']) r,
		unnest(array['superuser', 'bypassrls', 'createrole', 'createdb', 'replication', 'set app.current_tenant_id = ''${NOBODY}''']) w`],
	['a login in another role', `select r || ' ' || w, format('grant %s to %s', w, r) from unnest(array['collect_app', 'collect_public', 'collect_worker']) r,
		unnest(array['collect_owner', 'pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files']) w`],
	['a binding that does not raise', `values ('null when unbound', $x$create or replace function current_tenant_id() returns uuid language sql stable parallel safe as
		$$ select nullif(current_setting('app.current_tenant_id', true), '')::uuid $$$x$)`],
	// the global tables have no row security: there, what these functions ask of the tenant is all there is
	['function that asks for no tenant', `select proname || ' ' || n, regexp_replace(pg_get_functiondef(p.oid), '${ASKS}', 'true', 1, n)
		from functions p, generate_series(1, 6) n where prosecdef and pg_get_functiondef(p.oid) ~ ('(${ASKS}.*){' || n || '}')
			and (proname ~ '^(job|search)_' or pg_get_functiondef(p.oid) ~ '\\m(tenants|users|second_factors|user_devices|user_tenants|slugs|key_prefixes)\\M')
			and proname || ' ' || n not in (${[...SECURED_ANYWAY].map((n) => `'${n}'`).join(', ')})`],
	['function that asks for no member', `select proname || ' ' || n, regexp_replace(pg_get_functiondef(p.oid), '\\msecond_factor_member\\(p_user\\)', 'true', 1, n)
		from functions p, generate_series(1, 2) n where proname <> 'second_factor_member' and pg_get_functiondef(p.oid) ~ ('(\\msecond_factor_member\\(p_user\\).*){' || n || '}')`],
	['function that asks for nothing', `values
		('second_factor_member', $x$create or replace function second_factor_member(p_user uuid) returns boolean language sql stable security definer
			set search_path = collect, pg_temp as $$ select true $$$x$),
		('password_set', $x$create or replace function password_set(p_user uuid, p_old text, p_new text) returns integer language sql volatile security definer
			set search_path = collect, pg_temp as $$ update users set password_hash = p_new where id = p_user and status = 'active' and deleted_at is null returning version $$$x$)`],
];
const SEEN = /seen by behaviour/, ASKING = /function that asks/, BY_BEHAVIOUR = /seen by behaviour|function that asks/;
const API_TESTS = ['api/matrix', 'system/jobs'];

/** [{kind, name, run()}], made from the catalog as it is. */
export async function mutants() {
	const all = [];
	for (const [kind, query] of GENERATORS) {
		const found = await rows(EMPTY, `with isolated as (select * from pg_class where relnamespace = 'collect'::regnamespace and relkind in ('r', 'p') and relrowsecurity),
			functions as (select * from pg_proc where pronamespace = 'collect'::regnamespace and prokind = 'f')
			select json_build_array(n, s) from (${query}) m (n, s) order by n`);
		for (const line of found) {
			const [name, sql] = JSON.parse(line.join('|'));
			const mutant = { sql, unseen: BY_BEHAVIOUR.test(kind), tests: ASKING.test(kind) ? ['definers', 'jobs'] : null, api: SEEN.test(kind) ? API_TESTS : null };
			all.push({ kind, name, run: () => caught(mutant) });
		}
	}
	return all;
}

-- What `collect doctor` asks the catalog. Each lint answers the offending things as rows of `name`; no row: all is well.
-- Tenant tables are the tables and partitions of the schema collect but for those of tools/global_tables.txt, which come as $1.

-- name: doctor_server
-- role: owner
select current_setting('server_version_num')::bigint as version, current_setting('server_version') as version_text,
	(select count(*) from pg_database where datname = current_database() and pg_encoding_to_char(encoding) <> 'UTF8') as wrong_encoding

-- Logins that can do more than they may, or are missing.
-- name: doctor_roles
-- role: owner
select wanted.name || case
	when r.rolname is null then ' is missing'
	when r.rolsuper then ' is a superuser'
	when r.rolbypassrls then ' bypasses row security'
	when r.rolcreaterole or r.rolcreatedb or r.rolreplication then ' may create roles or databases, or replicate'
	when r.rolcanlogin and wanted.name = 'collect_owner' then ' may log in'
	else ' may not log in' end as name
from unnest(array['collect_owner', 'collect_app', 'collect_public', 'collect_worker']) wanted (name)
	left join pg_roles r on r.rolname = wanted.name
where r.rolname is null or r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
	or r.rolcanlogin = (wanted.name = 'collect_owner')
union all
select m.member::regrole || ' is a member of ' || m.roleid::regrole
from pg_auth_members m
where m.member::regrole::text in ('collect_app', 'collect_public', 'collect_worker')
union all
select r.rolname || ' may create in schema ' || n.nspname
from pg_roles r, pg_namespace n
where r.rolname in ('collect_app', 'collect_public', 'collect_worker') and has_schema_privilege(r.oid, n.oid, 'create')
union all
select r.rolname || ' may create schemas or temporary objects in the database'
from pg_roles r
where r.rolname in ('collect_app', 'collect_public', 'collect_worker')
	and has_database_privilege(r.oid, current_database(), 'create, temporary')

-- name: doctor_row_security
-- role: owner
select c.relname::text || case when not c.relrowsecurity then ': row security is off' when not c.relforcerowsecurity then ': row security is not forced'
	else ': not exactly one policy on current_tenant_id() for everybody' end as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (string_to_array($1, ' '))
	and (not c.relrowsecurity or not c.relforcerowsecurity
		or (select count(*) from pg_policy p where p.polrelid = c.oid) <> 1
		or not exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd = '*' and p.polroles = '{0}'
			and pg_get_expr(p.polqual, p.polrelid) ~ '^\(tenant_id = (collect\.)?current_tenant_id\(\)\)$'
			and pg_get_expr(p.polwithcheck, p.polrelid) ~ '^\(tenant_id = (collect\.)?current_tenant_id\(\)\)$'))
order by 1

-- Grants on partitions and on global tables; grants to everybody; rights that no login has anywhere.
-- name: doctor_grants
-- role: owner
select c.relname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type as name
from pg_class c, aclexplode(c.relacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner
	and (c.relispartition or c.relname = any (string_to_array($1, ' ')) or a.grantee = 0 or a.is_grantable
		or a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER') or (a.privilege_type = 'DELETE' and c.relname <> 'idempotency'))
union all
select c.relname || '.' || t.attname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type
from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner
	and (c.relispartition or c.relname = any (string_to_array($1, ' ')) or a.grantee = 0 or a.is_grantable)
order by 1

-- name: doctor_owner
-- role: owner
select c.relname || ' belongs to ' || c.relowner::regrole as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relowner::regrole::text <> 'collect_owner'
union all
select p.oid::regprocedure || ' belongs to ' || p.proowner::regrole
from pg_proc p
where p.pronamespace = 'collect'::regnamespace and p.proowner::regrole::text <> 'collect_owner'
order by 1

-- Keys, unique indexes and foreign keys of tenant tables begin with tenant_id. A foreign key to a global table may name its key alone.
-- name: doctor_keys
-- role: owner
select c.relname || ': ' || i.indexrelid::regclass || ' does not begin with tenant_id' as name
from pg_class c join pg_index i on i.indrelid = c.oid and i.indisunique
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'tenant_id')
union all
select c.relname || ': ' || k.conname || ' does not begin with tenant_id'
from pg_class c join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' join pg_class o on o.oid = k.confrelid
where c.relnamespace = 'collect'::regnamespace and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = k.conkey[1] and a.attname = 'tenant_id')
	and not (o.relname = any (string_to_array($1, ' ')) and cardinality(k.conkey) = 1)
union all
select c.relname || ' has no primary key'
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p')
	and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
order by 1

-- Functions that run as their owner are pinned to a search path, are none of everybody's business, and are on the list ($2).
-- name: doctor_functions
-- role: owner
select p.oid::regprocedure || case
	when not p.prosecdef then ': may be run by everybody'
	when p.proname <> all (string_to_array($1, ' ')) then ': runs as its owner and is not on the list'
	when p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0) then ': may be run by everybody'
	else ': its search_path is not pinned' end as name
from pg_proc p
where p.pronamespace = 'collect'::regnamespace
	and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0)
		or (p.prosecdef and (p.proname <> all (string_to_array($1, ' '))
			or not exists (select from unnest(p.proconfig) s where s in ('search_path=collect, pg_temp', 'search_path=pg_catalog')))))
order by 1

-- name: doctor_views
-- role: owner
select c.relname || case c.relkind when 'm' then ' is a materialized view: row security does not hold there' else ' is a view' end as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and (c.relkind = 'm' or (c.relkind = 'v'
	and not coalesce('security_invoker=true' = any (c.reloptions), false)))
order by 1

-- The audit columns of every tenant table; events is a log and has none of a row's that changes.
-- name: doctor_audit_columns
-- role: owner
select c.relname || ' lacks ' || string_agg(wanted.name, ', ') as name
from pg_class c, unnest(array['created_at', 'updated_at', 'created_by', 'updated_by', 'version', 'deleted_at', 'deleted_by']) wanted (name)
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
	and c.relname <> all (string_to_array($1, ' ')) and c.relname <> 'events'
	and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = wanted.name and not a.attisdropped)
group by c.relname
order by 1

-- Months, from this one on, without a partition of the log.
-- name: doctor_partitions
-- role: owner
select 'events_' || to_char(m, 'YYYY_MM') || ' is missing' as name
from generate_series(date_trunc('month', now()), date_trunc('month', now()) + $1::integer * interval '1 month', interval '1 month') m
where not exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid
	where i.inhparent = to_regclass('collect.events') and c.relname = 'events_' || to_char(m, 'YYYY_MM'))
order by 1

-- Work that nobody does: due for longer than $1 seconds, or failing whenever it comes round.
-- name: doctor_jobs
-- role: owner
select type || ': ' || count(*) || ' due for up to ' || (max(extract(epoch from now() - due_at))::bigint / 60)
	|| ' minutes and not taken; does a worker run, and this type?' as name
from collect.jobs where dead_at is null and due_at < now() - $1::bigint * interval '1 second'
group by type
union all
select type || ' fails: ' || error from collect.jobs where tenant_id is null and error is not null
order by 1

-- name: doctor_job_counts
-- role: owner
select count(*) filter (where dead_at is null and (claim is null or due_at <= now())) || ' queued, '
	|| count(*) filter (where claim is not null and due_at > now()) || ' running, '
	|| count(*) filter (where dead_at is not null) || ' dead' as name
from collect.jobs where tenant_id is not null

-- name: doctor_has_statistics
-- role: owner
select exists (select from pg_extension where extname = 'pg_stat_statements') as installed,
	coalesce(current_setting('shared_preload_libraries', true) ~ 'pg_stat_statements', false) as loaded

-- name: doctor_slowest
-- role: owner
select s.calls, s.mean_exec_time as mean_ms, s.max_exec_time as max_ms, s.total_exec_time as total_ms, s.rows as row_count,
	coalesce(r.rolname::text, '') as login, left(regexp_replace(s.query, '\s+', ' ', 'g'), 100) as query
from public.pg_stat_statements s left join pg_roles r on r.oid = s.userid
where s.dbid = (select oid from pg_database where datname = current_database()) and r.rolname in ('collect_app', 'collect_public', 'collect_worker')
order by s.mean_exec_time desc
limit $1::bigint

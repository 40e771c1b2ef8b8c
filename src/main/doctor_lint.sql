-- The lints of the catalog: rules that every migration has to keep. Each answers the offending things as rows of `name`; no row: all is well. A rule
-- stands in src/main/doctor_lints.c with its title, and src/main/doctor_test.c breaks each once to see it fire. Reviewed exceptions are the lines of
-- tools/lint_exceptions.txt. Tenant tables are the tables and partitions of the schema collect but for those of tools/global_tables.txt, which
-- come as $1.

-- Logins that can do more than they may, or are missing.
-- name: lint_logins
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
order by 1

-- name: lint_memberships
-- role: owner
select m.member::regrole || ' is a member of ' || m.roleid::regrole as name
from pg_auth_members m
where m.member::regrole::text in ('collect_owner', 'collect_app', 'collect_public', 'collect_worker')
order by 1

-- An operator or a function of one's own could read what planner statistics know of hidden rows (CVE-2025-8713).
-- name: lint_creating
-- role: owner
select r.rolname || ' may create in schema ' || n.nspname as name
from pg_roles r, pg_namespace n
where r.rolname in ('collect_app', 'collect_public', 'collect_worker') and has_schema_privilege(r.oid, n.oid, 'create')
union all
select r.rolname || ' may create schemas or temporary objects in the database'
from pg_roles r
where r.rolname in ('collect_app', 'collect_public', 'collect_worker')
	and has_database_privilege(r.oid, current_database(), 'create, temporary')
order by 1

-- A tenant that is bound for a login or a database is bound where nobody bound it; row_security = off makes errors of what should be no rows.
-- name: lint_session_settings
-- role: owner
select coalesce(nullif(s.setrole, 0)::regrole::text, 'everybody') || ': ' || split_part(c, '=', 1) || ' is set for every session' as name
from pg_db_role_setting s, unnest(s.setconfig) c
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
	and (c like 'app.%' or c like 'row\_security=%' or c like 'role=%' or c like 'session\_authorization=%'
		or c like 'search\_path=%' and c <> 'search_path=collect' and s.setrole::regrole::text like 'collect\_%')
order by 1

-- name: lint_row_security
-- role: owner
select c.relname::text || case when not c.relrowsecurity then ': row security is off' else ': row security is not forced' end as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p', 'f') and c.relname <> all (string_to_array($1, ' '))
	and (not c.relrowsecurity or not c.relforcerowsecurity)
order by 1

-- name: lint_policies
-- role: owner
select c.relname || ': not exactly one policy on current_tenant_id() for everybody' as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (string_to_array($1, ' '))
	and ((select count(*) from pg_policy p where p.polrelid = c.oid and (p.polpermissive or p.polname <> 'project_scope')) <> 1
		or not exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd = '*' and p.polroles = '{0}'
			and pg_get_expr(p.polqual, p.polrelid) ~ '^\(tenant_id = (collect\.)?current_tenant_id\(\)\)$'
			and pg_get_expr(p.polwithcheck, p.polrelid) ~ '^\(tenant_id = (collect\.)?current_tenant_id\(\)\)$'))
order by 1

-- Who has roles in single projects only sees these: what belongs to a project says so.
-- name: lint_project_scope
-- role: owner
select c.relname || ': what belongs to a hidden project is not hidden' as name
from pg_class c join lateral (
	select 'project_hidden(id)' as hidden where c.relname = 'projects'
	union all
	select 'survey_hidden(survey_id)' where c.relname in ('links', 'survey_versions')
	union all
	select 'project_hidden(project_id)' from pg_attribute a where a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped) wanted on true
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'project_scope' and not p.polpermissive and p.polcmd = '*'
		and p.polroles = '{0}' and p.polwithcheck is null
		and replace(pg_get_expr(p.polqual, p.polrelid), 'collect.', '') = format($f$(
CASE
    WHEN (COALESCE(current_setting('app.current_project_scope'::text, true), ''::text) = ''::text) THEN 0
    ELSE %s
END <> 1)$f$, wanted.hidden))
order by 1

-- What every policy rests on.
-- name: lint_binding
-- role: owner
select 'current_tenant_id() is not the function that raises when no tenant is bound' as name
where not exists (select from pg_proc p join pg_language l on l.oid = p.prolang
	where p.oid = to_regprocedure('collect.current_tenant_id()') and l.lanname = 'sql' and p.provolatile = 's' and not p.prosecdef
		and p.prosrc = $f$ select current_setting('app.current_tenant_id')::uuid $f$)

-- name: lint_tenant_column
-- role: owner
select c.relname || ': tenant_id is not a uuid that has to be given' as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and a.attnotnull
		and not a.atthasdef and a.attidentity = '' and a.attgenerated = '')
order by 1

-- A read of a partition is not a read of its parent.
-- name: lint_partition_grants
-- role: owner
select c.relname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type as name
from pg_class c, aclexplode(c.relacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner and c.relispartition
union all
select c.relname || '.' || t.attname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type
from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner and c.relispartition
order by 1

-- name: lint_global_grants
-- role: owner
select c.relname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type as name
from pg_class c, aclexplode(c.relacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner and c.relname = any (string_to_array($1, ' '))
union all
select c.relname || '.' || t.attname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type
from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner and c.relname = any (string_to_array($1, ' '))
order by 1

-- Grants to everybody, grants to hand on, and rights that no login has.
-- name: lint_grants
-- role: owner
select c.relname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type as name
from pg_class c, aclexplode(c.relacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner
	and (a.grantee = 0 or a.is_grantable or a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'DELETE'))
union all
select c.relname || '.' || t.attname || ': ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' has ' || a.privilege_type
from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner and (a.grantee = 0 or a.is_grantable or a.privilege_type = 'REFERENCES')
order by 1

-- Whose a row is, which it is and when it was made is said once; its version is the trigger's.
-- name: lint_fixed_columns
-- role: owner
select c.relname || '.' || t.attname || ': ' || r.rolname || ' may update it' as name
from pg_class c join pg_attribute t on t.attrelid = c.oid, pg_roles r
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and r.rolname in ('collect_app', 'collect_public', 'collect_worker')
	and t.attname in ('tenant_id', 'id', 'created_at', 'created_by', 'version', 'xid') and has_column_privilege(r.oid, c.oid, t.attnum, 'update')
order by 1

-- Grants that a later table would be born with.
-- name: lint_default_grants
-- role: owner
select d.defaclrole::regrole || ' gives ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') || ' ' || a.privilege_type
	|| ' on whatever it makes' as name
from pg_default_acl d, aclexplode(d.defaclacl) a
where a.grantee <> d.defaclrole
order by 1

-- name: lint_owners
-- role: owner
select c.relname || ' belongs to ' || c.relowner::regrole as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relowner::regrole::text <> 'collect_owner'
union all
select p.oid::regprocedure || ' belongs to ' || p.proowner::regrole
from pg_proc p
where p.pronamespace = 'collect'::regnamespace and p.proowner::regrole::text <> 'collect_owner'
order by 1

-- name: lint_unique_keys
-- role: owner
select c.relname || ': ' || i.indexrelid::regclass || ' does not begin with tenant_id' as name
from pg_class c join pg_index i on i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0] and a.attname = 'tenant_id')
union all
select c.relname || ' has no primary key'
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p')
	and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
order by 1

-- A foreign key of a tenant table carries the tenant to the tenant of what it names; to a global table it may name that table's key alone.
-- name: lint_foreign_keys
-- role: owner
select c.relname || ': ' || k.conname || ' does not begin with tenant_id' as name
from pg_class c join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' join pg_class o on o.oid = k.confrelid
where c.relnamespace = 'collect'::regnamespace and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_attribute a join pg_attribute b on b.attrelid = o.oid and b.attnum = k.confkey[1]
		where a.attrelid = c.oid and a.attnum = k.conkey[1] and a.attname = 'tenant_id' and b.attname = 'tenant_id')
	and not (o.relname = any (string_to_array($1, ' ')) and cardinality(k.conkey) = 1)
union all
select c.relname || ': ' || k.conname || ' acts by itself on rows that the log does not hear of'
from pg_class c join pg_constraint k on k.conrelid = c.oid and k.contype = 'f'
where c.relnamespace = 'collect'::regnamespace and (k.confdeltype <> 'a' or k.confupdtype <> 'a')
	and k.conparentid = 0 -- those to partitions follow the one to their parent
order by 1

-- name: lint_definer_functions
-- role: owner
select p.oid::regprocedure || ': runs as its owner and is not on the list' as name
from pg_proc p
where p.prosecdef and (p.pronamespace = 'collect'::regnamespace and p.proname <> all (string_to_array($1, ' '))
	or p.pronamespace not in ('collect'::regnamespace, 'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
		and exists (select from pg_roles r where r.rolname in ('collect_app', 'collect_public', 'collect_worker') and has_function_privilege(r.oid, p.oid, 'execute')))
order by 1

-- What the logins can reach stands in the schema collect, where the other lints look. A view next door would be one around row security. What an extension
-- brings is left out: that is its maker's.
-- name: lint_reach
-- role: owner
select n.nspname || '.' || c.relname || ': ' || r.rolname || ' reaches it, and it is not in the schema collect' as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace, pg_roles r
where n.nspname not in ('collect', 'pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' and c.relkind in ('r', 'p', 'v', 'm', 'f')
	and r.rolname in ('collect_app', 'collect_public', 'collect_worker')
	and (has_any_column_privilege(r.oid, c.oid, 'select, insert, update, references') or has_table_privilege(r.oid, c.oid, 'delete, truncate, trigger'))
	and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1

-- Whoever runs a function that runs as its owner chooses nothing of what its names mean.
-- name: lint_search_paths
-- role: owner
select p.oid::regprocedure || ': its search_path is not pinned' as name
from pg_proc p join pg_language l on l.oid = p.prolang
where p.pronamespace = 'collect'::regnamespace and (p.prosecdef or l.lanname = 'plpgsql')
	and not exists (select from unnest(p.proconfig) s where s in ('search_path=collect, pg_temp', 'search_path=pg_catalog'))
order by 1

-- name: lint_function_grants
-- role: owner
select p.oid::regprocedure || ': may be run by everybody' as name
from pg_proc p
where p.pronamespace = 'collect'::regnamespace and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))
order by 1

-- Row security does not hold in a materialized view, and in a view it is that of the view's owner. A rule rewrites statements unseen.
-- name: lint_views
-- role: owner
select c.relname || case c.relkind when 'm' then ' is a materialized view: row security does not hold there' when 'f' then ' is a foreign table'
	else ' is a view' end as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and (c.relkind in ('m', 'f') or (c.relkind = 'v'
	and not coalesce('security_invoker=true' = any (c.reloptions), false)))
union all
select c.relname || ' has the rule ' || r.rulename
from pg_rewrite r join pg_class c on c.oid = r.ev_class
where c.relnamespace = 'collect'::regnamespace and r.rulename <> '_RETURN'
order by 1

-- name: lint_audit_columns
-- role: owner
select c.relname || ' lacks ' || string_agg(wanted.name, ', ' order by wanted.at) as name
from pg_class c, unnest(array['created_at', 'updated_at', 'created_by', 'updated_by', 'version', 'deleted_at', 'deleted_by']) with ordinality wanted (name, at)
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
	and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = wanted.name and not a.attisdropped)
group by c.relname
order by 1

-- updated_at and version are kept by the trigger touch, which nobody may turn off.
-- name: lint_triggers
-- role: owner
select c.relname || ' lacks the trigger touch' as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> all (string_to_array($1, ' '))
	and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'version')
	and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'collect.touch()'::regprocedure)
union all
select c.relname || ': the trigger ' || t.tgname || ' is off'
from pg_class c join pg_trigger t on t.tgrelid = c.oid
where c.relnamespace = 'collect'::regnamespace and t.tgenabled not in ('O', 'A')
order by 1

-- name: lint_constraints
-- role: owner
select c.relname || ': ' || k.conname || ' was not checked against the rows that are there' as name
from pg_class c join pg_constraint k on k.conrelid = c.oid
where c.relnamespace = 'collect'::regnamespace and not k.convalidated
union all
select c.relname || ': ' || i.indexrelid::regclass || ' is not valid'
from pg_class c join pg_index i on i.indrelid = c.oid
where c.relnamespace = 'collect'::regnamespace and not i.indisvalid
order by 1

-- What names a row of another table is held by a key that carries the tenant; else a foreign id is as good as one's own.
-- name: lint_references
-- role: owner
select c.relname || '.' || a.attname || ' is an id that no foreign key holds' as name
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> all (string_to_array($1, ' '))
	and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype and a.attname not in ('id', 'tenant_id')
	and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any (k.conkey))

-- Every tenant table says in its migration that its changes are events, audit(), or why not, audit_not().
-- name: lint_audit
-- role: owner
select c.relname || ' is neither audited nor excepted with a reason' as name
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> all (string_to_array($1, ' '))
	and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'collect.audit_change()'::regprocedure)
	and coalesce(obj_description(c.oid, 'pg_class'), '') !~ '^not audited: .'
union all
select wanted.name || ' is not audited'
from unnest(array['tenants', 'users']) wanted (name)
where not exists (select from pg_trigger t where t.tgrelid = to_regclass('collect.' || wanted.name) and t.tgfoid = 'collect.audit_change()'::regprocedure)
order by 1

-- An audit trigger is for every change and hides and ignores nothing, but for those named here: when, the column of the id, what is hidden, what is no change.
-- name: lint_audit_triggers
-- role: owner
with special (relation, how) as (values
	('api_keys', $t$AFTER INSERT OR DELETE OR UPDATE 'id', '', 'last_used_at'$t$),
	('clients', $t$AFTER INSERT OR DELETE OR UPDATE 'id', '', 'last_used_at'$t$),
	('data_keys', $t$AFTER INSERT OR DELETE OR UPDATE 'tenant_id', '', ''$t$),
	('identities', $t$AFTER INSERT OR DELETE OR UPDATE 'id', 'subject', 'last_used_at'$t$),
	('invitations', $t$AFTER INSERT OR DELETE OR UPDATE 'id', 'email', ''$t$),
	('job_records', $t$AFTER INSERT WHEN ((new.created_by IS NOT NULL)) 'id', 'payload,state,result', 'run_at,attempts,max_attempts,progress_done,progress_total'$t$),
	('memberships', $t$AFTER INSERT OR DELETE OR UPDATE 'user_id', '', ''$t$),
	('privacy_settings', $t$AFTER INSERT OR DELETE OR UPDATE 'tenant_id', '', ''$t$),
	('project_members', $t$AFTER INSERT OR DELETE OR UPDATE 'user_id', '', ''$t$),
	('responses', $t$AFTER DELETE OR UPDATE WHEN ((CURRENT_USER <> ALL (ARRAY['collect_worker'::name, 'collect_public'::name]))) 'id', 'answers,parameters,consents,idempotency_key,page_ms,paradata', ''$t$),
	('security_settings', $t$AFTER INSERT OR DELETE OR UPDATE 'tenant_id', '', ''$t$),
	('tenants', $t$AFTER UPDATE 'id', '', ''$t$),
	('users', $t$AFTER UPDATE 'id', 'email,name', ''$t$)
)
select c.relname || ': its trigger audit is another than the one that is meant' as name
from pg_trigger t join pg_class c on c.oid = t.tgrelid left join pg_inherits i on i.inhrelid = c.oid left join pg_class parent on parent.oid = i.inhparent
	left join special s on s.relation = coalesce(parent.relname, c.relname)
where t.tgfoid = 'collect.audit_change()'::regprocedure
	and regexp_replace(replace(pg_get_triggerdef(t.oid), 'collect.', ''),
		$r$^CREATE TRIGGER \S+ (.*) ON \S+ FOR EACH ROW (.*)EXECUTE FUNCTION audit_change\('\w+', (.*), '[^']*'\)$$r$, '\1 \2\3')
		<> coalesce(s.how, $t$AFTER INSERT OR DELETE OR UPDATE 'id', '', ''$t$)
order by 1

-- The log and each of its partitions is only appended to.
-- name: lint_append_only
-- role: owner
select c.relname || ' can be ' || wanted.done as name
from (select 'collect.events'::regclass as oid union all select i.inhrelid from pg_inherits i where i.inhparent = 'collect.events'::regclass) log
	join pg_class c on c.oid = log.oid,
	(values ('changed', 'BEFORE DELETE OR UPDATE ON % FOR EACH ROW'), ('emptied', 'BEFORE TRUNCATE ON % FOR EACH STATEMENT')) wanted (done, how)
where not exists (select from pg_trigger t where t.tgrelid = c.oid
	and replace(pg_get_triggerdef(t.oid), 'collect.', '') like 'CREATE TRIGGER % ' || wanted.how || ' EXECUTE FUNCTION refuse_event_change()')
order by 1

-- What the log and the versions rest on, word for word: a migration that changes one of these brings its checksum here.
-- name: lint_functions
-- role: owner
select wanted.name || ' is another than the one that is meant' as name
from (values
	('audit_change()', 'd4117d3135d385f6eaed8f6e3bcd0e2d948d2290ee576ccfe0268d7cfaa5e630', 'v'),
	('audit_value(jsonb, oid)', '4dd2a5cc7bc8996f1405d54b8eaa7d882afb7531612fc79b6dc498bb4e236b4e', 's'),
	('event_id()', '6b8f08d8ed2b2b8a091e20ba965551c6ff5211f0d5cbe3a8840deeb0354b6461', 'v'),
	('refuse_event_change()', '532615b48e37bc00d664e354153302ef774ee9b500dcb3759d17b5dd94574906', 'v'),
	('touch()', 'b46023d21142f6f0a8271645a6dafeff50556e9c93175043328f1e3b8a41dea1', 'v')) wanted (name, sha256, volatile)
where not exists (select from pg_proc p where p.oid = to_regprocedure('collect.' || wanted.name) and not p.prosecdef and p.provolatile = wanted.volatile::"char"
	and encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = wanted.sha256)
order by 1

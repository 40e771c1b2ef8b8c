-- as: migrator
-- Roles belong to the cluster and several databases may share them, so they are made only when missing, and a
-- second migrator that makes them at the same moment (in another database: no lock reaches it) is no failure.
do $$
declare
	role_name text;
begin
	foreach role_name in array array['collect_owner', 'collect_app', 'collect_public', 'collect_worker'] loop
		if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
			begin
				execute format('create role %I %s nosuperuser nocreatedb nocreaterole noreplication nobypassrls', role_name,
					case when role_name = 'collect_owner' then 'nologin' else 'login' end);
			exception when duplicate_object or unique_violation then
				null;
			end;
		end if;
	end loop;
	if not pg_catalog.pg_has_role(current_user, 'collect_owner', 'member') then
		execute format('grant collect_owner to %I', current_user);
	end if;
end
$$;

-- The database is ours alone: nobody but the owner creates anything in it, temporary objects included
-- (an operator made in pg_temp could read planner statistics, CVE-2025-8713).
do $$
begin
	execute format('revoke create, temporary on database %I from public', current_database());
	execute format('grant connect on database %I to collect_app, collect_public, collect_worker', current_database());
	execute format('grant connect, create, temporary on database %I to collect_owner', current_database());
exception when insufficient_privilege then
	raise notice 'not the owner of the database: its grants are left as they are';
end
$$;

do $$
begin
	revoke create on schema public from public;
exception when insufficient_privilege or invalid_schema_name then
	raise notice 'schema public is left as it is';
end
$$;

do $$
begin
	create extension if not exists pg_stat_statements with schema public;
exception when others then
	-- Not packaged, or a cluster that does not allow it. `collect doctor` then has no slow statements to print.
	raise notice 'pg_stat_statements is not available: %', sqlerrm;
end
$$;

create schema collect authorization collect_owner;
grant usage on schema collect to collect_app, collect_public, collect_worker;

-- Whoever connects without saying so (psql, a driver) finds the tables too; our own connections name it themselves.
do $$
declare
	role_name text;
begin
	foreach role_name in array array['collect_app', 'collect_public', 'collect_worker'] loop
		execute format('alter role %I in database %I set search_path = collect', role_name, current_database());
	end loop;
end
$$;

-- A new function may be run by nobody until it is granted.
alter default privileges for role collect_owner revoke execute on functions from public;

set local role collect_owner;

create table collect.schema_migrations (
	name text primary key,
	sha256 text not null,
	applied_at timestamptz not null default now(),
	duration_ms bigint not null
);

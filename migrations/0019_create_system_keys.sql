-- Wrapped data keys of the installation itself, for secrets that belong to no tenant (users' second factors). Like data_keys, but global: no grants, and
-- three functions that read or add one key. They say nothing of any tenant, so a caller may be bound or not.
create table system_keys (
	purpose text not null check (purpose in ('system')),
	key_version integer not null check (key_version > 0),
	wrapped bytea,
	kek_id text not null,
	destroyed_at timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	version integer not null default 1,
	primary key (purpose, key_version),
	check ((wrapped is null) = (destroyed_at is not null))
);
create trigger touch before update on system_keys for each row execute function touch();

-- settled: committed by somebody, so that it may be kept in memory.
create function system_key_newest(p_purpose text) returns table (key_version bigint, wrapped bytea, kek_id text, settled boolean)
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	select k.key_version::bigint, k.wrapped, k.kek_id, k.xmin is distinct from pg_current_xact_id_if_assigned()::xid
	from system_keys k where k.purpose = p_purpose order by k.key_version desc limit 1
$$;

create function system_key_version(p_purpose text, p_version bigint)
returns table (key_version bigint, wrapped bytea, kek_id text, settled boolean)
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	select k.key_version::bigint, k.wrapped, k.kek_id, k.xmin is distinct from pg_current_xact_id_if_assigned()::xid
	from system_keys k where k.purpose = p_purpose and k.key_version = p_version
$$;

-- Two who make the same version: the second waits for the first and then changes nothing.
create function system_key_add(p_purpose text, p_version bigint, p_wrapped bytea, p_kek_id text) returns void
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	insert into system_keys (purpose, key_version, wrapped, kek_id) values (p_purpose, p_version, p_wrapped, p_kek_id)
	on conflict (purpose, key_version) do nothing
$$;

grant execute on function system_key_newest(text), system_key_version(text, bigint), system_key_add(text, bigint, bytea, text)
	to collect_app, collect_worker;

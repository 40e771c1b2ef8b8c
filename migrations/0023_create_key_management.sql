-- Keys that can be rotated and destroyed under load, tenants that have all their answers sealed, and the blind index.

-- A retired key opens what was sealed with it and seals nothing any more; a destroyed one has no bytes. What is destroyed keeps its row, so that what it
-- sealed can be told from what was tampered with.
alter table data_keys drop constraint data_keys_purpose_check;
alter table data_keys add constraint data_keys_purpose_check check (purpose in ('pii', 'response', 'index', 'secret'));
alter table data_keys add column retired_at timestamptz;
grant update (retired_at) on data_keys to collect_worker;

-- Which of the tenant's keys sealed it.
alter table responses add column sealed_purpose text not null default 'pii' check (sealed_purpose in ('pii', 'response'));
grant update (answers, parameters, consents, sealed, sealed_purpose, sealed_key_version) on responses to collect_worker;

-- Another key for the same bytes is no change that anybody could see.
drop trigger touch on responses;
create trigger touch before update on responses for each row
	when (old.sealed is null or new.sealed is null or old.sealed_purpose <> new.sealed_purpose
		or old.sealed_key_version is not distinct from new.sealed_key_version or old.answers <> new.answers)
	execute function touch();

-- HMACs of e-mail addresses and phone numbers among personal answers, under the tenant's index key: for exact look-up, and for nothing else.
create table response_lookups (
	tenant_id uuid not null,
	survey_id uuid not null,
	response_id uuid not null,
	question text not null check (length(question) between 1 and 200),
	kind text not null check (kind in ('email', 'phone')),
	key_version integer not null check (key_version > 0),
	hash bytea not null check (length(hash) = 32),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, survey_id, response_id, question, hash),
	foreign key (tenant_id, survey_id, response_id) references responses (tenant_id, survey_id, id) on delete cascade,
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index response_lookups_hash on response_lookups (tenant_id, hash);
create trigger touch before update on response_lookups for each row execute function touch();
do $$ begin perform isolate('response_lookups'); end $$;

grant insert (tenant_id, survey_id, response_id, question, kind, key_version, hash) on response_lookups to collect_public, collect_worker;
grant select on response_lookups to collect_app, collect_worker;
grant delete on response_lookups to collect_worker;

-- ---- nobody seals with a key that is being taken away ----
-- Whoever seals shares a lock of the tenant's until the commit; whoever retires or destroys keys, or changes what is to be sealed, has it alone. So once that
-- has committed, nothing is or will be there that was sealed by the old rule, whatever a server still has in memory. (Row locks would not do: those who
-- share one let each other pass, and who wants it alone waits for ever under load.)

create function seal_lock(p_alone boolean) returns void
language plpgsql volatile
set search_path = collect, pg_temp
as $$
begin
	if p_alone then
		perform pg_advisory_xact_lock(24225, hashtext(current_tenant_id()::text));
	else
		perform pg_advisory_xact_lock_shared(24225, hashtext(current_tenant_id()::text));
	end if;
end
$$;

-- Whether all answers of the bound tenant are to be sealed.
create function tenant_seals_answers() returns boolean
language sql stable security definer
set search_path = collect, pg_temp
as $$ select coalesce((t.settings ->> 'seal_answers')::boolean, false) from tenants t where t.id = current_tenant_id() $$;

create function response_seal_check() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	everything boolean;
begin
	perform seal_lock(false);
	everything := tenant_seals_answers();
	-- another tenant's row is refused by row security, in its own words
	if new.tenant_id = current_tenant_id() and (case when new.sealed is null then everything and new.answers <> '{}'
		else (new.sealed_purpose = 'response') <> everything or (everything and new.answers <> '{}')
			or not exists (select from data_keys k where k.tenant_id = new.tenant_id and k.purpose = new.sealed_purpose
				and k.key_version = new.sealed_key_version and k.retired_at is null and k.destroyed_at is null) end) then
		raise exception 'sealed by a rule or with a key that is out of date' using errcode = '23000', constraint = 'seal_check';
	end if;
	return new;
end
$$;
create trigger seal_check before insert or update of answers, sealed, sealed_purpose, sealed_key_version on responses
	for each row execute function response_seal_check();

create function lookup_seal_check() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	perform seal_lock(false);
	if new.tenant_id = current_tenant_id() and not exists (select from data_keys k where k.tenant_id = new.tenant_id and k.purpose = 'index' and k.key_version = new.key_version
		and k.retired_at is null and k.destroyed_at is null) then
		raise exception 'made with a key that is out of date' using errcode = '23000', constraint = 'seal_check';
	end if;
	return new;
end
$$;
create trigger seal_check before insert on response_lookups for each row execute function lookup_seal_check();

grant execute on function seal_lock(boolean) to collect_app, collect_worker;
grant execute on function tenant_seals_answers() to collect_app, collect_public, collect_worker;

-- ---- for `collect keys`, before a tenant is bound ----

-- Tenants by id, deleted ones too: their keys count as well. With a slug only that one.
create function key_tenants(p_after uuid, p_slug text, p_limit integer) returns table (id uuid, slug text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select t.id, t.slug from tenants t where t.id > p_after and (p_slug is null or t.slug = p_slug) order by t.id limit p_limit
$$;

-- The installation's keys, for the change of the key-encryption key; locked until the transaction ends.
create function system_keys_lock() returns table (purpose text, key_version bigint, wrapped bytea, kek_id text)
language sql volatile security definer
set search_path = collect, pg_temp
as $$ select k.purpose, k.key_version::bigint, k.wrapped, k.kek_id from system_keys k where k.wrapped is not null order by 1, 2 for update $$;

create function system_key_rewrap(p_purpose text, p_version bigint, p_wrapped bytea, p_kek_id text) returns void
language sql volatile security definer
set search_path = collect, pg_temp
as $$ update system_keys set wrapped = p_wrapped, kek_id = p_kek_id where purpose = p_purpose and key_version = p_version and wrapped is not null $$;

grant execute on function key_tenants(uuid, text, integer), system_keys_lock(), system_key_rewrap(text, bigint, bytea, text) to collect_worker;

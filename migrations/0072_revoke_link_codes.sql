-- Single codes can be revoked. And a code whose answer is removed for good, or loses its key, stays used: that the answer was there had been all that said so, and with it gone
-- its code let somebody in once more. What a code brings along may name a person: it goes with the answer or, if that comes first, with the answer's key, without which nobody would find it
-- by the answer any more; and where a person's data are erased.
alter table link_codes add column revoked_at timestamptz, add column used_at timestamptz;
select audit_not('link_codes', 'made by the thousand; the log tells of each making, of each that a member revokes, and of each erasure, with how many it took');
grant update (revoked_at, updated_by) on link_codes to collect_app;
grant update (revoked_at, used_at, parameters) on link_codes to collect_worker;
grant execute on function link_code_key(uuid, text) to collect_worker;

-- How many codes a link has, so that who adds some counts and takes his place in one statement.
create table link_code_counts (
	tenant_id uuid not null,
	survey_id uuid not null,
	link_id uuid not null,
	codes bigint not null check (codes >= 0),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, link_id),
	foreign key (tenant_id, survey_id, link_id) references links (tenant_id, survey_id, id) on delete cascade,
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on link_code_counts for each row execute function touch();
-- Those of before.
do $$
declare
	t uuid;
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		insert into link_code_counts (tenant_id, survey_id, link_id, codes) select tenant_id, survey_id, link_id, count(*) from link_codes group by 1, 2, 3;
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;
select isolate('link_code_counts');
select audit_not('link_code_counts', 'a count of what the log tells of');
grant select, insert on link_code_counts to collect_app, collect_worker;
grant update (codes) on link_code_counts to collect_app, collect_worker;

create function code_used() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	update link_codes c set used_at = coalesce(c.used_at, old.created_at), parameters = '{}'
	where c.tenant_id = old.tenant_id and c.link_id = split_part(old.idempotency_key, ':', 2)::uuid and c.code = split_part(old.idempotency_key, ':', 3);
	return null;
end
$$;
create trigger code_used after delete on responses for each row
	when (old.idempotency_key like '§code:%') execute function code_used();
create trigger code_used_key after update of idempotency_key on responses for each row
	when (old.idempotency_key like '§code:%' and new.idempotency_key is distinct from old.idempotency_key) execute function code_used();

-- Codes whose attributes are in a file's first piece: erasing them ends that file, whoever it was made of.
alter table privacy_parts add column codes uuid[];
grant insert (codes) on privacy_parts to collect_worker;

-- Single-use links: one link, many codes, each of which lets one interview in. Whether a code was used is not noted here: the interview's idempotency key is made of
-- it, and keys are unique for as long as answers live.
alter table links drop constraint links_kind_check;
alter table links add constraint links_kind_check check (kind in ('open', 'test', 'single_use'));

create table link_codes (
	tenant_id uuid not null,
	survey_id uuid not null,
	link_id uuid not null,
	id uuid not null,
	code text not null check (code ~ '^[A-Za-z0-9_-]{6,64}$'),
	parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, link_id, id),
	unique (tenant_id, link_id, code),
	foreign key (tenant_id, survey_id, link_id) references links (tenant_id, survey_id, id) on delete cascade,
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index link_codes_list on link_codes (tenant_id, link_id, created_at desc, id desc);
create trigger touch before update on link_codes for each row execute function touch();
select isolate('link_codes');
select audit_not('link_codes', 'made by the thousand and never changed; the log tells of each making');
grant select, insert on link_codes to collect_app, collect_worker;
grant select on link_codes to collect_public;

-- The key of the interview that a code lets in. It begins with a sign that no Idempotency-Key of a client can have.
create function link_code_key(p_link uuid, p_code text) returns text
language sql immutable strict parallel safe
as $$ select '§code:' || p_link || ':' || p_code $$;
grant execute on function link_code_key(uuid, text) to collect_app, collect_public;

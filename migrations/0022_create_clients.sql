-- OAuth 2 clients: programs that get access tokens for a secret. A client acts for the member it belongs to, within its own permissions and his. Its
-- public id names tenant and id, so that nothing global is needed to find it; of the secret here is the SHA-256.
create table clients (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	user_id uuid not null,
	name text not null check (length(name) between 1 and 100),
	permissions text[] not null check (cardinality(permissions) between 1 and 64),
	sha256 bytea not null check (length(sha256) = 32),
	expires_at timestamptz,
	last_used_at timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	foreign key (tenant_id, user_id) references memberships (tenant_id, user_id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index clients_list on clients (tenant_id, created_at desc, id desc) where deleted_at is null;
create index clients_user on clients (tenant_id, user_id);
-- Being used is no change, as for API keys.
create trigger touch before update of name, permissions, expires_at, deleted_at on clients for each row execute function touch();
do $$ begin perform isolate('clients'); end $$;

-- The public id, as auth_client.c reads it.
create function client_id_text(p_tenant uuid, p_id uuid) returns text
language sql stable parallel safe
as $$ select 'ccc_' || translate(encode(uuid_send(p_tenant) || uuid_send(p_id), 'base64'), E'+/=\n', '-_') $$;

grant select on clients to collect_app;
grant insert (tenant_id, id, user_id, name, permissions, sha256, expires_at, created_by, updated_by) on clients to collect_app;
grant update (last_used_at, updated_by, deleted_at, deleted_by) on clients to collect_app;
grant execute on function client_id_text(uuid, uuid) to collect_app;

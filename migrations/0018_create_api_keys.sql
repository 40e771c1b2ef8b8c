-- Keys for programs. A key acts for the member it belongs to, within its own permissions and his: it ends with the membership. Its text names tenant
-- and id, so that nothing global is needed to find it; here is the SHA-256 of the text.
create table api_keys (
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
create index api_keys_list on api_keys (tenant_id, created_at desc, id desc) where deleted_at is null;
create index api_keys_user on api_keys (tenant_id, user_id);
-- Being used is no change: who read the key's version may still take it back.
create trigger touch before update of name, permissions, expires_at, deleted_at on api_keys for each row execute function touch();
do $$ begin perform isolate('api_keys'); end $$;

grant select on api_keys to collect_app;
grant insert (tenant_id, id, user_id, name, permissions, sha256, expires_at, created_by, updated_by) on api_keys to collect_app;
grant update (last_used_at, updated_by, deleted_at, deleted_by) on api_keys to collect_app;

-- Tables that are needed before a tenant is known. No row-level security, therefore no grants: only the SECURITY DEFINER functions
-- of 0007 reach them. The list is tools/global_tables.txt.

create table tenants (
	id uuid primary key,
	slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	name text not null,
	settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	version integer not null default 1,
	deleted_at timestamptz
);

create table users (
	id uuid primary key,
	email text not null unique check (email = lower(email)),
	name text not null,
	password_hash text not null,
	locale text not null default 'en',
	status text not null default 'active' check (status in ('active', 'disabled')),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	version integer not null default 1,
	deleted_at timestamptz
);

-- Which tenants to look into when somebody signs in: ids only, kept by a trigger on memberships. Rights are read from memberships.
create table user_tenants (
	user_id uuid not null references users (id),
	tenant_id uuid not null references tenants (id),
	primary key (user_id, tenant_id)
);

-- The public address of a link: the one name space that all tenants share.
create table slugs (
	slug text primary key check (slug ~ '^[A-Za-z0-9]([A-Za-z0-9_-]{0,98}[A-Za-z0-9])?$'),
	tenant_id uuid not null references tenants (id),
	link_id uuid not null,
	unique (tenant_id, link_id, slug)
);

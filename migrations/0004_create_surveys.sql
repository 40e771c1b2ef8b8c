create table memberships (
	tenant_id uuid not null references tenants (id),
	user_id uuid not null references users (id),
	role text not null check (role in ('viewer', 'editor', 'manager', 'admin')),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, user_id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on memberships for each row execute function touch();

create table projects (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	name text not null check (name <> ''),
	description text not null default '',
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index projects_list on projects (tenant_id, created_at desc, id desc) include (name) where deleted_at is null;
create trigger touch before update on projects for each row execute function touch();

create table surveys (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	project_id uuid not null,
	title text not null,
	status text not null default 'draft' check (status in ('draft', 'published', 'closed', 'archived')),
	definition jsonb not null constraint valid_definition check (jsonb_typeof(definition) = 'object'),
	schema_version text not null default '1.0' constraint valid_schema_version check (schema_version ~ '^[0-9]+\.[0-9]+$'),
	language text not null,
	published_version integer,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	foreign key (tenant_id, project_id) references projects (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index surveys_list on surveys (tenant_id, created_at desc, id desc) include (title, status, version) where deleted_at is null;
create index surveys_project on surveys (tenant_id, project_id, created_at desc, id desc) where deleted_at is null;
create trigger touch before update on surveys for each row execute function touch();

create table survey_versions (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	survey_id uuid not null,
	number integer not null check (number > 0),
	definition jsonb not null check (jsonb_typeof(definition) = 'object'),
	program bytea not null,
	program_sha256 text not null check (program_sha256 ~ '^[0-9a-f]{64}$'),
	title text not null,
	languages text[] not null,
	published_at timestamptz not null default now(),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	unique (tenant_id, survey_id, number),
	foreign key (tenant_id, survey_id) references surveys (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
alter table surveys add foreign key (tenant_id, id, published_version) references survey_versions (tenant_id, survey_id, number);

create function refuse_version_change() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	if (new.tenant_id, new.id, new.survey_id, new.number, new.definition, new.program, new.program_sha256, new.title, new.languages,
		new.published_at) is distinct from (old.tenant_id, old.id, old.survey_id, old.number, old.definition, old.program,
		old.program_sha256, old.title, old.languages, old.published_at) then
		raise exception 'a published version does not change' using errcode = 'integrity_constraint_violation';
	end if;
	return new;
end
$$;
create trigger immutable before update on survey_versions for each row execute function refuse_version_change();
create trigger touch before update on survey_versions for each row execute function touch();

create table links (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	survey_id uuid not null,
	slug text not null,
	title text not null default '',
	language text,
	status text not null default 'open' check (status in ('open', 'closed')),
	opens_at timestamptz,
	closes_at timestamptz,
	secret bytea not null,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	foreign key (tenant_id, survey_id) references surveys (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create unique index links_slug on links (tenant_id, slug) where deleted_at is null;
create index links_survey on links (tenant_id, survey_id, created_at desc, id desc) where deleted_at is null;
create trigger touch before update on links for each row execute function touch();

-- The link is inserted first, then its slug is claimed.
alter table slugs add foreign key (tenant_id, link_id) references links (tenant_id, id);

-- Last, because adding a foreign key reads the tables as their owner, whom row security would stop.
do $$
begin
	perform isolate('memberships');
	perform isolate('projects');
	perform isolate('surveys');
	perform isolate('survey_versions');
	perform isolate('links');
end
$$;

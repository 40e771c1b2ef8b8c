-- Roles in single projects. A member with the new built-in role 'guest' may do nothing by himself, and sees only the projects in which he was given a role.

-- A role of the tenant's own that has the new name gives it up.
do $$
declare
	t uuid;
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		update roles set name = 'Guest ' || left(id::text, 8) where lower(name) = 'guest';
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;

-- The checks that name the roles, whatever they are called, with the new one.
do $$
declare
	c record;
begin
	for c in select conrelid::regclass as relation, conname, pg_get_constraintdef(oid) as def from pg_constraint
		where connamespace = 'collect'::regnamespace and contype = 'c' and pg_get_constraintdef(oid) like '%''interviewer''%' loop
		execute format('alter table %s drop constraint %I', c.relation, c.conname);
		execute format('alter table %s add constraint %I %s', c.relation, c.conname,
			replace(c.def, '''interviewer''::text', '''guest''::text, ''interviewer''::text'));
	end loop;
end
$$;

create table project_members (
	tenant_id uuid not null references tenants (id),
	project_id uuid not null,
	user_id uuid not null,
	role text not null check (role in ('interviewer', 'viewer', 'analyst', 'manager', 'admin', 'owner', 'own')),
	role_id uuid,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, project_id, user_id),
	check ((role = 'own') = (role_id is not null)),
	foreign key (tenant_id, project_id) references projects (tenant_id, id),
	foreign key (tenant_id, user_id) references memberships (tenant_id, user_id),
	foreign key (tenant_id, role_id) references roles (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index project_members_user on project_members (tenant_id, user_id) where deleted_at is null;
create index project_members_role on project_members (tenant_id, role_id) where role_id is not null;
create trigger touch before update on project_members for each row execute function touch();
select isolate('project_members');
select audit('project_members', 'project_member', 'user_id', p_about => 'project_id');
grant select, insert on project_members to collect_app;
grant update (role, role_id, updated_by, deleted_at, deleted_by) on project_members to collect_app;
grant select, delete on project_members to collect_worker;

-- ---- what is hidden ----
-- app.current_project_scope holds the projects that a transaction may see, '{id,id}'; absent or empty: all of the tenant's. The two functions answer 1 for
-- what is hidden, and are asked where there is a scope only. How the policies ask is chosen by what it costs everybody else, who has none
-- (docs/decisions/0054-roles-in-projects.md): no subselect, a comparison by <> of which the planner expects that nearly all rows pass, and a function that is
-- not for parallel workers.
create function project_hidden(p_project uuid) returns integer
language plpgsql stable parallel restricted cost 0.01
set search_path = collect, pg_temp
as $$
begin
	return case when p_project = any (current_setting('app.current_project_scope')::uuid[]) then 0 else 1 end;
end
$$;

-- Asked as whoever calls: a survey that he does not see hides what is below it.
create function survey_hidden(p_survey uuid) returns integer
language plpgsql stable parallel restricted cost 0.01
set search_path = collect, pg_temp
as $$
begin
	return case when exists (select from surveys where surveys.tenant_id = current_tenant_id() and surveys.id = p_survey) then 0 else 1 end;
end
$$;
grant execute on function project_hidden(uuid), survey_hidden(uuid) to collect_app, collect_public, collect_worker;

-- For the migration that makes a table whose rows belong to a project, beside isolate(). p_hidden: project_hidden(...) or survey_hidden(...) of a column.
create function scope_to_projects(p_table regclass, p_hidden text) returns void
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	execute format($f$create policy project_scope on %s as restrictive
		using (case when coalesce(current_setting('app.current_project_scope', true), '') = '' then 0 else %s end <> 1)$f$, p_table, p_hidden);
end
$$;
select scope_to_projects('projects', 'project_hidden(id)'), scope_to_projects('project_members', 'project_hidden(project_id)'),
	scope_to_projects('surveys', 'project_hidden(project_id)'), scope_to_projects('survey_versions', 'survey_hidden(survey_id)'),
	scope_to_projects('links', 'survey_hidden(survey_id)');

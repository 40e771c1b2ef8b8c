-- One's own roles in projects, for oneself: also in those that a transaction, which may be bound to others or to none, does not see. Live ones of the bound tenant.
create function own_projects(p_user uuid) returns jsonb
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	listed jsonb;
	scope text := coalesce(current_setting('app.current_project_scope', true), '');
begin
	perform set_config('app.current_project_scope', '', true);
	select coalesce(jsonb_agg(jsonb_build_object('id', projects.id, 'name', projects.name, 'role', coalesce(roles.name, project_members.role), 'role_id', roles.id)
		order by lower(projects.name), projects.id), '[]') into listed
	from project_members join projects on projects.tenant_id = project_members.tenant_id and projects.id = project_members.project_id
		left join roles on roles.tenant_id = project_members.tenant_id and roles.id = project_members.role_id
	where project_members.tenant_id = current_tenant_id() and project_members.user_id = p_user
		and project_members.deleted_at is null and projects.deleted_at is null;
	perform set_config('app.current_project_scope', scope, true);
	return listed;
end
$$;
grant execute on function own_projects(uuid) to collect_app;

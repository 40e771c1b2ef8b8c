-- One that reaches past what a caller sees: in how many projects somebody has a role, whoever gives him another one.

-- Roles of a member of the bound tenant in live projects, those included that the caller's transaction does not see. Policies hold the owner too, so the scope is
-- put aside while it counts.
create function project_roles_held(p_user uuid) returns bigint
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	held bigint;
	scope text := coalesce(current_setting('app.current_project_scope', true), '');
begin
	perform set_config('app.current_project_scope', '', true);
	select count(*) into held from project_members join projects on projects.tenant_id = project_members.tenant_id and projects.id = project_members.project_id
		where project_members.tenant_id = current_tenant_id() and project_members.user_id = p_user
			and project_members.deleted_at is null and projects.deleted_at is null;
	perform set_config('app.current_project_scope', scope, true);
	return held;
end
$$;
grant execute on function project_roles_held(uuid) to collect_app;

-- The API keys and clients of a user, in every tenant, for who sets a new password because somebody else knew the old one. How many ended. For live members
-- of the bound tenant, and for everybody in the system's.
create function user_keys_end(p_user uuid) returns bigint
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	t uuid;
	n bigint;
	ended bigint := 0;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	if current_tenant_id() <> system_tenant() and not second_factor_member(p_user) then
		return 0;
	end if;
	for t in select user_tenants.tenant_id from user_tenants where user_tenants.user_id = p_user order by user_tenants.tenant_id loop
		perform set_config('app.current_tenant_id', t::text, true);
		update api_keys set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where api_keys.tenant_id = t and api_keys.user_id = p_user and api_keys.deleted_at is null;
		get diagnostics n = row_count;
		ended := ended + n;
		update clients set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where clients.tenant_id = t and clients.user_id = p_user and clients.deleted_at is null;
		get diagnostics n = row_count;
		ended := ended + n;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	return ended;
end
$$;
grant execute on function user_keys_end(uuid) to collect_app;

-- As in 0020, but of invitations only the one that the caller names, which has compared what it gives with what the provider and its sender may give.
-- p_invitation null: he comes in as the provider's row says, when he never was a member.
drop function identity_join(uuid, uuid, text, text, boolean);
create function identity_join(p_provider uuid, p_user uuid, p_email text, p_name text, p_make boolean, p_invitation uuid)
	returns table (member_version integer, invitation_id uuid, invitation_version integer)
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	i invitations;
	p identity_providers;
	got integer;
begin
	select * into p from identity_providers where identity_providers.tenant_id = current_tenant_id() and identity_providers.id = p_provider
		and identity_providers.enabled and identity_providers.deleted_at is null for share;
	if not found then
		return;
	end if;
	select * into i from invitations where invitations.tenant_id = p.tenant_id and invitations.id = p_invitation and invitations.email = lower(p_email)
		and invitations.role <> 'owner' and invitations.deleted_at is null and invitations.accepted_at is null and invitations.expires_at > now() for update;
	if not found and (p.role is null or exists (select from memberships where memberships.tenant_id = p.tenant_id and memberships.user_id = p_user)) then
		return;
	end if;
	if p_make then
		insert into users (id, email, name, password_hash, locale) values (p_user, lower(p_email), p_name, '', coalesce(i.language, 'en'));
	elsif not exists (select from users where users.id = p_user and users.email = lower(p_email) and users.status = 'active'
		and users.deleted_at is null) then
		return;
	end if;
	insert into memberships (tenant_id, user_id, role, role_id, created_by, updated_by)
		values (p.tenant_id, p_user, coalesce(i.role, p.role), case when i.id is null then p.role_id else i.role_id end, i.created_by, i.created_by)
		on conflict on constraint memberships_pkey do update set role = excluded.role, role_id = excluded.role_id,
			updated_by = excluded.updated_by, deleted_at = null, deleted_by = null
		returning memberships.version into got;
	if i.id is not null then
		update invitations set accepted_at = now(), accepted_by = p_user where invitations.tenant_id = i.tenant_id and invitations.id = i.id
			returning invitations.version into i.version;
	end if;
	return query select got, i.id, i.version;
end
$$;
grant execute on function identity_join(uuid, uuid, text, text, boolean, uuid) to collect_app;

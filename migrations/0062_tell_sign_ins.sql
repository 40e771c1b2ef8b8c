-- Who signed in and out, and who guesses, stands in the log. Sessions are in Redis; what is told of them is appended by the server. These two tell a user's tenants at once.

-- Passwords or codes that were wrong, for the account with this address: asked when nobody is signed in, so the transaction is bound to the system's tenant. Of an
-- address that no account has as much is written, there and without the address, so that the time it takes tells nobody which it was.
create function sign_in_failed(p_email text, p_data jsonb) returns void
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
begin
	if current_tenant_id() <> system_tenant() then
		raise exception 'asked of no tenant''s account' using errcode = 'insufficient_privilege';
	end if;
	select * into u from users where users.email = lower(p_email) and users.status = 'active' and users.deleted_at is null;
	if found then
		perform user_told(u.id, 'sign_in_failed', p_data, u.version);
	else
		insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind)
			values (system_tenant(), event_id(), 'user', '00000000-0000-0000-0000-000000000000', 'sign_in_failed', p_data, 1, 'nobody');
	end if;
end
$$;

-- A member of the bound tenant ended all his sessions, in every tenant. False: he is none.
create function signed_out_everywhere(p_user uuid) returns boolean
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
begin
	select * into u from users where users.id = p_user and second_factor_member(p_user);
	if not found then
		return false;
	end if;
	perform user_told(u.id, 'signed_out_everywhere', '{}', u.version);
	return true;
end
$$;
revoke all on function sign_in_failed(text, jsonb), signed_out_everywhere(uuid) from public;
grant execute on function sign_in_failed(text, jsonb), signed_out_everywhere(uuid) to collect_app;

-- Somebody's data, asked for or to be erased. Who it is about is sealed; of an erasure it is gone when the work is done, of an export with the file.
create table privacy_requests (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	kind text not null check (kind in ('erasure', 'export')),
	subject_kind text not null check (subject_kind in ('email', 'phone', 'response', 'user')),
	subject bytea,
	key_version integer,
	whole boolean not null default true,            -- of an erasure: answers go whole
	job_id uuid not null,
	status text not null default 'waiting' check (status in ('waiting', 'done')),
	counts jsonb not null default '{}' check (jsonb_typeof(counts) = 'object'),
	done_at timestamptz,
	expires_at timestamptz,                         -- of an export: when its file goes
	downloads integer not null default 0 check (downloads >= 0),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	check ((subject is null) = (key_version is null)),
	check ((done_at is null) = (status = 'waiting')),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on privacy_requests for each row execute function touch();

-- An export's file, a piece for each answer; number 0 is what there is of the person besides answers.
create table privacy_parts (
	tenant_id uuid not null,
	request_id uuid not null,
	part bigint not null check (part >= 0),
	survey_id uuid,
	response_id uuid,                               -- erasing that answer takes it out of files, too
	sealed bytea not null,
	key_version integer not null,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, request_id, part),
	check ((part = 0) = (response_id is null)),
	check ((survey_id is null) = (response_id is null)),
	foreign key (tenant_id, request_id) references privacy_requests (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on privacy_parts for each row execute function touch();
create index privacy_parts_response on privacy_parts (tenant_id, response_id) where response_id is not null;

do $$
begin
	perform isolate('privacy_requests');
	perform isolate('privacy_parts');
end
$$;

grant select on privacy_requests, privacy_parts to collect_app, collect_worker;
grant insert (tenant_id, id, kind, subject_kind, subject, key_version, whole, job_id, created_by, updated_by) on privacy_requests to collect_app;
grant update (downloads) on privacy_requests to collect_app;
grant update (subject, key_version, status, counts, done_at, expires_at) on privacy_requests to collect_worker;
grant insert (tenant_id, request_id, part, survey_id, response_id, sealed, key_version), delete on privacy_parts to collect_worker;
grant update (answers) on responses to collect_worker;
grant select, delete on invitations, idempotency to collect_worker;

-- A member who left and asked to be forgotten: the row stays, because others refer to who made them, and says no name any more.
alter table memberships add column forgotten_at timestamptz;

create or replace function member_people() returns table (user_id uuid, email text, name text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.email, users.name from memberships join users on users.id = memberships.user_id
	where memberships.tenant_id = current_tenant_id() and (memberships.deleted_at is null or memberships.forgotten_at is null)
$$;

-- What is known of a member of the bound tenant, found by address or id. No row: he never was one, or is forgotten.
create function member_find(p_email text, p_user uuid)
	returns table (user_id uuid, email text, name text, locale text, role text, joined_at timestamptz, left_at timestamptz)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.email, users.name, users.locale, memberships.role, memberships.created_at, memberships.deleted_at
	from memberships join users on users.id = memberships.user_id
	where memberships.tenant_id = current_tenant_id() and (memberships.deleted_at is null or memberships.forgotten_at is null)
		and (users.email = lower(p_email) or users.id = p_user)
$$;

-- An account nobody needs any more: its row stays, for the ids that point at it, and says nothing of anybody. Called by the two below only.
create function user_scrub(p_user uuid) returns void
language sql volatile
set search_path = collect, pg_temp
as $$
	delete from second_factors where user_id = p_user;
	delete from user_devices where user_id = p_user;
	update users set email = 'erased-' || id || '@invalid', name = '', password_hash = '', locale = 'en', status = 'disabled', deleted_at = coalesce(deleted_at, now())
	where id = p_user
$$;

-- Forgets a member who left the bound tenant; his account, too, when no other tenant has him or remembers him. 'kept': he is a member still.
-- 'none': he never was one.
create function member_forget(p_user uuid) returns text
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	m memberships;
	t uuid;
	bound text := current_setting('app.current_tenant_id');
	known boolean := false;
begin
	select * into m from memberships where memberships.tenant_id = current_tenant_id() and memberships.user_id = p_user for update;
	if not found then
		return 'none';
	elsif m.deleted_at is null then
		return 'kept';
	end if;
	update memberships set forgotten_at = now() where memberships.tenant_id = current_tenant_id() and memberships.user_id = p_user and memberships.forgotten_at is null;
	delete from identities where identities.tenant_id = current_tenant_id() and identities.user_id = p_user;
	-- of two tenants that forget him at the same moment the second sees what the first did
	perform 1 from users where users.id = p_user for update;
	for t in select user_tenants.tenant_id from user_tenants where user_tenants.user_id = p_user loop
		perform set_config('app.current_tenant_id', t::text, true);
		known := known or exists (select from memberships where memberships.tenant_id = t and memberships.user_id = p_user
			and (memberships.deleted_at is null or memberships.forgotten_at is null));
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	if not known then
		perform user_scrub(p_user);
	end if;
	return 'forgotten';
end
$$;

-- The operator's way (`collect user erase`): every tenant that he left forgets him. Answers the tenants where he still is a member; then nothing is
-- changed. No account, no row.
create function user_erase(p_email text) returns table (user_id uuid, tenants text)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u uuid;
	t record;
	held text := '';
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	select users.id into u from users where users.email = lower(p_email) for update;
	if not found then
		return;
	end if;
	for t in select tenants.id, tenants.slug from user_tenants join tenants on tenants.id = user_tenants.tenant_id
		where user_tenants.user_id = u order by tenants.slug loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		if exists (select from memberships where memberships.tenant_id = t.id and memberships.user_id = u and memberships.deleted_at is null) then
			held := trim(held || ' ' || t.slug);
		end if;
	end loop;
	if held = '' then
		for t in select user_tenants.tenant_id as id from user_tenants where user_tenants.user_id = u loop
			perform set_config('app.current_tenant_id', t.id::text, true);
			update memberships set forgotten_at = now() where memberships.tenant_id = t.id and memberships.user_id = u and memberships.forgotten_at is null;
			delete from identities where identities.tenant_id = t.id and identities.user_id = u;
		end loop;
		perform user_scrub(u);
	end if;
	perform set_config('app.current_tenant_id', bound, true);
	return query select u, held;
end
$$;

grant execute on function member_find(text, uuid), member_forget(uuid) to collect_worker;

-- The log is only appended to, so what names somebody must never get into it: that an address changed is told, not which one it was.
do $$
begin
	drop trigger audit on invitations;
	perform audit('invitations', 'invitation', p_hidden => 'email');
	drop trigger audit on users;
	perform audit('users', 'user', p_hidden => 'email,name', p_on => 'update');
	drop trigger audit on identities;
	perform audit('identities', 'identity', p_hidden => 'subject', p_ignored => 'last_used_at', p_about => 'user_id');
	perform audit('privacy_requests', 'privacy_request');
	perform audit_not('privacy_parts', 'pieces of a file, of which the request''s events tell');
end
$$;

-- The log: nobody empties one of its months, an instant before 1970 is the first, and who took a second factor away is told.

-- The smallest version 7 id of an instant; one out of their range is brought to its end.
create or replace function uuid_floor(p_at timestamptz) returns uuid
language sql immutable strict parallel safe
set search_path = pg_catalog
as $$ select rpad(lpad(to_hex(least(greatest((extract(epoch from p_at) * 1000)::bigint, 0), 281474976710655)), 12, '0'), 32, '0')::uuid $$;

-- A trigger of a statement is not handed down to partitions.
create function guard_event_partition(p_partition regclass) returns void
language plpgsql volatile
set search_path = collect, pg_temp
as $$
begin
	execute format('create trigger append_only_whole before truncate on %s for each statement execute function refuse_event_change()', p_partition);
end
$$;
revoke all on function guard_event_partition(regclass) from public;
select guard_event_partition(i.inhrelid::regclass) from pg_inherits i where i.inhparent = 'collect.events'::regclass;

create or replace function ensure_event_partitions(p_months_ahead integer) returns integer
language plpgsql security definer
set search_path = collect, pg_temp
set timezone = 'UTC'
as $$
declare
	month timestamptz;
	partition text;
	made integer := 0;
begin
	if p_months_ahead not between 0 and 120 then
		raise exception 'months ahead: 0 to 120' using errcode = 'invalid_parameter_value';
	end if;
	perform pg_advisory_xact_lock(hashtext('collect.ensure_event_partitions'));
	for i in -1 .. p_months_ahead loop
		month := date_trunc('month', now()) + make_interval(months => i);
		partition := 'events_' || to_char(month, 'YYYY_MM');
		continue when to_regclass(partition) is not null;
		execute format('create table %I (like events including defaults including constraints including indexes)', partition);
		perform isolate(partition::regclass);
		perform guard_event_partition(partition::regclass);
		execute format('alter table events attach partition %I for values from (%L) to (%L)', partition, uuid_floor(month),
			uuid_floor(month + interval '1 month'));
		made := made + 1;
	end loop;
	return made;
end
$$;

create or replace function second_factor_take(p_email text) returns boolean
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
	t uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	delete from second_factors using users where users.email = lower(p_email) and users.id = second_factors.user_id
		and second_factors.confirmed_at is not null returning users.* into u;
	if not found then
		return false;
	end if;
	update users set updated_at = now() where id = u.id returning * into u;
	for t in select tenant_id from user_tenants where user_id = u.id order by tenant_id loop
		perform set_config('app.current_tenant_id', t::text, true);
		if exists (select from memberships where tenant_id = t and user_id = u.id and deleted_at is null) then
			insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind) values (t,
				(left(uuid_floor(clock_timestamp())::text, 13) || '-7' || substr(gen_random_uuid()::text, 16))::uuid,
				'user', u.id, 'second_factor_removed', '{"by": "operator"}', u.version, 'operator');
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	return true;
end
$$;

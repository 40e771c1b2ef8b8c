-- as: migrator
-- A month of the log stays while the search has still to read of it: what it never read it would never find. So a job that is stuck holds months, and nothing is lost.
set local role collect_owner;

-- What search_next() would still take of these months, of any tenant that lives. Each one's events are looked at bound to that tenant.
create function events_unread(p_from timestamptz, p_to timestamptz) returns boolean
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	t record;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
	unread boolean := false;
begin
	for t in select tenants.id, coalesce(m.xid, '0') as xid, coalesce(m.id, '00000000-0000-0000-0000-000000000000') as event,
			case when m.read_at > '-infinity' then uuid_floor(m.read_at - interval '2 days') else '00000000-0000-0000-0000-000000000000' end as oldest
		from tenants left join search_marks m on m.tenant_id = tenants.id where tenants.deleted_at is null
			and (m.tenant_id is null or m.read_at < p_to + interval '2 days') loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		unread := exists (select from events e where e.tenant_id = t.id and (e.xid, e.id) > (t.xid, t.event)
			and e.id >= greatest(t.oldest, uuid_floor(p_from)) and e.id < uuid_floor(p_to));
		exit when unread;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	return unread;
end
$$;
revoke all on function events_unread(timestamptz, timestamptz) from public;

drop function detach_event_month(integer);

-- As before; unread: the search has still to read of it, so it stays, and those after it too.
create function detach_event_month(p_keep_months integer, out name text, out busy boolean, out unread boolean)
language plpgsql security definer
set search_path = collect, pg_temp
set timezone = 'UTC'
set lock_timeout = '300ms'
as $$
declare
	month timestamptz;
begin
	if p_keep_months not between 1 and 1200 then
		raise exception 'months to keep: 1 to 1200' using errcode = 'invalid_parameter_value';
	end if;
	busy := false;
	unread := false;
	select c.relname into name from pg_inherits i join pg_class c on c.oid = i.inhrelid
	where i.inhparent = 'collect.events'::regclass and c.relname ~ '^events_\d{4}_\d{2}$'
		and to_date(right(c.relname, 7), 'YYYY_MM') < date_trunc('month', now()) - make_interval(months => p_keep_months)
	order by c.relname limit 1;
	if name is null then
		return;
	end if;
	month := to_date(right(name, 7), 'YYYY_MM');
	begin
		unread := events_unread(month, month + interval '1 month');
		if unread then
			return;
		end if;
		execute format('alter table events detach partition %I', name);
		execute format('alter table %I set schema collect_detached', name);
	exception when lock_not_available then
		busy := true;
	end;
end
$$;
revoke all on function detach_event_month(integer) from public;
grant execute on function detach_event_month(integer) to collect_worker;

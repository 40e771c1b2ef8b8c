-- as: migrator
-- Old months of the log are taken off it, into a schema that no login of ours may enter; and whoever starts has this month and the next one made.
create schema if not exists collect_detached authorization collect_owner;

set local role collect_owner;

-- The oldest month that lies more than p_keep_months before this one. It takes a lock that nobody else may hold, and whoever comes meanwhile waits behind it:
-- so it is waited for briefly, and where somebody reads the log (a backup may, for hours) nothing is done: busy. Nothing to detach: name is null.
create function detach_event_month(p_keep_months integer, out name text, out busy boolean)
language plpgsql security definer
set search_path = collect, pg_temp
set timezone = 'UTC'
set lock_timeout = '300ms'
as $$
begin
	if p_keep_months not between 1 and 1200 then
		raise exception 'months to keep: 1 to 1200' using errcode = 'invalid_parameter_value';
	end if;
	busy := false;
	select c.relname into name from pg_inherits i join pg_class c on c.oid = i.inhrelid
	where i.inhparent = 'collect.events'::regclass and c.relname ~ '^events_\d{4}_\d{2}$'
		and to_date(right(c.relname, 7), 'YYYY_MM') < date_trunc('month', now()) - make_interval(months => p_keep_months)
	order by c.relname limit 1;
	if name is null then
		return;
	end if;
	begin
		execute format('alter table events detach partition %I', name);
		execute format('alter table %I set schema collect_detached', name);
	exception when lock_not_available then
		busy := true;
	end;
end
$$;
grant execute on function detach_event_month(integer) to collect_worker;

-- What a start needs: without this month's partition no change at all is stored. A server may make these and no others.
create function begin_event_months() returns integer
language sql volatile security definer
set search_path = collect, pg_temp
as $$ select ensure_event_partitions(1) $$;
grant execute on function begin_event_months() to collect_app, collect_worker;

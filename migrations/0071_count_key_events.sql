-- What happens to a tenant's keys is numbered by a counter of its own. The next number was one more than the highest in the log, which two at once found alike, and which began
-- anew once old months were detached.
create table key_event_counts (
	tenant_id uuid primary key references tenants (id),
	n bigint not null check (n > 0)
);

-- The number of the bound tenant's next event of its keys. Who asks holds it until his transaction ends: others wait, and none is given twice. The first goes on from the log.
create function next_key_event() returns bigint
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	insert into key_event_counts as c (tenant_id, n)
		select current_tenant_id(), coalesce(max(e.sequence), 0) + 1 from events e
		where e.tenant_id = current_tenant_id() and e.aggregate_type = 'keys' and e.aggregate_id = current_tenant_id()
	on conflict (tenant_id) do update set n = c.n + 1
	returning n
$$;
revoke all on function next_key_event() from public;
grant execute on function next_key_event() to collect_app, collect_worker;

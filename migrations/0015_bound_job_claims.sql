-- What taking a job costs is bounded, however many wait, whatever the planner believes of a table that is never twice the same: each statement fits
-- one index in its order. And periodic work can make a job for each tenant.

drop index jobs_due;
create index jobs_type on jobs (type, due_at) where dead_at is null;

-- Milliseconds until the next one is due (0: one is); no row when there is none.
create or replace function job_next(p_types text[]) returns setof bigint
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select greatest(0, ceil(extract(epoch from min(first.due_at) - now()) * 1000))::bigint
	from unnest(p_types) t (type), lateral (select j.due_at from jobs j where j.dead_at is null and j.type = t.type order by j.due_at limit 1) first
	having count(*) > 0
$$;

drop function job_claim(text[], integer[], uuid, uuid);

-- Takes one job that is due, of the types named, for as long as its type's lease. The installation's come first, then the tenants in turn from the one
-- after p_after on; within a tenant the lowest priority number comes first. A tenant with a hundred thousand jobs delays another's by the
-- one that is just run. At most fifty tenants are looked at; when none of them has a job that is due, the oldest is taken, and the next
-- call goes on behind them, with what this one answers as turn. A lease that ran out makes a job due again.
create function job_claim(p_types text[], p_lease_ms integer[], p_claim uuid, p_after uuid)
returns table (id uuid, tenant_id uuid, type text, ref text, attempt integer, turn uuid)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	picked uuid;
	head uuid := p_after;
	looked integer := 0;
	again boolean := false;
	kind text;
begin
	if coalesce((select n > 0 from job_next(p_types) n), true) then
		return;
	end if;
	select j.id into picked from jobs j
		where j.tenant_id is null and j.dead_at is null and j.due_at <= now() and j.type = any (p_types)
		order by j.priority, j.due_at limit 1 for update skip locked;
	while picked is null and looked < 50 loop
		looked := looked + 1;
		select j.tenant_id into head from jobs j where j.tenant_id > coalesce(head, p_after) and j.dead_at is null order by j.tenant_id limit 1;
		if head is null then
			exit when again;
			again := true;
			head := '00000000-0000-0000-0000-000000000000';
			continue;
		end if;
		select j.id into picked from jobs j
			where j.tenant_id = head and j.dead_at is null and j.due_at <= now() and j.type = any (p_types)
				and exists (select from tenants t where t.id = head and t.deleted_at is null)
			order by j.priority, j.due_at limit 1 for update skip locked;
	end loop;
	if picked is null then
		for kind in select t.type from unnest(p_types) t (type), lateral (select j.due_at from jobs j where j.dead_at is null and j.type = t.type
			and j.due_at <= now() order by j.due_at limit 1) first order by first.due_at loop
			select j.id into picked from jobs j
				where j.dead_at is null and j.type = kind and j.due_at <= now()
					and not exists (select from tenants t where t.id = j.tenant_id and t.deleted_at is not null)
				order by j.due_at limit 1 for update skip locked;
			exit when found;
		end loop;
	end if;
	if picked is null then
		-- Nobody's but a deleted tenant's, if any: out of the way, or workers would look again and again.
		update jobs j set due_at = now() + interval '1 day' from tenants t
			where t.id = j.tenant_id and t.deleted_at is not null and j.dead_at is null and j.due_at <= now() and j.type = any (p_types);
		return;
	end if;
	return query update jobs j set claim = p_claim, attempt = j.attempt + 1, lease_ms = p_lease_ms[array_position(p_types, j.type)],
			due_at = clock_timestamp() + p_lease_ms[array_position(p_types, j.type)] * interval '1 millisecond'
		where j.id = picked
		returning j.id, j.tenant_id, j.type, j.ref, j.attempt, coalesce(head, p_after);
end
$$;

-- The next p_limit live tenants after p_after, by id: for periodic work that makes a job for each.
create function job_tenants(p_after uuid, p_limit integer) returns setof uuid
language sql stable security definer
set search_path = collect, pg_temp
as $$ select t.id from tenants t where t.id > p_after and t.deleted_at is null order by t.id limit p_limit $$;

grant execute on function job_claim(text[], integer[], uuid, uuid), job_tenants(uuid, integer) to collect_worker;

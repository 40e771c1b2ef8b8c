-- Work that no request waits for, in two tables. jobs says what may be taken, for all tenants and for the installation itself: ids and
-- times only, so that a worker finds work before it knows whose. job_records is the tenant's: what is to be done, how far it is, what came of it.
-- Every statement that needs both takes jobs first; so no two wait for each other.

create table jobs (
	id uuid primary key,
	tenant_id uuid references tenants (id),                 -- null: the installation's own, which comes round again
	type text not null check (type ~ '^[a-z][a-z0-9_.]{0,62}$'),
	ref text not null check (length(ref) between 1 and 200),
	priority integer not null default 0,
	due_at timestamptz not null,                            -- nobody takes it before; while it is run: the end of the lease
	claim uuid,                                             -- of the run under way; whoever shows another one changes nothing
	lease_ms integer check (lease_ms > 0),
	attempt integer not null default 0,
	cancel boolean not null default false,
	dead_at timestamptz,                                    -- given up; stays until it is repeated or purged
	done_at timestamptz,                                    -- of the installation's own: when it last succeeded,
	error text,                                             -- and what is wrong since
	created_at timestamptz not null default now(),
	check (tenant_id is null or (done_at is null and error is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- One live job of a type and ref: a second one would do the same again.
create unique index jobs_ref on jobs (tenant_id, type, ref) nulls not distinct where dead_at is null;
create index jobs_due on jobs (due_at) where dead_at is null;
create index jobs_turn on jobs (tenant_id, priority, due_at) where dead_at is null;
create unique index jobs_claim on jobs (claim) where claim is not null;
create index jobs_dead on jobs (type) where dead_at is not null;

create table job_records (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	type text not null,
	ref text not null,
	status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'dead', 'cancelled')),
	payload jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
	state jsonb check (jsonb_typeof(state) = 'object'),     -- how far a job of many steps is
	progress_done bigint not null default 0 check (progress_done >= 0),
	progress_total bigint check (progress_total >= 0),
	result jsonb check (jsonb_typeof(result) = 'object'),
	error_code text,
	error_message text,
	attempts integer not null default 0,
	max_attempts integer not null check (max_attempts > 0),
	run_at timestamptz not null default now(),
	started_at timestamptz,
	finished_at timestamptz,
	cancel_requested_at timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	check ((finished_at is not null) = (status in ('succeeded', 'dead', 'cancelled'))),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
) with (fillfactor = 70);
create index job_records_list on job_records (tenant_id, created_at desc, id desc) where deleted_at is null;
create index job_records_finished on job_records (tenant_id, finished_at) where finished_at is not null;
create trigger touch before update on job_records for each row execute function touch();
select isolate('job_records');

-- A job as the API shows it.
create function job_json(r job_records) returns jsonb
language sql stable parallel safe
as $$
	select jsonb_build_object('id', r.id, 'type', r.type, 'status', r.status,
		'progress', jsonb_build_object('done', r.progress_done, 'total', r.progress_total), 'result', r.result,
		'error', case when r.error_code is not null then jsonb_build_object('code', r.error_code, 'message', r.error_message) end,
		'attempts', r.attempts, 'max_attempts', r.max_attempts, 'run_at', rfc3339(r.run_at), 'started_at', rfc3339(r.started_at),
		'finished_at', rfc3339(r.finished_at), 'cancel_requested_at', rfc3339(r.cancel_requested_at), 'created_at', rfc3339(r.created_at),
		'updated_at', rfc3339(r.updated_at), 'created_by', r.created_by, 'updated_by', r.updated_by, 'version', r.version)
$$;
grant execute on function job_json(job_records) to collect_app;

grant select on job_records to collect_app, collect_worker;
grant insert (tenant_id, id, type, ref, payload, progress_total, max_attempts, run_at, created_by, updated_by) on job_records
	to collect_app, collect_worker;
grant update (status, error_code, error_message, attempts, run_at, finished_at, cancel_requested_at, updated_by) on job_records to collect_app;
grant update (status, state, progress_done, progress_total, result, error_code, error_message, attempts, run_at, started_at, finished_at)
	on job_records to collect_worker;

-- ---- asking for work: the bound tenant's ----

-- Its id, or that of the live job which has its type and ref already.
create function job_enqueue(p_id uuid, p_type text, p_ref text, p_priority integer, p_delay_ms bigint) returns uuid
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	held uuid;
begin
	loop
		insert into jobs (id, tenant_id, type, ref, priority, due_at)
			values (p_id, current_tenant_id(), p_type, p_ref, p_priority, now() + p_delay_ms * interval '1 millisecond')
			on conflict (tenant_id, type, ref) where dead_at is null do nothing;
		if found then
			return p_id;
		end if;
		select j.id into held from jobs j where j.tenant_id = current_tenant_id() and j.type = p_type and j.ref = p_ref and j.dead_at is null;
		if found then
			return held;
		end if;
		-- it ended between the two statements
	end loop;
end
$$;

-- 'gone': nobody had taken it, and nobody will. 'asked': it is run, and its worker will be told. No row: it is not there any more.
create function job_withdraw(p_id uuid) returns setof text
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	taken boolean;
begin
	-- Not "for update": that would wait for the step that the job is at.
	select j.claim is not null into taken from jobs j where j.id = p_id and j.tenant_id = current_tenant_id() and j.dead_at is null
		for no key update;
	if not found then
		return;
	elsif taken then
		update jobs set cancel = true where id = p_id;
		return next 'asked';
	else
		delete from jobs where id = p_id;
		return next 'gone';
	end if;
end
$$;

-- A dead job from the start. Its id when there is one. Unique violation on jobs_ref when another one does its work meanwhile.
create function job_revive(p_id uuid) returns setof uuid
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	update jobs set dead_at = null, attempt = 0, cancel = false, due_at = now()
	where id = p_id and tenant_id = current_tenant_id() and dead_at is not null
	returning id
$$;

grant execute on function job_enqueue(uuid, text, text, integer, bigint) to collect_app, collect_worker;
grant execute on function job_withdraw(uuid), job_revive(uuid) to collect_app;

-- ---- doing it: for workers, bound to a tenant or not ----

-- The installation's own come round again and are there from the first worker's start on.
create function job_periodic(p_id uuid, p_type text) returns void
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	insert into jobs (id, tenant_id, type, ref, due_at) values (p_id, null, p_type, 'periodic', now())
	on conflict (tenant_id, type, ref) where dead_at is null do nothing
$$;

-- Takes one job that is due, of the types named, for as long as its type's lease. The installation's come first, then the tenants in turn: the one
-- after p_after that has some; a tenant with a hundred thousand jobs delays another's by the one that is just run. Within a tenant the
-- lowest priority number comes first. A lease that ran out makes a job due again.
create function job_claim(p_types text[], p_lease_ms integer[], p_claim uuid, p_after uuid)
returns table (id uuid, tenant_id uuid, type text, ref text, attempt integer)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	picked uuid;
	turn uuid := p_after;
	head uuid;
	again boolean := false;
begin
	if not exists (select from jobs j where j.dead_at is null and j.due_at <= now() and j.type = any (p_types)) then
		return;
	end if;
	select j.id into picked from jobs j
		where j.tenant_id is null and j.dead_at is null and j.due_at <= now() and j.type = any (p_types)
		order by j.due_at limit 1 for update skip locked;
	while picked is null loop
		select j.tenant_id into head from jobs j where j.tenant_id > turn and j.dead_at is null order by j.tenant_id limit 1;
		if not found or (again and head > p_after) then
			if again then
				return;
			end if;
			again := true;
			turn := '00000000-0000-0000-0000-000000000000';
			continue;
		end if;
		turn := head;
		select j.id into picked from jobs j
			where j.tenant_id = head and j.dead_at is null and j.due_at <= now() and j.type = any (p_types)
				and exists (select from tenants t where t.id = head and t.deleted_at is null)
			order by j.priority, j.due_at limit 1 for update skip locked;
	end loop;
	return query update jobs j set claim = p_claim, attempt = j.attempt + 1, lease_ms = p_lease_ms[array_position(p_types, j.type)],
			due_at = clock_timestamp() + p_lease_ms[array_position(p_types, j.type)] * interval '1 millisecond'
		where j.id = picked
		returning j.id, j.tenant_id, j.type, j.ref, j.attempt;
end
$$;

-- Milliseconds until the next one is due (0: one is); no row when there is none.
create function job_next(p_types text[]) returns setof bigint
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select greatest(0, ceil(extract(epoch from j.due_at - now()) * 1000))::bigint
	from jobs j where j.dead_at is null and j.type = any (p_types) order by j.due_at limit 1
$$;

-- The heartbeat of the runs under way: those that still hold their jobs, and whether somebody wants them to end. A third of the lease
-- goes by before a row is written.
create function job_beat(p_claims uuid[]) returns table (claim uuid, cancel boolean)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
begin
	update jobs j set due_at = clock_timestamp() + j.lease_ms * interval '1 millisecond'
		where j.claim = any (p_claims) and j.due_at < clock_timestamp() + j.lease_ms * interval '1 millisecond' * 2 / 3;
	return query select j.claim, j.cancel from jobs j where j.claim = any (p_claims);
end
$$;

-- Holds the claim until the transaction ends; no row when it was lost. A key share lock: heartbeats pass, another claim does not.
create function job_hold(p_id uuid, p_claim uuid) returns setof uuid
language sql volatile security definer
set search_path = collect, pg_temp
as $$ select j.id from jobs j where j.id = p_id and j.claim = p_claim for key share $$;

-- Ends a run. done: the job is gone, or comes round again after the delay when one is given. later: again after the delay. back: as if it had not
-- been taken. dead: given up. No row when the claim was lost: then nothing is changed.
create function job_end(p_id uuid, p_claim uuid, p_how text, p_delay_ms bigint, p_error text) returns setof uuid
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	later timestamptz := clock_timestamp() + coalesce(p_delay_ms, 0) * interval '1 millisecond';
begin
	if p_how = 'done' and p_delay_ms is null then
		return query delete from jobs j where j.id = p_id and j.claim = p_claim returning j.id;
	elsif p_how = 'done' then
		return query update jobs j set claim = null, attempt = 0, due_at = later, done_at = clock_timestamp(), error = null
			where j.id = p_id and j.claim = p_claim returning j.id;
	elsif p_how = 'later' then
		return query update jobs j set claim = null, due_at = later, error = case when j.tenant_id is null then p_error end
			where j.id = p_id and j.claim = p_claim returning j.id;
	elsif p_how = 'back' then
		return query update jobs j set claim = null, due_at = later, attempt = greatest(0, j.attempt - 1)
			where j.id = p_id and j.claim = p_claim returning j.id;
	elsif p_how = 'dead' then
		return query update jobs j set claim = null, dead_at = clock_timestamp() where j.id = p_id and j.claim = p_claim returning j.id;
	else
		raise exception 'a job ends done, later, back or dead' using errcode = 'invalid_parameter_value';
	end if;
end
$$;

-- What there is, by type; for metrics. waited_s: how long the oldest that is due has waited.
create function job_counts() returns table (type text, queued bigint, running bigint, dead bigint, waited_s double precision)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select j.type, count(*) filter (where j.dead_at is null and (j.claim is null or j.due_at <= now())),
		count(*) filter (where j.claim is not null and j.due_at > now()), count(*) filter (where j.dead_at is not null),
		coalesce(extract(epoch from now() - min(j.due_at) filter (where j.dead_at is null and j.due_at <= now())), 0)::double precision
	from jobs j group by j.type
$$;

-- Deletes at most p_limit records of jobs that ended before p_before, and the dead letters among them; how many. From tenant to tenant, and
-- gives the caller's binding back.
create function job_purge(p_before timestamptz, p_limit integer) returns bigint
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	t uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
	purged bigint := 0;
	n bigint;
begin
	for t in select tenants.id from tenants order by tenants.id loop
		exit when purged >= p_limit;
		perform set_config('app.current_tenant_id', t::text, true);
		with old as (
			select r.id from job_records r where r.tenant_id = t and r.finished_at < p_before order by r.finished_at limit p_limit - purged
		), letters as (
			delete from jobs j using old where j.id = old.id and j.tenant_id = t and j.dead_at is not null
		)
		delete from job_records r using old where r.tenant_id = t and r.id = old.id;
		get diagnostics n = row_count;
		purged := purged + n;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	return purged;
end
$$;

grant execute on function job_periodic(uuid, text), job_claim(text[], integer[], uuid, uuid), job_next(text[]), job_beat(uuid[]),
	job_hold(uuid, uuid), job_end(uuid, uuid, text, bigint, text), job_purge(timestamptz, integer) to collect_worker;
grant execute on function job_counts() to collect_app, collect_worker;

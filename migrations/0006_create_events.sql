-- The log. Appended, never changed: no UPDATE or DELETE is granted to anyone. Ids are made by the server (UUIDv7), so a range of ids is a
-- range of time. An id is no position, though: xid is what a reader orders by, up to pg_snapshot_xmin(pg_current_snapshot()).
create table events (
	tenant_id uuid not null,
	id uuid not null,
	xid xid8 not null default pg_current_xact_id(),
	aggregate_type text not null,
	aggregate_id uuid not null,
	type text not null,
	data jsonb not null,
	metadata jsonb not null default '{}',
	actor_id uuid,
	request_id text,
	sequence bigint not null check (sequence > 0),
	created_at timestamptz not null default now(),
	primary key (tenant_id, id)
) partition by range (id);
create index events_aggregate on events (tenant_id, aggregate_type, aggregate_id, sequence);
do $$ begin perform isolate('events'); end $$;

-- The smallest version 7 id of an instant.
create function uuid_floor(p_at timestamptz) returns uuid
language sql immutable parallel safe
set search_path = pg_catalog
as $$ select rpad(lpad(to_hex((extract(epoch from p_at) * 1000)::bigint), 12, '0'), 32, '0')::uuid $$;

-- Makes the partitions of last month (a clock may be a little behind), this month and p_months_ahead more; returns how many were new.
-- Built beside the log and attached, which does not stop writers.
create function ensure_event_partitions(p_months_ahead integer) returns integer
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
		execute format('alter table events attach partition %I for values from (%L) to (%L)', partition, uuid_floor(month),
			uuid_floor(month + interval '1 month'));
		made := made + 1;
	end loop;
	return made;
end
$$;

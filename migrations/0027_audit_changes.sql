-- Who changed what: every change of an audited table is an event with what was there before and what is there after it, written by a trigger, so that
-- no statement can forget it. Events that say more than that ("published", "completed") are still appended by whoever knows it.

alter table events
	add column actor_kind text check (actor_kind in ('user', 'key', 'client', 'respondent', 'job', 'operator', 'nobody')),
	add column credential_id uuid,
	add column before jsonb check (jsonb_typeof(before) = 'object'),
	add column after jsonb check (jsonb_typeof(after) = 'object');
grant insert (actor_kind, credential_id, before, after) on events to collect_app, collect_public, collect_worker;

-- The key is what readers go by: commit order within a tenant. One event of a tenant, and a time, are found by a BRIN, which costs a writer nothing.
alter table events drop constraint events_pkey;
alter table events add primary key (tenant_id, xid, id);
create index events_time on events using brin (created_at, id) with (autosummarize = on);

create function refuse_event_change() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	raise exception 'the log of events is only appended to' using errcode = 'integrity_constraint_violation';
end
$$;
create trigger append_only before update or delete on events for each row execute function refuse_event_change();
create trigger append_only_whole before truncate on events for each statement execute function refuse_event_change();

-- (These two have no search_path of their own, so that the planner puts their bodies in place of the calls: a third of the trigger's time.)
-- A version 7 id of now, in microseconds: those of one transaction follow each other.
create function event_id() returns uuid
language sql volatile
as $$
	select (lpad(to_hex(us / 1000), 12, '0') || '7' || lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0')
		|| substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid
	from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint) t (us)
$$;

-- A value as the log shows it: times as the API writes them, and of what is large its checksum, by which it is known again.
create function audit_value(p_value jsonb, p_type oid) returns jsonb
language sql stable
as $$
	select case
		when p_value is null or p_value = 'null' then coalesce(p_value, 'null')
		when p_type = 'timestamptz'::regtype then to_jsonb(rfc3339((p_value #>> '{}')::timestamptz))
		when octet_length(p_value::text) > 4096 then jsonb_build_object('sha256', encode(sha256(convert_to(p_value::text, 'UTF8')), 'hex'),
			'bytes', octet_length(p_value::text))
		else p_value end
$$;

-- Arguments: type of the aggregate, column of its id, columns whose values are never shown, columns that are no change, columns that say what the row belongs
-- to (each list parted by commas). Bytes, and what is named like a secret, are never shown, whoever forgets to list them. Who and why
-- comes from the transaction: app.origin is "kind actor credential request" ('-': none), and absent when an operator's command is at work.
create function audit_change() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
declare
	was jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
	now jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
	this jsonb := coalesce(now, was);
	tenant uuid := coalesce(this ->> 'tenant_id', nullif(current_setting('app.current_tenant_id', true), ''));
	origin text[] := string_to_array(coalesce(nullif(current_setting('app.origin', true), ''), 'operator - - -'), ' ');
	ignored text[] := string_to_array(tg_argv[3], ',') || array[tg_argv[1], 'tenant_id', 'created_at', 'updated_at', 'created_by', 'updated_by', 'version',
		'deleted_at', 'deleted_by'];
	covered text[] := string_to_array(tg_argv[2], ',');
	what text := case tg_op when 'INSERT' then 'created' when 'DELETE' then 'purged' else 'updated' end;
	v_before jsonb;
	v_after jsonb;
	hidden jsonb;
	about jsonb;
begin
	-- a user's own row, changed while no tenant is bound
	if tenant is null then
		return null;
	end if;
	if tg_op = 'UPDATE' and (was ->> 'deleted_at' is null) <> (now ->> 'deleted_at' is null) then
		what := case when now ->> 'deleted_at' is null then 'restored' else 'deleted' end;
	end if;
	if tg_op <> 'DELETE' then
		select coalesce(jsonb_object_agg(c.name, audit_value(was -> c.name, c.kind)) filter (where not c.secret), '{}'),
			coalesce(jsonb_object_agg(c.name, audit_value(now -> c.name, c.kind)) filter (where not c.secret), '{}'),
			jsonb_agg(c.name order by c.name) filter (where c.secret)
		into v_before, v_after, hidden
		from (select a.attname::text as name, a.atttypid as kind, a.atttypid = 'bytea'::regtype
				or a.attname ~ '(secret|passw|token|hash|seal|wrap|sha256|cipher|recovery)' or a.attname::text = any (covered) as secret
			from pg_attribute a
			where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped and a.attname::text <> all (ignored)
				and coalesce(was -> a.attname::text, 'null') <> coalesce(now -> a.attname::text, 'null')) c;
		-- A version without a change is one all the same, but for users, whose version counts sessions' ends too.
		if what = 'updated' and v_after = '{}' and hidden is null
			and (was -> 'version' is not distinct from now -> 'version' or this ->> 'tenant_id' is null) then
			return null;
		end if;
	end if;
	select coalesce(jsonb_object_agg(c.name, this -> c.name), '{}') into about
	from unnest(string_to_array(tg_argv[4], ',')) c (name) where this -> c.name <> 'null';
	if hidden is not null then
		about := about || jsonb_build_object('hidden', hidden);
	end if;
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_kind, actor_id, credential_id, request_id, sequence, before, after)
	values (tenant, event_id(), tg_argv[0], (this ->> tg_argv[1])::uuid, what, about, origin[1], nullif(origin[2], '-')::uuid,
		nullif(origin[3], '-')::uuid, nullif(array_to_string(origin[4:], ' '), '-'),
		coalesce((this ->> 'version')::bigint, 1) + case when tg_op = 'DELETE' then 1 else 0 end,
		case when tg_op = 'UPDATE' then v_before end, v_after);
	return null;
end
$$;

grant execute on function event_id(), audit_value(jsonb, oid) to collect_app, collect_public, collect_worker;

-- For the migration that makes a table: its changes are events from now on, or a sentence says why they are not. One of the two is asked of every
-- tenant table by `collect doctor` and by tests/sql/audit_test.sql.
create function audit(p_table regclass, p_aggregate text, p_id text default 'id', p_hidden text default '', p_ignored text default '', p_about text default '',
	p_on text default 'insert or update or delete') returns void
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	execute format('create trigger audit after %s on %s for each row execute function audit_change(%L, %L, %L, %L, %L)', p_on, p_table, p_aggregate, p_id,
		p_hidden, p_ignored, p_about);
end
$$;
create function audit_not(p_table regclass, p_reason text) returns void
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	execute format('comment on table %s is %L', p_table, 'not audited: ' || p_reason);
end
$$;

do $$
begin
	perform audit('memberships', 'member', 'user_id');
	perform audit('projects', 'project');
	perform audit('surveys', 'survey', p_about => 'project_id');
	perform audit('survey_versions', 'survey_version', p_about => 'survey_id,number');
	perform audit('links', 'link', p_about => 'survey_id');
	perform audit('roles', 'role');
	perform audit('invitations', 'invitation');
	perform audit('api_keys', 'api_key', p_ignored => 'last_used_at');
	perform audit('clients', 'client', p_ignored => 'last_used_at');
	perform audit('identity_providers', 'identity_provider');
	perform audit('identities', 'identity', p_ignored => 'last_used_at', p_about => 'user_id');
	perform audit('security_settings', 'security_settings', 'tenant_id');
	perform audit('privacy_settings', 'privacy_settings', 'tenant_id');
	-- a key has no id: its events are the tenant's
	perform audit('data_keys', 'data_key', 'tenant_id', p_about => 'purpose,key_version');
	perform audit('tenants', 'tenant', p_on => 'update');
	perform audit('users', 'user', p_on => 'update');
	perform audit_not('events', 'it is the log');
	perform audit_not('survey_retentions', 'counters and marks of jobs, each step of which appends an event');
	perform audit_not('response_lookups', 'HMACs made of an answer and gone with it: what is known of them is told of the answer');
	perform audit_not('quota_cells', 'counters, written with every answer');
	perform audit_not('idempotency', 'copies of replies, which expire');
	perform audit_not('job_records', 'who asked for a job is an event; how it went stands in its row, and what it changed is audited there');
end
$$;
-- What somebody answered is never copied: it would outlive the answer. That it came is told by the event of its kind. The worker's jobs change and delete
-- answers by the thousand and append one event a step, with their ids.
create trigger audit after update or delete on responses for each row when (current_user <> 'collect_worker')
	execute function audit_change('response', 'id', 'answers,parameters,consents,idempotency_key', '', 'survey_id');
create trigger audit after insert on job_records for each row when (new.created_by is not null)
	execute function audit_change('job', 'id', 'payload,state,result', 'run_at,attempts,max_attempts,progress_done,progress_total', '');

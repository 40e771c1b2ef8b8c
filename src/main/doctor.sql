-- What `collect doctor` asks the database besides the lints of doctor_lint.sql. What is wrong comes as rows of `name`; no row: all is well.

-- name: doctor_server
-- role: owner
select current_setting('server_version_num')::bigint as version, current_setting('server_version') as version_text,
	(select count(*) from pg_database where datname = current_database() and pg_encoding_to_char(encoding) <> 'UTF8') as wrong_encoding

-- Months, from this one on, without a partition of the log.
-- name: doctor_partitions
-- role: owner
select 'events_' || to_char(m, 'YYYY_MM') || ' is missing' as name
from generate_series(date_trunc('month', now()), date_trunc('month', now()) + $1::integer * interval '1 month', interval '1 month') m
where not exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid
	where i.inhparent = to_regclass('collect.events') and c.relname = 'events_' || to_char(m, 'YYYY_MM'))
order by 1

-- Work that nobody does: due for longer than $1 seconds, or failing whenever it comes round.
-- name: doctor_jobs
-- role: owner
select type || ': ' || count(*) || ' due for up to ' || (max(extract(epoch from now() - due_at))::bigint / 60)
	|| ' minutes and not taken; does a worker run, and this type?' as name
from collect.jobs where dead_at is null and due_at < now() - $1::bigint * interval '1 second'
group by type
union all
select type || ' fails: ' || error from collect.jobs where tenant_id is null and error is not null
order by 1

-- name: doctor_job_counts
-- role: owner
select count(*) filter (where dead_at is null and (claim is null or due_at <= now())) || ' queued, '
	|| count(*) filter (where claim is not null and due_at > now()) || ' running, '
	|| count(*) filter (where dead_at is not null) || ' dead' as name
from collect.jobs where tenant_id is not null

-- name: doctor_has_statistics
-- role: owner
select exists (select from pg_extension where extname = 'pg_stat_statements') as installed,
	coalesce(current_setting('shared_preload_libraries', true) ~ 'pg_stat_statements', false) as loaded

-- name: doctor_slowest
-- role: owner
select s.calls, s.mean_exec_time as mean_ms, s.max_exec_time as max_ms, s.total_exec_time as total_ms, s.rows as row_count,
	coalesce(r.rolname::text, '') as login, left(regexp_replace(s.query, '\s+', ' ', 'g'), 100) as query
from public.pg_stat_statements s left join pg_roles r on r.oid = s.userid
where s.dbid = (select oid from pg_database where datname = current_database()) and r.rolname in ('collect_app', 'collect_public', 'collect_worker')
order by s.mean_exec_time desc
limit $1::bigint

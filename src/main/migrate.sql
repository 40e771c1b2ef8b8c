-- Statements of `collect migrate`, run by whoever owns the database.

-- name: migrate_lock
-- role: owner
select pg_try_advisory_lock(hashtextextended('collect.migrate', 0)) as locked

-- name: migrate_known
-- role: owner
select to_regclass('collect.schema_migrations') is not null as known

-- name: migrate_applied
-- role: owner
select name, sha256, applied_at from collect.schema_migrations order by name

-- name: migrate_begin
-- role: owner
begin

-- name: migrate_as_owner
-- role: owner
set local role collect_owner

-- name: migrate_record
-- role: owner
insert into collect.schema_migrations (name, sha256, duration_ms) values ($1, $2, $3)

-- name: migrate_commit
-- role: owner
commit

-- name: migrate_rollback
-- role: owner
rollback

-- name: migrate_partitions
-- role: owner
select ensure_event_partitions($1::integer)::bigint as made

-- A password cannot be a parameter of ALTER ROLE, so it goes through a setting of this transaction. It is a SCRAM verifier already.
-- name: migrate_password_bind
-- role: owner
select set_config('app.login', $1, true), set_config('app.verifier', $2, true)

-- name: migrate_password_set
-- role: owner
do $$ begin
	execute format('alter role %I password %L', current_setting('app.login'), current_setting('app.verifier'));
end $$

-- app.origin says who is at work, for the trigger audit_change().
-- name: tx_bind
-- role: app public worker owner
select set_config('app.current_tenant_id', $1, true), set_config('app.origin', $2, true)

-- name: tx_bind_read
-- role: app public worker owner
select set_config('app.current_tenant_id', $1, true)

-- The projects that somebody who is no member of the whole tenant may see: migration 0054.
-- name: tx_bind_scope
-- role: app
select set_config('app.current_project_scope', $1, true)

-- A scan sends its rows as fast as the client takes them, so the usual statement timeout does not fit it.
-- name: tx_bind_scan
-- role: app public worker owner
select set_config('app.current_tenant_id', $1, true), set_config('statement_timeout', $2, true)

-- A writer runs few statements, all of them with arrays, over and over: a plan made anew for their lengths costs more than a row. $3: how long a statement waits for a lock,
-- where others wait for what the transaction has locked.
-- name: tx_bind_many
-- role: app public worker
select set_config('app.current_tenant_id', $1, true), set_config('app.origin', $2, true), set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('lock_timeout', coalesce($3::text, current_setting('lock_timeout')), true)

-- app.origin says who is at work, for the trigger audit_change().
-- name: tx_bind
-- role: app public worker owner
select set_config('app.current_tenant_id', $1, true), set_config('app.origin', $2, true)

-- name: tx_bind_read
-- role: app public worker owner
select set_config('app.current_tenant_id', $1, true)

-- A scan sends its rows as fast as the client takes them, so the usual statement timeout does not fit it.
-- name: tx_bind_scan
-- role: app public worker owner
select set_config('app.current_tenant_id', $1, true), set_config('statement_timeout', $2, true)

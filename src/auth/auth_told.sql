-- Signing in and out, as the log has it: what C appends by itself is event_append's.

-- name: told_failed
select sign_in_failed($1::text, jsonb_build_object('what', $2::text, 'failures', $3::bigint))

-- In every tenant of the user's.
-- name: told_ended_all
select signed_out_everywhere($1::uuid) as told

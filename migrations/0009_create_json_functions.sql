-- What every statement that builds JSON needs. Not marked immutable, so that the planner may put their bodies in place of the calls.

-- An instant as the API writes it: UTC, milliseconds.
create function rfc3339(p_at timestamptz) returns text
language sql stable parallel safe
as $$ select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- The "next" of a list: base64url of ["sort value","id"] of its last item.
create function cursor_text(p_key text, p_id uuid) returns text
language sql stable parallel safe
as $$ select translate(encode(convert_to(json_build_array(p_key, p_id)::text, 'UTF8'), 'base64'), E'+/=\n', '-_') $$;

grant execute on function rfc3339(timestamptz), cursor_text(text, uuid) to collect_app, collect_public, collect_worker;

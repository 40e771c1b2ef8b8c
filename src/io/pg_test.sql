-- name: test_types
select $1::text as t, $2::uuid as u, $3::bigint as i, $4::float8 as n, $5::boolean as b, $6::timestamptz as at, $7::jsonb as j, $8::bytea as y

-- name: test_small_types
select 7::smallint as i2, -5::integer as i4, 1.5::real as f4, 4000000000::oid as o, 'x'::name as nm, '{"a":1}'::json as js

-- name: test_backend
select pg_backend_pid()::bigint as pid, current_setting('jit') as jit, current_setting('TimeZone') as zone, current_setting('search_path') as path,
	current_setting('application_name') as application

-- name: test_sleep
select pg_sleep($1::float8)

-- name: test_text_length
select length($1::text)::bigint as n

-- name: test_begin
begin

-- name: test_fail_serialization
do $$ begin raise exception 'again' using errcode = '40001'; end $$

-- name: test_numbers
select i, repeat('x', 100) as t from generate_series(1, $1::bigint) i

-- name: test_now
select now() as at

-- name: test_stale
select * from test_stale

-- name: test_warn_insert
insert into test_warn values (1)

-- name: test_tenant
select current_tenant_id() as id

-- name: test_project_add
insert into projects (tenant_id, id, name) values (coalesce($1::uuid, current_tenant_id()), $2, $3)

-- name: test_project_count
select count(*) as n from projects

-- name: test_project_name
select name, version, updated_at > created_at as touched from projects where id = $1

-- name: test_project_json
select jsonb_build_object('name', name) from projects where id = $1

-- name: test_project_rename
update projects set name = $2 where id = $1

-- name: test_project_lock
select name from projects where id = $1 for update

-- name: test_survey_add
insert into surveys (tenant_id, id, project_id, title, definition, language, schema_version)
values (current_tenant_id(), $1, $2, 'T', $3::jsonb, 'en', '1.0')

-- name: test_survey_where
select count(*) as n from surveys where definition @> $1::jsonb

-- name: test_slug_lookup
select tenant_id, link_id from slug_lookup($1)

-- name: test_projects_add_many
insert into projects (tenant_id, id, name) select current_tenant_id(), id, name from unnest($1::uuid[], $2::text[]) t (id, name)
on conflict do nothing returning id

-- name: test_seats_take
update test_seats set used = used + $1::bigint where used + $1 <= lim returning used

-- name: test_arrays
select ($1::uuid[])[1] as u, ($2::text[])[2] as t, array_length($3::bigint[], 1)::bigint as i, ($3::bigint[])[1] as first, ($4::float8[])[1] as n, ($5::boolean[])[1] as b,
	($6::timestamptz[])[1] as at, ($7::jsonb[])[1] as j, ($8::bytea[])[1] as y, cardinality($9::text[])::bigint as none, ($2::text[])[1] is null as missing

-- One action on many answers, a page a transaction.

-- How many there are: $3 is search (words and values), plain (the row), or ids ($4).
-- name: response_action_count
-- role: worker
select case $3::text
	when 'search' then (select count(*) from search_responses($1::uuid, $2::jsonb, false, null, null, null))
	when 'plain' then (select count(*) from responses r where r.survey_id = $1 and r.deleted_at is null and search_row(r, (select $2 || jsonb_build_object('test_links', test_links($1))))
		and (not $2 ? 'created_from' or r.created_at >= ($2 ->> 'created_from')::timestamptz) and (not $2 ? 'created_to' or r.created_at < ($2 ->> 'created_to')::timestamptz))
	else jsonb_array_length($4::jsonb) end as n, clock_timestamp()::text as until

-- The next ones after ($5, $6), in the order of creation; what came after the action began ($8) is not meant.
-- name: response_action_page
-- role: worker
with page as (
	(select f.id, f.at from search_responses($1::uuid, $2::jsonb, false, $5::text::timestamptz, $6::uuid, $7::bigint) f where $3::text = 'search')
	union all
	(select r.id, r.created_at from responses r
	where $3 = 'plain' and r.survey_id = $1 and r.deleted_at is null and ($5 is null or (r.created_at, r.id) > ($5::timestamptz, $6)) and search_row(r, (select $2 || jsonb_build_object('test_links', test_links($1))))
		and (not $2 ? 'created_from' or r.created_at >= ($2 ->> 'created_from')::timestamptz) and (not $2 ? 'created_to' or r.created_at < ($2 ->> 'created_to')::timestamptz)
	order by r.created_at, r.id limit $7)
	union all
	(select r.id, r.created_at from responses r
	where $3 = 'ids' and r.survey_id = $1 and ($5 is null or (r.created_at, r.id) > ($5::timestamptz, $6))
		and r.id in (select i::uuid from jsonb_array_elements_text($4::jsonb) i)
	order by r.created_at, r.id limit $7)
)
select coalesce((select jsonb_agg(p.id order by p.id) from page p where p.at <= $8::text::timestamptz), '[]') as ids, (select count(*) from page) as n,
	coalesce((select p.at::text from page p order by p.at desc, p.id desc limit 1), '') as at, (select p.id from page p order by p.at desc, p.id desc limit 1) as id

-- Rows are locked in the order in which the respondents' writers lock them (response_save_many).
-- name: response_action_apply
-- role: worker
with held as materialized (
	select r.id from responses r where r.survey_id = $1::uuid and r.id in (select i::uuid from jsonb_array_elements_text($2::jsonb) i)
		and case $3::text when 'reject' then r.deleted_at is null and r.status not in ('rejected', 'started', 'in_progress')
			when 'delete' then r.deleted_at is null
			else r.deleted_at is not null or r.status = 'rejected' end
	order by r.idempotency_key, r.id for no key update
), done as (
	update responses r set
		status = case when $3 = 'reject' then 'rejected' when $3 = 'restore' and r.deleted_at is null then r.rejected_from else r.status end,
		rejected_from = case when $3 = 'reject' then r.status when $3 = 'restore' and r.deleted_at is null then null else r.rejected_from end,
		reject_reason = case when $3 = 'reject' then $4::text when $3 = 'restore' and r.deleted_at is null then null else r.reject_reason end,
		deleted_at = case $3 when 'delete' then now() when 'restore' then null else r.deleted_at end,
		deleted_by = case $3 when 'delete' then $5::uuid when 'restore' then null else r.deleted_by end,
		updated_by = $5
	from held where r.survey_id = $1 and r.id = held.id
	returning r.id
)
select count(*) as n, coalesce(jsonb_agg(id order by id), '[]') as ids from done

-- name: response_action_survey
select true as there from surveys s where s.id = $1::uuid and s.deleted_at is null

-- name: response_action_link
select true as there from links l where l.survey_id = $1::uuid and l.id = $2::uuid

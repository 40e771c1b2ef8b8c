-- What is doubtful about answers, noted by the job that follows the log.

-- Of these answers (as search_next names them) the completed ones: faster than a share of the median of the last thousand; a matrix that has one answer in all
-- its rows; a clock that went astray or backwards on a device. What is sealed as a whole shows no matrix. Answers that did not change are not touched.
-- name: responses_flag
-- role: worker
with w as (
	select x.survey_id, x.id from jsonb_to_recordset($1::jsonb) x (survey_id uuid, id uuid)
), fresh as materialized (
	select r.survey_id, r.id, r.survey_version, r.duration_ms, r.answers, r.paradata -> 'offline' as offline, r.flags, coalesce(s.speeder_percent, 33) as percent,
		coalesce(s.straight_rows, 5) as rows
	from w join responses r on r.survey_id = w.survey_id and r.id = w.id join surveys s on s.id = w.survey_id
	where r.status = 'completed' and r.deleted_at is null
), usual as materialized (
	select s.survey_id, l.median from (select distinct survey_id from fresh) s, lateral (
		select case when count(*) >= 30 then percentile_cont(0.5) within group (order by d.duration_ms) end as median
		from (select r.duration_ms from responses r
			where r.survey_id = s.survey_id and r.status = 'completed' and r.deleted_at is null and r.duration_ms is not null
				and not exists (select from links k where k.id = r.link_id and k.kind = 'test')
			order by r.completed_at desc limit 1000) d) l
), matrices as materialized (
	select v.survey_id, v.number, q.value ->> 'name' as name
	from (select distinct survey_id, survey_version from fresh) s join survey_versions v on v.survey_id = s.survey_id and v.number = s.survey_version,
		lateral jsonb_path_query(v.definition, '$.survey.pages[*].questions[*] ? (@.type == "matrix")') q (value)
), straight as materialized (
	select distinct s.survey_id, s.id
	from fresh s join matrices m on m.survey_id = s.survey_id and m.number = s.survey_version, lateral (
		select count(*) as n, count(distinct a.value) as kinds
		from jsonb_each(case when jsonb_typeof(s.answers -> m.name) = 'object' then s.answers -> m.name else '{}' end) a) c
	where s.rows > 0 and c.n >= s.rows and c.kinds = 1
), found as (
	select s.survey_id, s.id, nullif(array_remove(array[
		case when s.duration_ms * 100 < u.median * s.percent then 'speeder' end,
		case when t.id is not null then 'straight_lining' end,
		case when s.offline -> 'astray' = 'true' or s.offline -> 'turned' = 'true' then 'time_travel' end], null), '{}') as flags
	from fresh s join usual u on u.survey_id = s.survey_id left join straight t on t.survey_id = s.survey_id and t.id = s.id
), done as (
	update responses r set flags = f.flags from found f where r.survey_id = f.survey_id and r.id = f.id and r.flags is distinct from f.flags
	returning 1
)
select count(*) as n from done

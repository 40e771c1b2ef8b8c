-- What is doubtful about answers, noted by the job that follows the log.

-- Of these answers (as search_next names them) the completed ones: faster than a share of the median of the last thousand; a matrix that has one answer in all
-- its rows; a clock that went astray or backwards on a device; more than one of a device, a panelist, a text (response_prints). What is sealed as a whole shows no matrix. Answers that
-- did not change are not touched. Of two that are alike the later is flagged: who came later is the order in which this statement saw them (noted_at, in one batch the time of completion),
-- because it sees each once it is committed, and what was held on devices comes in when it comes. What the way in noted (honeypot, no_proof) stays.
-- name: responses_flag
-- role: worker
with w as (
	select x.survey_id, x.id from jsonb_to_recordset($1::jsonb) x (survey_id uuid, id uuid)
), fresh as materialized (
	select r.survey_id, r.id, r.survey_version, r.duration_ms, r.answers, r.paradata -> 'offline' as offline, r.flags, r.completed_at, coalesce(s.speeder_percent, 33) as percent,
		coalesce(s.straight_rows, 5) as rows, coalesce(s.device_answers, 0) as device_answers, coalesce(s.panelist_answers, 1) as panelist_answers, coalesce(s.duplicate_chars, 80) as chars
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
), mine as materialized (
	select p.survey_id, p.response_id as id, p.kind, p.print, coalesce(p.noted_at, now()) as noted_at, s.completed_at,
		case p.kind when 'device' then s.device_answers when 'panelist' then s.panelist_answers else (s.chars > 0 and p.chars >= s.chars)::integer end as allowed
	from fresh s join response_prints p on p.survey_id = s.survey_id and p.response_id = s.id
), again as materialized (
	select m.survey_id, m.id, array_agg(distinct m.kind) as kinds
	from mine m, lateral (select count(*) as n from (
		select from response_prints o join responses r on r.survey_id = o.survey_id and r.id = o.response_id
			left join mine x on x.survey_id = o.survey_id and x.id = o.response_id and x.kind = o.kind and x.print = o.print
		where o.survey_id = m.survey_id and o.kind = m.kind and o.print = m.print and o.response_id <> m.id and r.status = 'completed' and r.deleted_at is null
			and (coalesce(o.noted_at, x.noted_at), r.completed_at, r.id) < (m.noted_at, m.completed_at, m.id)
		limit m.allowed) o) before
	where m.allowed > 0 and before.n >= m.allowed
	group by m.survey_id, m.id
), noted as (
	update response_prints p set noted_at = m.noted_at from mine m
	where p.survey_id = m.survey_id and p.response_id = m.id and p.kind = m.kind and p.print = m.print and p.noted_at is null
), found as (
	select s.survey_id, s.id, nullif(array_remove(array[
		case when s.duration_ms * 100 < u.median * s.percent then 'speeder' end,
		case when t.id is not null then 'straight_lining' end,
		case when s.offline -> 'astray' = 'true' or s.offline -> 'turned' = 'true' then 'time_travel' end,
		case when 'device' = any (g.kinds) then 'duplicate_device' end,
		case when 'panelist' = any (g.kinds) then 'duplicate_panelist' end,
		case when 'text' = any (g.kinds) then 'duplicate_text' end,
		case when 'honeypot' = any (s.flags) then 'honeypot' end,
		case when 'no_proof' = any (s.flags) then 'no_proof' end], null), '{}') as flags
	from fresh s join usual u on u.survey_id = s.survey_id left join straight t on t.survey_id = s.survey_id and t.id = s.id
		left join again g on g.survey_id = s.survey_id and g.id = s.id
), done as (
	update responses r set flags = f.flags from found f where r.survey_id = f.survey_id and r.id = f.id and r.flags is distinct from f.flags
	returning 1
)
select count(*) as n from done

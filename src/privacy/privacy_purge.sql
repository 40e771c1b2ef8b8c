-- What was deleted so long ago that nobody brings it back: children first, a batch a statement; each answers how many rows it took.
-- $1: days, $2: at most so many rows.

-- Answers of deleted surveys go with them; of others those that were deleted, and deleted ones that are beyond an age which their survey says.
-- name: purge_responses
-- role: worker
with old as materialized (
	select r.survey_id, r.id from surveys s, lateral (
		select r.survey_id, r.id from responses r where r.survey_id = s.id
			and (s.deleted_at < now() - make_interval(days => $1::bigint::integer)
				or r.deleted_at < now() - make_interval(days => $1::bigint::integer)
				or (r.deleted_at is not null and r.created_at < now() - make_interval(days => least(s.answers_days, s.personal_days, s.paradata_days))))
		limit $2::bigint) r
	limit $2
), gone as (
	delete from responses r using old where r.survey_id = old.survey_id and r.id = old.id returning r.id
)
select count(*) as n, coalesce(jsonb_agg(id), '[]') as ids from gone

-- A link that an answer came by stays with the answer. Its address stays its tenant's: nobody else is to get what is printed on posters.
-- name: purge_links
-- role: worker
with old as materialized (
	select l.id from links l join surveys s on s.id = l.survey_id
	where (l.deleted_at < now() - make_interval(days => $1::bigint::integer) or s.deleted_at < now() - make_interval(days => $1::bigint::integer))
		and not exists (select from responses r where r.survey_id = l.survey_id and r.link_id = l.id)
	limit $2::bigint
), gone as (
	delete from links l using old where l.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_quota_cells
-- role: worker
with old as materialized (
	select q.survey_id, q.quota, q.cell from quota_cells q join surveys s on s.id = q.survey_id
	where s.deleted_at < now() - make_interval(days => $1::bigint::integer) limit $2::bigint
), gone as (
	delete from quota_cells q using old where q.survey_id = old.survey_id and q.quota = old.quota and q.cell = old.cell returning 1
)
select count(*) as n from gone

-- name: purge_retentions
-- role: worker
with old as materialized (
	select t.survey_id from survey_retentions t join surveys s on s.id = t.survey_id
	where s.deleted_at < now() - make_interval(days => $1::bigint::integer) limit $2::bigint
), gone as (
	delete from survey_retentions t using old where t.survey_id = old.survey_id returning 1
)
select count(*) as n from gone

-- Survey and version point at each other.
-- name: purge_unpublish
-- role: worker
with old as materialized (
	select s.id from surveys s where s.deleted_at < now() - make_interval(days => $1::bigint::integer) and s.published_version is not null
		and not exists (select from responses r where r.survey_id = s.id) limit $2::bigint
), done as (
	update surveys s set published_version = null from old where s.id = old.id returning 1
)
select count(*) as n from done

-- A version that somebody answered stays as long as the answer.
-- name: purge_versions
-- role: worker
with old as materialized (
	select v.id from survey_versions v join surveys s on s.id = v.survey_id
	where (v.deleted_at < now() - make_interval(days => $1::bigint::integer) or s.deleted_at < now() - make_interval(days => $1::bigint::integer))
		and s.published_version is distinct from v.number
		and not exists (select from responses r where r.survey_id = v.survey_id and r.survey_version = v.number)
	limit $2::bigint
), gone as (
	delete from survey_versions v using old where v.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_surveys
-- role: worker
with old as materialized (
	select s.id from surveys s
	where s.deleted_at < now() - make_interval(days => $1::bigint::integer) and not exists (select from survey_versions v where v.survey_id = s.id)
		and not exists (select from links l where l.survey_id = s.id) and not exists (select from quota_cells q where q.survey_id = s.id)
		and not exists (select from survey_retentions t where t.survey_id = s.id)
	limit $2::bigint
), gone as (
	delete from surveys s using old where s.id = old.id returning 1
)
select count(*) as n from gone

-- Roles that were taken back, and those in deleted projects.
-- name: purge_project_members
-- role: worker
with old as materialized (
	select m.project_id, m.user_id from project_members m join projects p on p.id = m.project_id
	where m.deleted_at < now() - make_interval(days => $1::bigint::integer) or p.deleted_at < now() - make_interval(days => $1::bigint::integer)
	limit $2::bigint
), gone as (
	delete from project_members m using old where m.project_id = old.project_id and m.user_id = old.user_id returning 1
)
select count(*) as n from gone

-- name: purge_projects
-- role: worker
with old as materialized (
	select p.id from projects p where p.deleted_at < now() - make_interval(days => $1::bigint::integer)
		and not exists (select from surveys s where s.project_id = p.id) and not exists (select from project_members m where m.project_id = p.id)
	limit $2::bigint
), gone as (
	delete from projects p using old where p.id = old.id returning 1
)
select count(*) as n from gone

-- Those taken back, those that nobody took, and those that were taken long ago: they hold somebody's address, and have no use any more.
-- name: purge_invitations
-- role: worker
with old as materialized (
	select i.id from invitations i
	where i.deleted_at < now() - make_interval(days => $1::bigint::integer)
		or coalesce(i.accepted_at, i.expires_at) < now() - make_interval(days => $1::bigint::integer)
	limit $2::bigint
), gone as (
	delete from invitations i using old where i.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_keys
-- role: worker
with old as materialized (
	select k.id from api_keys k where k.deleted_at < now() - make_interval(days => $1::bigint::integer) limit $2::bigint
), gone as (
	delete from api_keys k using old where k.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_clients
-- role: worker
with old as materialized (
	select c.id from clients c where c.deleted_at < now() - make_interval(days => $1::bigint::integer) limit $2::bigint
), gone as (
	delete from clients c using old where c.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_identities
-- role: worker
with old as materialized (
	select i.id from identities i where i.deleted_at < now() - make_interval(days => $1::bigint::integer) limit $2::bigint
), gone as (
	delete from identities i using old where i.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_providers
-- role: worker
with old as materialized (
	select p.id from identity_providers p where p.deleted_at < now() - make_interval(days => $1::bigint::integer) limit $2::bigint
), gone as (
	delete from identity_providers p using old where p.id = old.id returning 1
)
select count(*) as n from gone

-- name: purge_roles
-- role: worker
with old as materialized (
	select r.id from roles r where r.deleted_at < now() - make_interval(days => $1::bigint::integer)
		and not exists (select from memberships m where m.role_id = r.id) and not exists (select from invitations i where i.role_id = r.id)
		and not exists (select from identity_providers p where p.role_id = r.id) and not exists (select from project_members m where m.role_id = r.id)
	limit $2::bigint
), gone as (
	delete from roles r using old where r.id = old.id returning 1
)
select count(*) as n from gone

-- First replies are kept for a day; who sends no more requests has nobody to throw them away.
-- name: purge_replies
-- role: worker
with old as materialized (
	select i.user_id, i.key from idempotency i where i.created_at <= now() - interval '24 hours' and $1::bigint > 0 limit $2::bigint
), gone as (
	delete from idempotency i using old where i.user_id = old.user_id and i.key = old.key returning 1
)
select count(*) as n from gone

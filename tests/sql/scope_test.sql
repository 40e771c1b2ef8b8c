-- What a transaction sees whose caller has roles in single projects only: each login, each table that belongs to a project, each verb.
create function probe.scoped(p_scope text, p_sql text) returns text language plpgsql as $$
begin
	perform set_config('app.current_project_scope', p_scope, true);
	return probe.try(probe.tenant('a')::text, p_sql);
end
$$;
-- A second project with a survey, a version and a link.
do $$
declare
	t uuid := probe.tenant('a');
	i uuid := '00000000-0000-7000-8000-000000000098';
begin
	insert into collect.projects (tenant_id, id, name) values (t, i, 'Other');
	insert into collect.project_members (tenant_id, project_id, user_id, role) values (t, i, '00000000-0000-7000-8000-0000000000a1', 'viewer');
	insert into collect.surveys (tenant_id, id, project_id, title, definition, language) values (t, i, i, 'Other', '{}', 'en');
	insert into collect.survey_versions (tenant_id, id, survey_id, number, definition, program, program_sha256, title, languages)
		values (t, i, i, 1, '{}', '\x00', repeat('0', 64), 'Survey', '{en}');
	insert into collect.links (tenant_id, id, survey_id, slug, secret) values (t, i, i, 'other', '\x00');
end
$$;
create table probe.below (relation text, project text);
insert into probe.below values ('projects', 'id'), ('project_members', 'project_id'), ('surveys', 'project_id'), ('survey_versions', 'survey_id'), ('links', 'survey_id');
grant select on probe.below to public;

select probe.is(string_agg(c.relname, ' ' order by c.relname), (select string_agg(relation, ' ' order by relation) from probe.below), 'the tables that hide what belongs to hidden projects')
from pg_policy p join pg_class c on c.oid = p.polrelid where p.polname = 'project_scope';

create function probe.scopes() returns setof text language plpgsql as $$
declare
	b record;
	s record;
begin
	for b in select * from probe.below where has_any_column_privilege('collect.' || relation, 'select') order by relation loop
		for s in values ('', 2), ('{}', 0), ('{00000000-0000-7000-8000-000000000098}', 1), ('{00000000-0000-7000-8000-000000000098,00000000-0000-7000-8000-000000000099}', 2),
				('{00000000-0000-7000-8000-000000000097}', 0) loop
			return next probe.is(probe.scoped(s.column1, format('select 1 from collect.%I', b.relation)), 'rows ' || s.column2,
				format('%s sees %s of %s with the scope %L', session_user, s.column2, b.relation, s.column1));
		end loop;
		if has_any_column_privilege('collect.' || b.relation, 'update') then
			return next probe.is(probe.scoped('{00000000-0000-7000-8000-000000000098}', format('update collect.%1$I set %2$I = %2$I', b.relation,
				(select attname from pg_attribute where attrelid = ('collect.' || b.relation)::regclass and attnum > 0
					and has_column_privilege(attrelid, attnum, 'update') limit 1))),
				'rows 1', format('%s changes the one it sees of %s', session_user, b.relation));
		end if;
		if has_table_privilege('collect.' || b.relation, 'delete') then
			return next probe.is(probe.scoped('{}', format('delete from collect.%I', b.relation)), 'rows 0', format('%s deletes nothing hidden of %s', session_user, b.relation));
		end if;
		return next probe.like(probe.scoped('{garbage}', format('select 1 from collect.%I', b.relation)), '^22P02', format('%s: garbage for a scope shows nothing of %s', session_user, b.relation));
	end loop;
end
$$;

\connect - collect_app
select probe.scopes();
select probe.like(probe.scoped('{00000000-0000-7000-8000-000000000098}', $$insert into surveys (tenant_id, id, project_id, title, definition, language)
	values (current_tenant_id(), gen_random_uuid(), '00000000-0000-7000-8000-000000000099', 'x', '{}', 'en')$$), '^42501 new row violates row-level security', 'nothing is made in a hidden project');
select probe.like(probe.scoped('{00000000-0000-7000-8000-000000000098}', $$update surveys set project_id = '00000000-0000-7000-8000-000000000099'$$),
	'^42501 new row violates row-level security', 'nothing is moved into a hidden project');
select probe.is(probe.scoped('{00000000-0000-7000-8000-000000000098}', $$select 1 where project_roles_held('00000000-0000-7000-8000-0000000000a1') = 2
	and current_setting('app.current_project_scope') = '{00000000-0000-7000-8000-000000000098}' and (select count(*) from project_members) = 1$$), 'rows 1',
	'roles are counted in hidden projects too, after which these are as hidden');
select probe.is(probe.scoped('{00000000-0000-7000-8000-000000000098}', $$update surveys set title = 'x' where project_id = '00000000-0000-7000-8000-000000000098'$$), 'rows 1', 'what is seen is changed');
begin;
select set_config('app.current_project_scope', '{}', true) \gset ignored_
commit;
select probe.is(probe.try(probe.tenant('a')::text, 'select 1 from collect.projects'), 'rows 2', 'a scope ends with its transaction');
\connect - collect_worker
select probe.scopes();

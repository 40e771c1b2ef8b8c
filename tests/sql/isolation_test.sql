-- Every relation x every verb x (bound to a, unbound, garbage, bound to a tenant that never was), as each login: what is not granted is refused, and what is granted
-- touches nothing of tenant b. Expectations come from the grants; that the grants are the right ones is grants_test.sql's business.
create function probe.privilege(p_verb text) returns text language sql immutable as $$
	select case p_verb when 'UPSERT' then 'INSERT' when 'MERGE' then 'DELETE' when 'COPY' then 'INSERT' else p_verb end $$;

create function probe.granted(p_relation text, p_verb text) returns boolean language sql stable as $$
	select case when probe.privilege(p_verb) in ('SELECT', 'INSERT', 'UPDATE')
		then has_any_column_privilege('collect.' || p_relation, probe.privilege(p_verb))
		else has_table_privilege('collect.' || p_relation, probe.privilege(p_verb)) end $$;

-- The columns that the caller may use for p_privilege, or all of them when there are none (then the statement is to be refused).
create function probe.columns(p_relation text, p_privilege text) returns text[] language sql stable as $$
	select coalesce(array_agg(attname::text) filter (where has_column_privilege(attrelid, attnum, p_privilege)), array_agg(attname::text))
	from pg_attribute where attrelid = ('collect.' || p_relation)::regclass and attnum > 0 and not attisdropped $$;

create function probe.statement(p_relation text, p_verb text, p_row jsonb) returns text language plpgsql stable as $$
declare
	cols text;
	filter text := case when p_row is null then 'true' else 'tenant_id = probe.tenant(''b'')' end;
	inserting text;
begin
	select string_agg(quote_ident(c), ', ') into cols from unnest(probe.columns(p_relation, 'INSERT')) c;
	inserting := format('insert into collect.%1$I (%2$s) select %2$s from jsonb_populate_record(null::collect.%1$I, %3$L::jsonb)', p_relation, cols,
		coalesce(p_row, '{}'));
	return case p_verb
		when 'SELECT' then format('select 1 from collect.%I where %s', p_relation, filter)
		when 'INSERT' then inserting
		when 'UPSERT' then inserting || ' on conflict do nothing'
		when 'UPDATE' then (select format('update collect.%1$I set %2$I = %2$I where %3$s', p_relation, (probe.columns(p_relation, 'UPDATE'))[1], filter))
		when 'DELETE' then format('delete from collect.%I where %s', p_relation, filter)
		when 'MERGE' then format('merge into collect.%I using (values (1)) v (x) on %s when matched then delete', p_relation, filter)
		when 'COPY' then format('copy collect.%I from ''/dev/null''', p_relation)
		when 'TRUNCATE' then format('truncate collect.%I', p_relation) end;
end
$$;

-- How many rows of tenant b a cheap and talkative condition gets to see while a is bound.
create sequence probe.seen;
grant usage, update on sequence probe.seen to public;
create function probe.leak(p_tenant uuid) returns boolean language plpgsql cost 0.0000001 as $$
begin
	if p_tenant = probe.tenant('b') then
		perform nextval('probe.seen');
	end if;
	return true;
end
$$;
create function probe.leaked(p_relation text) returns text language plpgsql as $$
begin
	perform setval('probe.seen', 1);
	perform probe.try(probe.tenant('a')::text, format('select 1 from collect.%I where probe.leak(tenant_id)', p_relation));
	return (nextval('probe.seen') - 2)::text;
end
$$;

create function probe.wanted(p_kind text, p_granted boolean, p_verb text, p_binding text) returns text language sql immutable as $$
	select case
		when p_kind = 'global' or p_binding in ('bound', 'nobody') and (p_kind <> 'tenant' or not p_granted) or p_verb in ('TRUNCATE', 'COPY')
			then '^42501 (permission denied|must be)'
		-- the planner may ask for the tenant before the executor asks for the grant: either refuses
		when p_kind <> 'tenant' or not p_granted then '^(42501|42704|22P02) '
		when p_binding in ('unbound', 'garbage') then '^(42704|22P02) '
		when p_verb in ('INSERT', 'UPSERT') then '^42501 new row violates row-level security'
		else '^rows 0$' end $$;

create function probe.matrix() returns setof text language plpgsql as $$
declare
	s record;
	verb text;
	binding text;
begin
	-- first of all, in a session where nothing was ever bound
	begin
		perform count(*) from collect.survey_versions;
		return next 'not ok - ' || session_user || ': never bound, yet survey_versions answers';
	exception when undefined_object then
		return next 'ok - ' || session_user || ': never bound: raises';
	end;
	for s in select * from probe.samples order by kind, relation loop
		foreach verb in array array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'UPSERT', 'MERGE', 'COPY', 'TRUNCATE'] loop
			foreach binding in array array['bound', 'unbound', 'garbage', 'nobody'] loop
				return next probe.like(
					probe.try(case binding when 'bound' then probe.tenant('a')::text when 'nobody' then probe.tenant('c')::text
						when 'garbage' then 'robert''); drop' else '' end,
						probe.statement(s.relation, verb, s.row_b)),
					probe.wanted(s.kind, probe.granted(s.relation, verb), verb, binding),
					format('%s: %s %s, %s', session_user, verb, s.relation, binding));
			end loop;
		end loop;
		if s.kind = 'tenant' and probe.granted(s.relation, 'SELECT') then
			return next probe.is(probe.try(probe.tenant('a')::text, format('select 1 from collect.%I', s.relation)), 'rows ' || s.own_rows,
				format('%s: sees its own of %s and nothing else', session_user, s.relation));
			return next probe.is(probe.try(probe.tenant('c')::text, format('select 1 from collect.%I', s.relation)), 'rows 0',
				format('%s: a tenant that never was sees nothing of %s', session_user, s.relation));
			-- the condition is cheaper than the policy and would be asked first, if row security let it
			return next probe.is(probe.leaked(s.relation), '0', format('%s: no condition sees a row of another in %s', session_user, s.relation));
		end if;
	end loop;
end
$$;

select probe.like(coalesce(row_b::text, 'none') || ' ' || own_rows, '^\{.* [1-9]', 'rows of both tenants in ' || relation || ' (if not: a line in tests/sql/seed.sql)')
from probe.samples where kind = 'tenant' order by relation;
select probe.is(probe.leaked('projects'), '1', 'the talkative condition talks: a superuser has it see the row of tenant b');

\connect - collect_app
select probe.matrix();
\connect - collect_public
select probe.matrix();
\connect - collect_worker
select probe.matrix();

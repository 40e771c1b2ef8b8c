-- The functions that run as their owner reach tables without row security, so what they ask of the tenant is all there is. Each is called bound to tenant a with
-- what is tenant b's: it has to look as if it never was, and nothing that is not tenant a's may change. The same call in its own tenant finds
-- something, or the line would show nothing. A function that is in none of the lists here fails the test.
\set a '00000000-0000-7000-8000-00000000000a'
\set b '00000000-0000-7000-8000-00000000000b'
\set system '00000000-0000-7000-8000-000000000000'

-- ---- what each tenant has for itself: ids begin with aaaaaaaa or bbbbbbbb ----

create function probe.own(p_letter text, p_n text) returns uuid language sql immutable
	as $$ select (repeat(p_letter, 8) || '-0000-7000-8000-' || lpad(p_n, 12, '0'))::uuid $$;
create function probe.furnish(p_letter text) returns void language plpgsql as $$
declare
	t uuid := probe.tenant(p_letter);
	plain uuid := probe.own(p_letter, '1'); -- a member without a second factor
	gone uuid := probe.own(p_letter, '2'); -- one who has left
	s uuid := probe.own(p_letter, '3');
begin
	perform set_config('app.current_tenant_id', t::text, true);
	insert into users (id, email, name, password_hash, locale) values (plain, 'plain-' || p_letter || '@example.com', 'Plain ' || p_letter, 'old', 'en'),
		(gone, 'gone-' || p_letter || '@example.com', 'Gone ' || p_letter, 'old', 'en');
	insert into memberships (tenant_id, user_id, role) values (t, plain, 'viewer');
	insert into memberships (tenant_id, user_id, role, deleted_at) values (t, gone, 'viewer', now());
	insert into identities (tenant_id, id, user_id, issuer, subject, confirmed) values (t, probe.own(p_letter, '4'), gone, 'https://id.example', 'gone', false);
	update second_factors set confirmed_at = now(), recovery = '{one,two}' where user_id = ('00000000-0000-7000-8000-0000000000' || p_letter || '1')::uuid;
	insert into identity_providers (tenant_id, id, name, issuer, client_id, scopes, role, email_domains)
		values (t, probe.own(p_letter, '5'), 'Gives', 'https://gives.example', 'c', '{openid}', 'viewer', '{example.com}');
	insert into identity_providers (tenant_id, id, name, issuer, client_id, scopes)
		values (t, probe.own(p_letter, '6'), 'Gives nothing', 'https://no.example', 'c', '{openid}');
	insert into invitations (tenant_id, id, email, role, expires_at) values (t, probe.own(p_letter, '7'), 'fresh@example.com', 'viewer', now() + interval '1 day');
	insert into surveys (tenant_id, id, project_id, title, definition, language) values (t, s, '00000000-0000-7000-8000-000000000099', 'Own', '{}', 'en');
	insert into survey_versions (tenant_id, id, survey_id, number, definition, program, program_sha256, title, languages)
		values (t, s, s, 1, '{}', '\x00', repeat('0', 64), 'Own', '{en}');
	insert into links (tenant_id, id, survey_id, slug, secret) values (t, probe.own(p_letter, '8'), s, 'own-' || p_letter, '\x00');
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, idempotency_key)
		values (t, s, probe.own(p_letter, '9'), probe.own(p_letter, '8'), 1, 'completed', 'en', '{}', 'own');
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind)
		values (t, uuid_floor(now()), 'response', probe.own(p_letter, '9'), 'completed', jsonb_build_object('survey_id', s), 1, 'respondent');
	insert into response_search (tenant_id, survey_id, response_id, responded_at, text, stale) values (t, s, probe.own(p_letter, '9'), now(), 'words', true);
	-- a job that is given up, and one that waits
	insert into jobs (id, tenant_id, type, ref, due_at, dead_at) values (probe.own(p_letter, 'a'), t, 'x.y', 'dead', now(), now());
	insert into jobs (id, tenant_id, type, ref, due_at) values (probe.own(p_letter, 'b'), t, 'x.y', 'waits', now());
end
$$;
select probe.furnish('a'), probe.furnish('b') \g /dev/null
-- what tenant b has chosen, and a has not
select set_config('app.current_tenant_id', :'b', false) \g /dev/null
update security_settings set require_second_factor = true where tenant_id = :'b';
delete from second_factors where user_id = '00000000-0000-7000-8000-0000000000a1';
insert into second_factors (user_id, sealed, key_version, confirmed_at, recovery) values ('00000000-0000-7000-8000-0000000000a1', '\x01', 1, now(), '{one,two}');
update tenants set settings = settings || '{"seal_answers": true}' where id = :'b';
update search_marks set xid = '9000000000000000000' where tenant_id = :'a';
select set_config('app.current_tenant_id', '', false) \g /dev/null

-- A checksum of all that is not tenant a's, whoever asks.
create function probe.others() returns text language plpgsql security definer set search_path = collect, pg_temp as $$
declare
	c record;
	n text;
	sums text := '';
begin
	for c in select relation, exists (select from pg_attribute where attrelid = ('collect.' || relation)::regclass and attname = 'tenant_id') as owned
		from probe.samples where kind <> 'partition' order by relation loop
		execute format('select md5(string_agg(md5(t::text), '''' order by md5(t::text))) from %I t where %s', c.relation, case
			when c.owned then 'tenant_id is distinct from probe.tenant(''a'')'
			when c.relation = 'tenants' then 'id <> probe.tenant(''a'')'
			when c.relation = 'users' then $c$id::text !~ '^(a{8}|0{8}.*a1$)'$c$
			when c.relation in ('second_factors', 'user_devices') then $c$user_id::text !~ '^(a{8}|0{8}.*a1$)'$c$
			else 'true' end) into n;
		sums := sums || c.relation || coalesce(n, '') || ' ';
	end loop;
	return sums;
end
$$;

-- What a call says, bound to a tenant, and whether it changed anything of another one than a; it is undone.
create function probe.ask(p_binding text, p_sql text) returns text language plpgsql as $$
declare
	got text;
	was text;
begin
	perform set_config('app.current_tenant_id', p_binding, true);
	begin
		was := probe.others();
		execute format('select string_agg(r::text, '' '') from (%s) r', p_sql) into got;
		raise sqlstate 'PT001' using message = coalesce(got, 'nothing')
			|| case when p_binding = probe.tenant('a')::text and probe.others() <> was then ' AND CHANGES WHAT IS ANOTHER TENANT''S' else '' end;
	exception
		when sqlstate 'PT001' then return sqlerrm;
		when others then return sqlstate || ' ' || sqlerrm;
	end;
end
$$;

-- ---- those that are given an id, an address or a name ----

-- :it is the id (:own the first digits of the tenant's own ids); a, b and one that never was.
create table probe.calls (n bigserial, login text, sql text, a text, b text, never text);
grant select on probe.calls to public;
create function probe.each(p_login text, p_a text, p_b text, p_never text, variadic p_sql text[]) returns void language sql
	as $$ insert into probe.calls (login, sql, a, b, never) select p_login, s, p_a, p_b, p_never from unnest(p_sql) s $$;
select probe.each('collect_app', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000c1',
	$$select device_seen(:it, '\x77')$$,
	$$select devices_end(:it)$$,
	$$select * from member_lookup(:it)$$,
	$$select profile_set(:it, 'Renamed', null)$$,
	$$select project_roles_held(:it)$$,
	$$select own_projects(:it)$$,
	$$select * from second_factor_get(:it)$$,
	$$select second_factor_codes(:it, '{three}', true)$$,
	$$select second_factor_recover(:it, 'one')$$,
	$$select second_factor_remove(:it)$$,
	$$select second_factor_step(:it, 77, true)$$,
	$$select signed_out_everywhere(:it)$$,
	$$select user_keys_end(:it)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', '1')::text, probe.own('b', '1')::text, probe.own('c', '1')::text, $$select second_factor_start(:it, '\x01', 1)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', '5')::text, probe.own('b', '5')::text, probe.own('c', '5')::text,
	$$select * from identity_join(:it, probe.own('a', 'f1'), 'stranger@example.com', 'N', true, null)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', '7')::text, probe.own('b', '7')::text, probe.own('c', '7')::text,
	$$select * from identity_join((':own-0000-7000-8000-000000000006')::uuid, probe.own('a', 'f1'), 'fresh@example.com', 'N', true, :it)$$,
	$$select * from invitation_accept(:it, 1, probe.own('a', 'f1'), 'N', 'hash', false)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', '8')::text, probe.own('b', '8')::text, probe.own('c', '8')::text, $$select slug_claim('fresh', :it)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', '3')::text, probe.own('b', '3')::text, probe.own('c', '3')::text,
	$$select * from search_responses(:it, '{}', true, null, null, 10)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', 'a')::text, probe.own('b', 'a')::text, probe.own('c', 'a')::text, $$select job_revive(:it)$$) \g /dev/null
select probe.each('collect_app', probe.own('a', 'b')::text, probe.own('b', 'b')::text, probe.own('c', 'b')::text, $$select job_withdraw(:it)$$) \g /dev/null
select probe.each('collect_worker', 'a@example.com', 'b@example.com', 'c@example.com', $$select * from member_find(:it, null)$$) \g /dev/null
select probe.each('collect_worker', probe.own('a', '1')::text, probe.own('b', '1')::text, probe.own('c', '1')::text, $$select * from member_find(null, :it)$$) \g /dev/null
select probe.each('collect_worker', probe.own('a', '2')::text, probe.own('b', '2')::text, probe.own('c', '2')::text, $$select member_forget(:it)$$) \g /dev/null
select probe.each('collect_worker', probe.own('a', '9')::text, probe.own('b', '9')::text, probe.own('c', '9')::text,
	$$select search_fill(jsonb_build_array(jsonb_build_object('survey_id', left(:it, 8) || '-0000-7000-8000-000000000003', 'id', :it)), '[]', '5', probe.own('a', 'f2'))$$) \g /dev/null

create function probe.call(p_letter text, p_sql text, p_it text) returns text language sql
	as $$ select probe.ask(probe.tenant(p_letter)::text, replace(replace(p_sql, ':own', repeat(p_letter, 8)), ':it', quote_literal(p_it))) $$;
-- sealing is tenant b's choice, which the search goes by: there it finds nothing
create function probe.judge(p_login text) returns setof text language plpgsql as $$
declare
	c record;
	never text;
begin
	for c in select * from probe.calls where login = p_login order by n loop
		never := probe.call('a', c.sql, c.never);
		return next probe.is(probe.call('a', c.sql, c.b), never, 'bound to a, of b: ' || c.sql);
		return next probe.is((probe.call('a', c.sql, c.a) = never)::text, 'false', 'bound to a, of a: ' || c.sql);
		if c.sql !~ 'search_' then
			return next probe.is((probe.call('b', c.sql, c.b) = probe.call('b', c.sql, c.never))::text, 'false', 'bound to b, of b: ' || c.sql);
		end if;
	end loop;
end
$$;

\connect - collect_app
select probe.judge('collect_app');
\connect - collect_worker
select probe.judge('collect_worker');

-- ---- those that say or change something of the bound tenant without being given anything of it ----

\connect - collect_app
select probe.is(probe.ask(:'a', 'select tenant_seals_answers()'), '(f)', 'whether answers are sealed is each tenant''s own choice: a');
select probe.is(probe.ask(:'b', 'select tenant_seals_answers()'), '(t)', 'and b');
select probe.like(probe.ask(:'a', 'select seal_answers from tenant_sealing()'), '^\(f\)$', 'as the API reads it: a');
select probe.like(probe.ask(:'b', 'select seal_answers from tenant_sealing()'), '^\(t\)$', 'and b');
select probe.is(probe.ask(:'a', 'select tenant_sealing_set(true)'), '()', 'and it is changed for a alone');
select probe.like(probe.ask(:'a', 'select * from member_people()'), 'a@example.com', 'whose people: a''s');
select probe.is((probe.ask(:'a', 'select * from member_people()') ~ 'b@example.com')::text, 'false', 'and not b''s');
select probe.is(probe.ask(:'a', format('select second_factor_missing(%L)', probe.own('a', '1'))), '(f)', 'a asks for no second factor');
select probe.is(probe.ask(:'b', format('select second_factor_missing(%L)', probe.own('b', '1'))), '(t)', 'b does');
select probe.is(probe.ask(:'b', format('select second_factor_missing(%L)', '00000000-0000-7000-8000-0000000000b1')), '(f)', 'of who has none');
select probe.like(probe.ask(:'a', format('select job_enqueue(%L, %L, %L, 0, 0)', probe.own('a', 'f3'), 'x.y', 'waits')), '^\(aaaaaaaa-0000-7000-8000-00000000000b\)$',
	'a live job of one''s own stands for the new one, not another tenant''s');
select probe.is(probe.ask(:'a', format('select job_enqueue(%L, %L, %L, 0, 0)', probe.own('a', 'f3'), 'x.y', 'fresh')), '(' || probe.own('a', 'f3') || ')', 'and a new one is one''s own');
\connect - collect_worker
select probe.is((probe.ask(:'a', 'select responses from search_next(1000)') ~ probe.own('b', '9')::text)::text, 'false', 'what changed at b is not a''s to search');
select probe.like(probe.ask(:'a', 'select responses from search_next(1000)'), probe.own('a', '9')::text, 'what changed at a is');
select probe.is(probe.ask(:'a', 'select xid, more from search_next(2)'), '(9000000000000000000,f)', 'how far the search is, and how much is left, are each tenant''s own');
select probe.like(probe.ask(:'a', format('select survey_id, id from search_renew(%L, %L, 1000)', :'system', :'system')), '^\(aaaaaaaa-', 'what is indexed anew is a''s');
select probe.is(probe.ask(:'a', 'select * from account_of_mailbox(''plain-b@example.com'')'), 'nothing', 'accounts of mailboxes are the system''s business: not b''s');
select probe.is(probe.ask(:'a', 'select * from account_of_mailbox(''plain-a@example.com'')'), 'nothing', 'not a''s own either');
select probe.like(probe.ask(:'system', 'select * from account_of_mailbox(''plain-a@example.com'')'), '^\(plain-a@', 'but the system''s');

-- ---- those that are asked before a tenant is known, or of an account, which belongs to none ----

\connect - collect_app
select probe.like(probe.ask(:'a', 'select joined, elsewhere from identity_account(''plain-a@example.com'')'), '^\(t,f\)$', 'an account that is a member here');
select probe.like(probe.ask(:'a', 'select joined, elsewhere from identity_account(''plain-b@example.com'')'), '^\(f,t\)$', 'one that is a member elsewhere');
select probe.is(probe.ask(:'a', 'select * from identity_account(''nobody@example.com'')'), 'nothing', 'none');
-- a password is changed by who knows the one that is there: of two who do so at once the second does not
select probe.is(probe.ask(:'a', format('select password_set(%L, %L, %L)', probe.own('a', '1'), 'older', 'new')), '()', 'a password is not set over another than the one that was shown');
select probe.is(probe.ask(:'a', format('select password_set(%L, %L, %L)', probe.own('a', '1'), 'old', 'new')), '(2)', 'it is over that one');
select probe.is(probe.ask(:'a', format('select version from password_reset(%L, %L, %L)', probe.own('a', '1'), 'older', 'new')), 'nothing', 'nor by mail over another');
select probe.is(probe.ask(:'a', format('select version from password_reset(%L, %L, %L)', probe.own('a', '1'), 'old', 'new')), '(2)', 'by mail over that one');

-- ---- the counter of what happens to keys ----

select probe.is(probe.ask(:'a', 'select next_key_event()'), '(2)', 'the next number is one''s own tenant''s');
select probe.is(probe.ask('', 'select next_key_event()'), probe.ask('', 'select current_tenant_id()'), 'and nobody''s without a tenant');

-- ---- and no function is left out ----

\connect - postgres
create table probe.apart (name text primary key, why text not null);
insert into probe.apart values
	('account_lookup', 'asked of an address before a tenant is known'), ('login_lookup', 'asked of an address before a tenant is known'),
	('slug_lookup', 'asked of a link before a tenant is known'), ('tenant_of_slug', 'asked of a name before a tenant is known'),
	('second_factor_of', 'asked of an account that signs in, before a tenant is known'), ('device_stamp', 'asked of an account that signs in: a hash'), ('sign_in_failed', 'asked of an address, bound to the system''s tenant: api/sign_ins'),
	('active_survey_counts', 'metrics: totals'), ('job_counts', 'metrics: totals'),
	('ensure_event_partitions', 'reads no rows'), ('begin_event_months', 'reads no rows'), ('detach_event_month', 'goes over all tenants, and names a month'),
	('key_tenants', 'goes over all tenants, whose keys the worker then binds'), ('job_tenants', 'goes over all tenants, which the worker then binds'),
	('search_behind', 'goes over all tenants, which the worker then binds'),
	('job_beat', 'by claim: sql/jobs'), ('job_claim', 'of all tenants in turn: sql/jobs'), ('job_end', 'by claim: sql/jobs'), ('job_hold', 'by claim: sql/jobs'),
	('job_next', 'a time: sql/jobs'), ('job_periodic', 'of no tenant'), ('job_purge', 'of all tenants in turn: sql/jobs'),
	('system_key_add', 'the installation''s'), ('system_key_newest', 'the installation''s'), ('system_key_rewrap', 'the installation''s'),
	('system_key_version', 'the installation''s'), ('system_keys_lock', 'the installation''s');
create table probe.said (name text);
insert into probe.said select (regexp_matches(sql, '\m(\w+)\(', 'g'))[1] from probe.calls;
insert into probe.said values ('tenant_seals_answers'), ('tenant_sealing'), ('tenant_sealing_set'), ('member_people'), ('second_factor_missing'), ('job_enqueue'), ('search_next'),
	('search_renew'), ('account_of_mailbox'), ('identity_account'), ('password_set'), ('password_reset'), ('next_key_event');
select probe.is(string_agg(p.proname, ', ' order by p.proname), null, 'every function that runs as its owner and that a login may call is called here, or a reason is given')
from pg_proc p
where p.pronamespace = 'collect'::regnamespace and p.prosecdef and p.prorettype <> 'trigger'::regtype
	and exists (select from aclexplode(p.proacl) x where x.grantee <> p.proowner)
	and p.proname not in (select name from probe.said) and p.proname not in (select name from probe.apart);
select probe.is(string_agg(name, ', '), null, 'no reason is given for what is not there') from probe.apart
where not exists (select from pg_proc p where p.pronamespace = 'collect'::regnamespace and p.prosecdef and p.proname = name);

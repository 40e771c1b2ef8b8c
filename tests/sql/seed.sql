-- Two tenants with a row in every tenant table, and the checks' own helpers in schema probe. Run as a superuser in a throw-away database.
create schema probe;

create function probe.tenant(p_letter text) returns uuid language sql immutable
	as $$ select ('00000000-0000-7000-8000-00000000000' || p_letter)::uuid $$;

-- Ids are the same in both tenants on purpose: a key that forgot its tenant would collide.
create function probe.fill(p_letter text) returns void language plpgsql as $$
declare
	t uuid := probe.tenant(p_letter);
	u uuid := ('00000000-0000-7000-8000-0000000000' || p_letter || '1')::uuid;
	i uuid := '00000000-0000-7000-8000-000000000099';
begin
	perform collect.provision_tenant(t, 'tenant-' || p_letter, 'Tenant ' || p_letter, u, p_letter || '@example.com', 'User', 'x', 'en');
	insert into collect.roles (tenant_id, id, name, permissions) values (t, i, 'Field', '{surveys:read}');
	insert into collect.api_keys (tenant_id, id, user_id, name, permissions, sha256) values (t, i, u, 'Key', '{surveys:read}', decode(repeat('00', 32), 'hex'));
	insert into collect.clients (tenant_id, id, user_id, name, permissions, sha256) values (t, i, u, 'Client', '{surveys:read}', decode(repeat('00', 32), 'hex'));
	insert into collect.security_settings (tenant_id) values (t);
	insert into collect.user_devices (user_id, device) values (u, decode(repeat('00', 32), 'hex'));
	insert into collect.second_factors (user_id, sealed, key_version) values (u, '\x00', 1);
	insert into collect.identity_providers (tenant_id, id, name, issuer, client_id, scopes) values (t, i, 'Ours', 'https://id.example', 'c', '{openid}');
	insert into collect.identities (tenant_id, id, user_id, issuer, subject, confirmed) values (t, i, u, 'https://id.example', 's', false);
	insert into collect.invitations (tenant_id, id, email, role, expires_at) values (t, i, 'new@example.com', 'viewer', now() + interval '1 day');
	insert into collect.projects (tenant_id, id, name, created_by) values (t, i, 'Project ' || p_letter, u);
	insert into collect.project_members (tenant_id, project_id, user_id, role) values (t, i, u, 'viewer');
	insert into collect.surveys (tenant_id, id, project_id, title, definition, language) values (t, i, i, 'Survey', '{}', 'en');
	insert into collect.survey_versions (tenant_id, id, survey_id, number, definition, program, program_sha256, title, languages)
		values (t, i, i, 1, '{}', '\x00', repeat('0', 64), 'Survey', '{en}');
	insert into collect.links (tenant_id, id, survey_id, slug, secret) values (t, i, i, 'link-' || p_letter, '\x00');
	insert into collect.slugs (slug, tenant_id, link_id) values ('link-' || p_letter, t, i);
	perform set_config('app.current_tenant_id', t::text, true);
	insert into collect.responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, idempotency_key)
		values (t, i, i, i, 1, 'completed', 'en', '{}', 'key');
	insert into collect.quota_cells (tenant_id, survey_id, quota, cell, lim) values (t, i, 'city', 'hanoi', 10);
	insert into collect.data_keys (tenant_id, purpose, key_version, wrapped, kek_id) values (t, 'pii', 1, '\x00', 'k'), (t, 'index', 1, '\x00', 'k');
	perform set_config('app.current_tenant_id', t::text, true);
	insert into collect.response_lookups (tenant_id, survey_id, response_id, question, kind, key_version, hash)
		values (t, i, i, 'mail', 'email', 1, decode(repeat('00', 32), 'hex'));
	insert into collect.response_prints (tenant_id, survey_id, response_id, kind, print) values (t, i, i, 'device', decode(repeat('00', 32), 'hex'));
	insert into collect.response_search (tenant_id, survey_id, response_id, responded_at, text) values (t, i, i, now(), 'words');
	insert into collect.response_changes (tenant_id, survey_id, response_id, id, kind, status_before, status_after) values (t, i, i, i, 'edited', 'completed', 'completed');
	insert into collect.link_code_counts (tenant_id, survey_id, link_id, codes) values (t, i, i, 1);
	insert into collect.link_codes (tenant_id, survey_id, link_id, id, code) values (t, i, i, i, 'abcdef');
	insert into collect.search_marks (tenant_id, xid, id) values (t, '0', i);
	insert into collect.key_event_counts (tenant_id, n) values (t, 1);
	insert into collect.system_keys (purpose, key_version, wrapped, kek_id) values ('system', 1, '\x00', 'k') on conflict do nothing;
	insert into collect.privacy_settings (tenant_id) values (t);
	insert into collect.survey_retentions (tenant_id, survey_id) values (t, i);
	insert into collect.privacy_requests (tenant_id, id, kind, subject_kind, subject, key_version, job_id) values (t, i, 'export', 'email', '\x00', 1, i);
	insert into collect.privacy_parts (tenant_id, request_id, part, sealed, key_version) values (t, i, 0, '\x00', 1);
	insert into collect.idempotency (tenant_id, user_id, key, payload_hash, status, body) values (t, u, 'key', decode(repeat('00', 32), 'hex'), 201, '');
	insert into collect.jobs (id, tenant_id, type, ref, due_at) values (('00000000-0000-7000-8000-0000000000' || p_letter || '9')::uuid, t, 'x.y', 'r', now());
	insert into collect.job_records (tenant_id, id, type, ref, max_attempts)
		values (t, ('00000000-0000-7000-8000-0000000000' || p_letter || '9')::uuid, 'x.y', 'r', 3);
	insert into collect.events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind)
		values (t, collect.uuid_floor(now()), 'survey', i, 'created', '{}', 1, 'respondent');
end
$$;
select probe.fill('a'), probe.fill('b');

-- One line of TAP.
create function probe.is(p_got text, p_wanted text, p_about text) returns text language sql immutable
	as $$ select case when p_got is not distinct from p_wanted then 'ok - ' || p_about
		else 'not ok - ' || p_about || ': got ' || coalesce(p_got, 'null') || ', expected ' || coalesce(p_wanted, 'null') end $$;
create function probe.like(p_got text, p_pattern text, p_about text) returns text language sql immutable
	as $$ select case when p_got ~ p_pattern then 'ok - ' || p_about
		else 'not ok - ' || p_about || ': got ' || coalesce(p_got, 'null') || ', expected ' || p_pattern end $$;

-- Runs a statement as whoever calls, bound to p_binding, and undoes it: 'rows N', or 'SQLSTATE message'.
create function probe.try(p_binding text, p_sql text) returns text language plpgsql as $$
declare
	n bigint;
begin
	perform set_config('app.current_tenant_id', p_binding, true);
	begin
		execute p_sql;
		get diagnostics n = row_count;
		raise sqlstate 'PT001' using message = 'rows ' || n;
	exception
		when sqlstate 'PT001' then return sqlerrm;
		when others then return sqlstate || ' ' || sqlerrm;
	end;
end
$$;

-- A row of tenant b of each table, as the superuser sees it: what an intruder would try to write.
create table probe.samples (relation text primary key, kind text not null, row_b jsonb, own_rows bigint);
insert into probe.samples
select c.relname, case when c.relispartition then 'partition'
	when exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') and c.relrowsecurity then 'tenant' else 'global' end
from pg_class c
where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p');
do $$
declare
	s record;
begin
	for s in select relation from probe.samples where kind = 'tenant' loop
		execute format('update probe.samples set row_b = (select to_jsonb(t) from collect.%1$I t where tenant_id = probe.tenant(''b'') limit 1),
			own_rows = (select count(*) from collect.%1$I where tenant_id = probe.tenant(''a'')) where relation = %1$L', s.relation);
	end loop;
end
$$;

grant usage on schema probe to public;
grant select on probe.samples to public;

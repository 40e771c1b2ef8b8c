-- Copies what the first tenant has in the field to as many tenants as are asked for, with ids that can be reckoned. As the superuser, past triggers and keys.
set session_replication_role = replica;
set search_path = collect;
create temp table ids as select i, ('0190bbb1-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid as tenant_id, ('0190bbb2-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid as survey_id,
	('0190bbb3-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid as link_id, 'bench-' || i as slug from generate_series(1, :tenants) i;
insert into tenants select (jsonb_populate_record(t, jsonb_build_object('id', ids.tenant_id, 'slug', ids.slug))).* from tenants t, ids where t.id = :'tenant';
insert into projects select (jsonb_populate_record(p, jsonb_build_object('tenant_id', ids.tenant_id))).* from projects p, ids where p.tenant_id = :'tenant';
insert into surveys select (jsonb_populate_record(s, jsonb_build_object('tenant_id', ids.tenant_id, 'id', ids.survey_id))).* from surveys s, ids where s.id = :'survey';
insert into survey_versions select (jsonb_populate_record(v, jsonb_build_object('tenant_id', ids.tenant_id, 'survey_id', ids.survey_id, 'id', gen_random_uuid()))).*
	from survey_versions v, ids where v.survey_id = :'survey';
insert into links select (jsonb_populate_record(l, jsonb_build_object('tenant_id', ids.tenant_id, 'survey_id', ids.survey_id, 'id', ids.link_id, 'slug', ids.slug))).*
	from links l, ids where l.id = :'link';
insert into slugs (slug, tenant_id, link_id) select slug, tenant_id, link_id from ids;
analyze tenants, surveys, survey_versions, links, slugs;

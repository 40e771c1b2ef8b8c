-- What was deleted is removed for good after a while (job privacy.purge): workers may delete what may be purged.

-- A link's address stays its tenant's when the link is gone: what is printed on posters shall not lead to somebody else's survey.
do $$
declare
	name text;
begin
	select conname into strict name from pg_constraint where conrelid = 'slugs'::regclass and confrelid = 'links'::regclass;
	execute format('alter table slugs drop constraint %I', name);
end
$$;

-- What that key had asked of a new address is asked here now.
create or replace function slug_claim(p_slug text, p_link uuid) returns void
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
begin
	if not exists (select from links where links.tenant_id = current_tenant_id() and links.id = p_link) then
		raise exception 'an address is claimed for a link of the bound tenant' using errcode = 'foreign_key_violation';
	end if;
	insert into slugs (slug, tenant_id, link_id) values (p_slug, current_tenant_id(), p_link);
end
$$;

-- The link that an answer came by is its survey's; and who deletes a link looks into that survey's answers only, not into everybody's. (The keys are
-- looked at as the tables' owner, whom row security asks for a tenant; answers have always come by their survey's links.)
select set_config('app.current_tenant_id', '00000000-0000-0000-0000-000000000000', true);
alter table links add unique (tenant_id, survey_id, id);
do $$
declare
	name text;
begin
	select conname into strict name from pg_constraint where conrelid = 'responses'::regclass and confrelid = 'links'::regclass;
	execute format('alter table responses drop constraint %I', name);
end
$$;
alter table responses add foreign key (tenant_id, survey_id, link_id) references links (tenant_id, survey_id, id);

grant delete on links, survey_versions, surveys, projects, quota_cells, survey_retentions, roles, api_keys, clients, identities, identity_providers
	to collect_worker;
grant select on roles, api_keys, clients, identities, identity_providers to collect_worker;
grant update (published_version) on surveys to collect_worker;

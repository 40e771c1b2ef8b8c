-- Panel links: a panel sends its people with parameters, each of them answers once (the interview's key is made of the panelist, as a code's is), and goes
-- back by a signed address. What signs is sealed (VAULT_SECRET).
alter table links drop constraint links_kind_check;
alter table links add constraint links_kind_check check (kind in ('open', 'test', 'single_use', 'panel'));
alter table links add column panel jsonb check (jsonb_typeof(panel) = 'object'), add column panel_secret bytea,
	add column panel_key_version integer check (panel_key_version > 0);
alter table links add check ((kind = 'panel') = (panel is not null));
alter table links add check ((panel_secret is null) = (panel_key_version is null));
grant update (panel, panel_secret, panel_key_version) on links to collect_app;

-- A panel that wants to be told of an interview's end is told by a job, which is there with the answer or not at all. Only answers with a panelist's key come
-- here, so others pay for one comparison.
create function panel_post() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	made uuid := event_id();
	what constant text := 'links.postback';
begin
	if not exists (select from links l where l.tenant_id = new.tenant_id and l.id = new.link_id and l.panel ? 'postback_url') then
		return null;
	end if;
	insert into jobs (id, tenant_id, type, ref, due_at) values (made, new.tenant_id, what, new.id::text, now())
	on conflict (tenant_id, type, ref) where dead_at is null do nothing;
	if found then
		insert into job_records (tenant_id, id, type, ref, payload, max_attempts)
		values (new.tenant_id, made, what, new.id::text, jsonb_build_object('survey_id', new.survey_id, 'response_id', new.id), 10);
	end if;
	return null;
end
$$;
create trigger panel_post_new after insert on responses for each row
	when (current_user = 'collect_public' and new.idempotency_key like '§panelist:%' and new.status in ('completed', 'screened_out', 'quota_full'))
	execute function panel_post();
create trigger panel_post after update of status on responses for each row
	when (current_user = 'collect_public' and new.idempotency_key like '§panelist:%' and new.status in ('completed', 'screened_out', 'quota_full'))
	execute function panel_post();

-- Where a tenant asks for a second factor: 'provider' when its identity provider asks for one itself, so that its sign-in is enough; 'ours' when everybody
-- has to have one here as well.
alter table identity_providers add column second_factor text not null default 'ours' check (second_factor in ('ours', 'provider'));
grant insert (second_factor), update (second_factor) on identity_providers to collect_app;

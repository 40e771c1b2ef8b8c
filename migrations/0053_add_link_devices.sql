-- Once from each browser, by the page.
alter table links add column once_per_device boolean not null default false;
alter table links add check (not once_per_device or kind = 'open');
grant update (once_per_device) on links to collect_app;

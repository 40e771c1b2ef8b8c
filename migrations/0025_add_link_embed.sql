-- Who may show a link's pages in a frame: origins, parted by a space; empty: nobody.
alter table links add column embed text not null default '' check (length(embed) <= 3000 and embed !~ '[;,"''\\]');
grant update (embed) on links to collect_app;

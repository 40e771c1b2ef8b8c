-- A password that a link asks for: Argon2id. Another hash makes what was opened with the one before void (link_pass.h), so nothing else is noted of it.
alter table links add column password_hash text check (password_hash ~ '^\$argon2id\$');
grant update (password_hash) on links to collect_app;

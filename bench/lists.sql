-- Very many answers in one survey, written past triggers and keys, and what they are found by as the job would make it.
set search_path = collect, public;
set session_replication_role = replica;
set synchronous_commit = off;
set maintenance_work_mem = '512MB';
select set_config('app.current_tenant_id', :'tenant', false);

-- Ten words an answer, few of them frequent: banh0 is in one answer of five, pho4e1f in one of a hundred thousand.
create function pg_temp.word(n integer, i integer) returns text language sql immutable as $$
	select (array['banh','com','pho','cho','nha','duong','xe','nuoc','cay','hoa'])[i] || to_hex((19999 * power(abs(hashint4(n * 16 + i)) / 2147483648.0, 3))::int) $$;

insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, seed, idempotency_key, payload_hash, completed_at, created_at)
select :'tenant', :'survey', (lpad(to_hex((extract(epoch from t.at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
	:'link', :version, case when n % 50 = 0 then 'screened_out' else 'completed' end, 'completed', case when n % 3 = 0 then 'vi' else 'en' end,
	jsonb_build_object('shop', case when n % 20000 = 7 then 'rare' else (array['big', 'small', 'market', 'web'])[1 + n % 4] end, 'nps', n % 11, 'age', 18 + n % 60,
		'liked', (array['["staff"]', '["price", "place"]', '["staff", "price", "range"]'])[1 + n % 3]::jsonb, 'again', n % 2 = 0,
		'rate', jsonb_build_object('staff', (array['good', 'bad'])[1 + n % 2], 'place', 'good'))
		|| case when n % 5 < 3 then jsonb_build_object('why', t.why) else '{}' end,
	1, gen_random_uuid()::text, decode(md5(n::text) || md5(n::text), 'hex'), t.at, t.at
from generate_series(1, :rows) n, lateral (select now() - interval '60 days' + n * (interval '59 days' / :rows) as at,
	concat_ws(' ', pg_temp.word(n, 1), pg_temp.word(n, 2), case when n % 2003 = 0 then 'Đà Nẵng' end, pg_temp.word(n, 3), pg_temp.word(n, 4), pg_temp.word(n, 5), pg_temp.word(n, 6),
		pg_temp.word(n, 7), pg_temp.word(n, 8), pg_temp.word(n, 9), pg_temp.word(n, 10)) as why) t;

drop index response_search_list, response_search_terms, response_search_text;
insert into response_search (tenant_id, survey_id, response_id, responded_at, terms, text)
select tenant_id, survey_id, id, created_at, search_terms(survey_id, answers) || search_words(survey_id, coalesce(fold(answers ->> 'why'), '')), fold(answers ->> 'why')
from responses where survey_id = :'survey';
create index response_search_list on response_search (tenant_id, survey_id, responded_at, response_id);
create index response_search_terms on response_search using gin (terms);
create index response_search_text on response_search using gin (text public.gin_trgm_ops) where text is not null;
vacuum analyze responses;
vacuum analyze response_search;
checkpoint;

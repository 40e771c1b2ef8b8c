-- What duplicates among completed answers are found by: HMACs under the tenant's key (purpose replay) of the device, of the panelist and of long texts, which say nothing without it and
-- nothing about another survey. They go with the answer they were made of. noted_at: when the job that sets flags saw the answer first, which says who was there before.
create table response_prints (
	tenant_id uuid not null,
	survey_id uuid not null,
	response_id uuid not null,
	kind text not null check (kind in ('device', 'panelist', 'text')),
	print bytea not null check (length(print) = 32),
	chars integer check (chars > 0),
	noted_at timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	check ((kind = 'text') = (chars is not null)),
	primary key (tenant_id, survey_id, response_id, kind, print),
	foreign key (tenant_id, survey_id, response_id) references responses (tenant_id, survey_id, id) on delete cascade,
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create index response_prints_like on response_prints (tenant_id, survey_id, kind, print);
create trigger touch before update on response_prints for each row execute function touch();
do $$ begin perform isolate('response_prints'); end $$;
select audit_not('response_prints', 'HMACs made of an answer and gone with it: what is known of them is the answer''s flag');
grant insert (tenant_id, survey_id, response_id, kind, print, chars) on response_prints to collect_public, collect_app;
grant select, delete on response_prints to collect_app, collect_worker;
grant update (noted_at) on response_prints to collect_worker;

-- The way in sets what it alone knows (honeypot, no_proof), the job the others.
alter table responses drop constraint responses_flags_check;
alter table responses add constraint responses_flags_check check (cardinality(flags) > 0 and flags <@ array['speeder', 'straight_lining', 'time_travel',
	'duplicate_device', 'duplicate_panelist', 'duplicate_text', 'honeypot', 'no_proof']);
grant update (flags) on responses to collect_public;
create index responses_flagged on responses (tenant_id, survey_id, created_at desc, id desc) where flags is not null and deleted_at is null;

-- device_answers null or 0: devices are not told apart, and get no cookie. Of the others null is as the job has it, 0 is never.
alter table surveys add column device_answers integer check (device_answers between 0 and 1000),
	add column panelist_answers integer check (panelist_answers between 0 and 1000),
	add column duplicate_chars integer check (duplicate_chars = 0 or duplicate_chars between 20 and 10000);
grant update (device_answers, panelist_answers, duplicate_chars) on surveys to collect_app;
grant select (device_answers, duplicate_chars) on surveys to collect_public;

-- What becomes of an answer that comes without the work that its link asks for.
alter table links add column proof_mode text not null default 'require' check (proof_mode in ('require', 'flag'));
grant update (proof_mode) on links to collect_app;

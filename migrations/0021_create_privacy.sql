-- How long things are kept: what a tenant decided, what each survey says, and how far its answers have been gone through.
create table privacy_settings (
	tenant_id uuid not null references tenants (id),
	purge_days integer not null default 30 check (purge_days between 1 and 3650),
	answers_days integer check (answers_days between 1 and 36500),      -- these three: what new surveys begin with; null: kept
	personal_days integer check (personal_days between 1 and 36500),
	paradata_days integer check (paradata_days between 1 and 36500),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on privacy_settings for each row execute function touch();

-- Null: kept until somebody deletes the survey.
alter table surveys add column answers_days integer check (answers_days between 1 and 36500),
	add column personal_days integer check (personal_days between 1 and 36500),
	add column paradata_days integer check (paradata_days between 1 and 36500);

-- The marks are the last answers whose personal data and paradata are gone already, so that no run reads again what an earlier one did.
-- The counts keep figures honest: an answer that was deleted was given all the same.
create table survey_retentions (
	tenant_id uuid not null,
	survey_id uuid not null,
	personal_at timestamptz not null default '-infinity',
	personal_id uuid not null default '00000000-0000-0000-0000-000000000000',
	paradata_at timestamptz not null default '-infinity',
	paradata_id uuid not null default '00000000-0000-0000-0000-000000000000',
	answers_removed bigint not null default 0 check (answers_removed >= 0),
	personal_removed bigint not null default 0 check (personal_removed >= 0),
	paradata_removed bigint not null default 0 check (paradata_removed >= 0),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, survey_id),
	foreign key (tenant_id, survey_id) references surveys (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on survey_retentions for each row execute function touch();

do $$
begin
	perform isolate('privacy_settings');
	perform isolate('survey_retentions');
end
$$;

grant select, insert on privacy_settings to collect_app;
grant update (purge_days, answers_days, personal_days, paradata_days, updated_by) on privacy_settings to collect_app;
grant select on privacy_settings to collect_worker;
grant update (answers_days, personal_days, paradata_days) on surveys to collect_app;
grant select on survey_retentions to collect_app;
grant select, insert on survey_retentions to collect_worker;
grant update (personal_at, personal_id, paradata_at, paradata_id, answers_removed, personal_removed, paradata_removed) on survey_retentions
	to collect_worker;
-- The worker is the one login that deletes answers, and that takes parts out of them.
grant delete on responses to collect_worker;
grant update (sealed, sealed_key_version, payload_hash, idempotency_key, parameters, started_at, duration_ms, seed) on responses to collect_worker;

-- Partitioned by survey: the idempotency key is unique for as long as its answer lives, a large tenant spreads, a listing
-- reads one partition. Every index here is paid for by each answer, so there are four.
create table responses (
	tenant_id uuid not null,
	survey_id uuid not null,
	id uuid not null,
	link_id uuid,
	survey_version integer not null,
	status text not null check (status in ('in_progress', 'completed', 'screened_out', 'quota_full')),
	outcome text,
	language text not null,
	answers jsonb not null check (jsonb_typeof(answers) = 'object'),
	sealed bytea,
	sealed_key_version integer,
	parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
	seed bigint not null default 0,
	idempotency_key text,
	payload_hash bytea,
	started_at timestamptz,
	completed_at timestamptz,
	duration_ms bigint check (duration_ms >= 0),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, survey_id, id),
	unique (tenant_id, survey_id, idempotency_key),
	check ((sealed is null) = (sealed_key_version is null)),
	foreign key (tenant_id, survey_id, survey_version) references survey_versions (tenant_id, survey_id, number),
	foreign key (tenant_id, link_id) references links (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
) partition by hash (survey_id);

create index responses_list on responses (tenant_id, survey_id, created_at desc, id desc) where deleted_at is null;
create index responses_completed on responses (tenant_id, survey_id, completed_at) where status = 'completed' and deleted_at is null;
create trigger touch before update on responses for each row execute function touch();
do $$ begin perform isolate('responses'); end $$;

do $$
begin
	for i in 0 .. 15 loop
		execute format('create table %I partition of responses for values with (modulus 16, remainder %s)',
			'responses_' || lpad(i::text, 2, '0'), i);
		perform isolate(('responses_' || lpad(i::text, 2, '0'))::regclass);
	end loop;
end
$$;

-- Wrapped data keys of the vault.
create table data_keys (
	tenant_id uuid not null references tenants (id),
	purpose text not null check (purpose in ('pii', 'response')),
	key_version integer not null check (key_version > 0),
	wrapped bytea,
	kek_id text not null,
	destroyed_at timestamptz,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, purpose, key_version),
	check ((wrapped is null) = (destroyed_at is not null)),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on data_keys for each row execute function touch();
do $$ begin perform isolate('data_keys'); end $$;

-- First replies to POSTs of people and machines, for 24 hours: whoever repeats one with the same key gets the same reply. The row is written
-- in the transaction whose reply it is. Answers of respondents keep their key in responses, for as long as they live.
create table idempotency (
	tenant_id uuid not null references tenants (id),
	user_id uuid not null,
	key text not null check (length(key) between 1 and 255),
	payload_hash bytea not null check (length(payload_hash) = 32),
	status integer not null check (status between 200 and 299),
	location text,
	etag text,
	body text not null,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, user_id, key),
	foreign key (tenant_id, user_id) references memberships (tenant_id, user_id)
);
create index idempotency_age on idempotency (tenant_id, created_at);
select isolate('idempotency');

-- The one table that a login may delete from: these rows are no records, they only expire.
grant select, insert, delete on idempotency to collect_app;

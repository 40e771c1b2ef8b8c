-- The grants themselves, written out once more: a grant that slips into a migration has to be written here too.
create table probe.wanted_grants (relation text, login text, privileges text);
insert into probe.wanted_grants values
	('data_keys', 'collect_app', 'INSERT SELECT'), ('data_keys', 'collect_public', 'INSERT SELECT'), ('data_keys', 'collect_worker', 'INSERT SELECT'),
	('events', 'collect_app', 'SELECT'), ('events', 'collect_worker', 'SELECT'),
	('idempotency', 'collect_app', 'DELETE INSERT SELECT'), ('idempotency', 'collect_worker', 'DELETE SELECT'),
	('invitations', 'collect_worker', 'DELETE SELECT'), ('identity_providers', 'collect_worker', 'DELETE SELECT'), ('identities', 'collect_worker', 'DELETE SELECT'), ('clients', 'collect_worker', 'DELETE SELECT'), ('api_keys', 'collect_worker', 'DELETE SELECT'), ('roles', 'collect_worker', 'DELETE SELECT'),
	('job_records', 'collect_app', 'SELECT'), ('job_records', 'collect_worker', 'SELECT'),
	('links', 'collect_app', 'INSERT SELECT'), ('links', 'collect_public', 'SELECT'), ('links', 'collect_worker', 'DELETE SELECT'),
	('link_code_counts', 'collect_app', 'INSERT SELECT'), ('link_code_counts', 'collect_worker', 'INSERT SELECT'), ('link_codes', 'collect_app', 'INSERT SELECT'), ('link_codes', 'collect_worker', 'INSERT SELECT'), ('link_codes', 'collect_public', 'SELECT'),
	('memberships', 'collect_app', 'SELECT'), ('memberships', 'collect_worker', 'SELECT'),
	('projects', 'collect_app', 'INSERT SELECT'), ('projects', 'collect_worker', 'DELETE SELECT'),
	('project_members', 'collect_app', 'INSERT SELECT'), ('project_members', 'collect_worker', 'DELETE SELECT'),
	('quota_cells', 'collect_app', 'INSERT SELECT'), ('quota_cells', 'collect_public', 'INSERT SELECT'), ('quota_cells', 'collect_worker', 'DELETE INSERT SELECT'),
	('privacy_settings', 'collect_app', 'INSERT SELECT'), ('privacy_settings', 'collect_worker', 'SELECT'),
	('privacy_requests', 'collect_app', 'SELECT'), ('privacy_requests', 'collect_worker', 'SELECT'),
	('privacy_parts', 'collect_app', 'SELECT'), ('privacy_parts', 'collect_worker', 'DELETE SELECT'),
	('responses', 'collect_app', 'SELECT'), ('responses', 'collect_public', 'INSERT SELECT'), ('responses', 'collect_worker', 'DELETE SELECT'),
	('survey_retentions', 'collect_app', 'SELECT'), ('survey_retentions', 'collect_worker', 'DELETE INSERT SELECT'),
	('response_lookups', 'collect_app', 'DELETE SELECT'), ('response_changes', 'collect_app', 'SELECT'), ('response_lookups', 'collect_worker', 'DELETE SELECT'),
	('response_prints', 'collect_app', 'DELETE SELECT'), ('response_prints', 'collect_worker', 'DELETE SELECT'),
	('survey_versions', 'collect_app', 'INSERT SELECT'), ('survey_versions', 'collect_public', 'SELECT'), ('survey_versions', 'collect_worker', 'DELETE SELECT'),
	('api_keys', 'collect_app', 'SELECT'), ('invitations', 'collect_app', 'SELECT'),
	('identities', 'collect_app', 'SELECT'), ('identity_providers', 'collect_app', 'SELECT'),
	('clients', 'collect_app', 'SELECT'), ('security_settings', 'collect_app', 'INSERT SELECT'),
	('roles', 'collect_app', 'INSERT SELECT'),
	('surveys', 'collect_app', 'INSERT SELECT'), ('surveys', 'collect_worker', 'DELETE SELECT');

create table probe.wanted_column_grants (relation text, login text, privilege text, columns text);
insert into probe.wanted_column_grants values
	('data_keys', 'collect_worker', 'UPDATE', 'destroyed_at kek_id retired_at updated_by wrapped'),
	('response_lookups', 'collect_app', 'INSERT', 'hash key_version kind question response_id survey_id tenant_id'),
	('response_lookups', 'collect_public', 'INSERT', 'hash key_version kind question response_id survey_id tenant_id'),
	('response_lookups', 'collect_worker', 'INSERT', 'hash key_version kind question response_id survey_id tenant_id'),
	('response_prints', 'collect_app', 'INSERT', 'chars kind print response_id survey_id tenant_id'),
	('response_prints', 'collect_public', 'INSERT', 'chars kind print response_id survey_id tenant_id'),
	('response_prints', 'collect_worker', 'UPDATE', 'noted_at'),
	('events', 'collect_app', 'INSERT', 'actor_id actor_kind after aggregate_id aggregate_type before credential_id data id metadata request_id sequence tenant_id type'),
	('events', 'collect_public', 'INSERT', 'actor_id actor_kind after aggregate_id aggregate_type before credential_id data id metadata request_id sequence tenant_id type'),
	('events', 'collect_worker', 'INSERT', 'actor_id actor_kind after aggregate_id aggregate_type before credential_id data id metadata request_id sequence tenant_id type'),
	('job_records', 'collect_app', 'INSERT', 'created_by id max_attempts payload progress_total ref run_at tenant_id type updated_by'),
	('job_records', 'collect_worker', 'INSERT', 'created_by id max_attempts payload progress_total ref run_at tenant_id type updated_by'),
	('job_records', 'collect_app', 'UPDATE', 'attempts cancel_requested_at error_code error_message finished_at run_at status updated_by'),
	('job_records', 'collect_worker', 'UPDATE',
		'attempts error_code error_message finished_at progress_done progress_total result run_at started_at state status'),
	('links', 'collect_app', 'UPDATE', 'closes_at deleted_at deleted_by embed language max_completes once_per_device opens_at panel panel_key_version panel_secret password_hash proof_bits proof_mode secret status title updated_by'),
	('api_keys', 'collect_app', 'INSERT', 'created_by expires_at id name permissions sha256 tenant_id updated_by user_id'),
	('api_keys', 'collect_app', 'UPDATE', 'deleted_at deleted_by last_used_at updated_by'),
	('identities', 'collect_app', 'INSERT', 'confirmed created_by id issuer subject tenant_id updated_by user_id'),
	('identities', 'collect_app', 'UPDATE', 'deleted_at deleted_by last_used_at updated_by'),
	('identity_providers', 'collect_app', 'INSERT',
		'client_id client_secret created_by email_domains enabled id issuer key_version name role role_id scopes second_factor tenant_id updated_by'),
	('identity_providers', 'collect_app', 'UPDATE',
		'client_id client_secret deleted_at deleted_by email_domains enabled issuer key_version name role role_id scopes second_factor updated_by'),
	('security_settings', 'collect_app', 'UPDATE', 'require_second_factor updated_by'),
	('clients', 'collect_app', 'INSERT', 'created_by expires_at id name permissions sha256 tenant_id updated_by user_id'),
	('clients', 'collect_app', 'UPDATE', 'deleted_at deleted_by last_used_at updated_by'),
	('invitations', 'collect_app', 'INSERT', 'created_by email expires_at id language role role_id tenant_id updated_by'),
	('invitations', 'collect_app', 'UPDATE', 'deleted_at deleted_by expires_at serial updated_by'),
	('memberships', 'collect_app', 'UPDATE', 'deleted_at deleted_by role role_id updated_by'),
	('roles', 'collect_app', 'UPDATE', 'deleted_at deleted_by description name permissions updated_by'),
	('project_members', 'collect_app', 'UPDATE', 'deleted_at deleted_by role role_id updated_by'),
	('projects', 'collect_app', 'UPDATE', 'deleted_at deleted_by description name updated_by'),
	('quota_cells', 'collect_public', 'UPDATE', 'leased lim used'), ('quota_cells', 'collect_app', 'UPDATE', 'leased limit_set used'), ('quota_cells', 'collect_worker', 'UPDATE', 'leased used'),
	('responses', 'collect_app', 'UPDATE', 'answers answers_key_version answers_sealed consents deleted_at deleted_by outcome quota_cells reject_reason rejected_from sealed sealed_key_version status updated_by'),
	('privacy_settings', 'collect_app', 'UPDATE', 'answers_days paradata_days personal_days purge_days updated_by'),
	('responses', 'collect_worker', 'UPDATE', 'answers answers_key_version answers_sealed consents deleted_at deleted_by device duration_ms flags idempotency_key last_at lease_until page_ms paradata parameters payload_hash quota_cells reject_reason rejected_from sealed sealed_key_version seed started_at state state_key_version status updated_by'),
	('responses', 'collect_public', 'UPDATE', 'answers answers_key_version answers_sealed completed_at consents duration_ms flags language last_at lease_until outcome page_ms paradata parameters payload_hash payload_key_version quota_cells sealed sealed_key_version state state_key_version status'),
	('surveys', 'collect_worker', 'UPDATE', 'published_version'),
	('privacy_requests', 'collect_app', 'INSERT', 'created_by id job_id key_version kind subject subject_kind tenant_id updated_by whole'),
	('privacy_requests', 'collect_app', 'UPDATE', 'downloads'),
	('privacy_requests', 'collect_worker', 'UPDATE', 'counts done_at expires_at key_version status subject'),
	('link_code_counts', 'collect_app', 'UPDATE', 'codes'), ('link_code_counts', 'collect_worker', 'UPDATE', 'codes'),
	('link_codes', 'collect_app', 'UPDATE', 'revoked_at updated_by'), ('link_codes', 'collect_worker', 'UPDATE', 'parameters revoked_at used_at'),
	('privacy_parts', 'collect_worker', 'INSERT', 'codes key_version part request_id response_id sealed survey_id tenant_id'),
	('survey_retentions', 'collect_worker', 'UPDATE',
		'answers_removed paradata_at paradata_id paradata_removed personal_at personal_id personal_removed'),
	('survey_versions', 'collect_app', 'UPDATE', 'deleted_at deleted_by updated_by'),
	('surveys', 'collect_app', 'UPDATE',
		'abandon_hours answers_days definition deleted_at deleted_by device_answers duplicate_chars language panelist_answers paradata_days personal_days project_id published_version schema_version speeder_percent status straight_rows title updated_by'),
	('surveys', 'collect_public', 'SELECT', 'abandon_hours deleted_at device_answers duplicate_chars id language published_version status tenant_id');

create table probe.wanted_functions (name text, logins text);
insert into probe.wanted_functions values
	('account_lookup', 'collect_app'), ('account_of_mailbox', 'collect_worker'), ('invitation_accept', 'collect_app'), ('password_reset', 'collect_app'), ('user_keys_end', 'collect_app'), ('sign_in_failed', 'collect_app'), ('signed_out_everywhere', 'collect_app'), ('password_set', 'collect_app'), ('active_survey_counts', 'collect_app'), ('current_tenant_id', 'collect_app collect_public collect_worker'),
	('address_forget', 'collect_worker'), ('names_address', 'collect_worker'), 	('client_id_text', 'collect_app'), ('device_seen', 'collect_app'), ('device_stamp', 'collect_app'), ('devices_end', 'collect_app'), ('profile_set', 'collect_app'),
	('second_factor_codes', 'collect_app'), ('second_factor_get', 'collect_app'), ('second_factor_missing', 'collect_app'),
	('second_factor_of', 'collect_app'), ('second_factor_recover', 'collect_app'), ('second_factor_remove', 'collect_app'),
	('second_factor_start', 'collect_app'), ('second_factor_step', 'collect_app'),
	('audit_value', 'collect_app collect_public collect_worker'), ('event_id', 'collect_app collect_public collect_worker'), ('uuid_floor', 'collect_app'),
	('cursor_text', 'collect_app collect_public collect_worker'), ('ensure_event_partitions', 'collect_worker'), ('begin_event_months', 'collect_app collect_worker'), ('detach_event_month', 'collect_worker'), ('next_key_event', 'collect_app collect_worker'), ('login_lookup', 'collect_app'),
	('job_beat', 'collect_worker'), ('job_claim', 'collect_worker'), ('job_counts', 'collect_app collect_worker'), ('job_end', 'collect_worker'),
	('job_enqueue', 'collect_app collect_worker'), ('job_hold', 'collect_worker'), ('job_json', 'collect_app'), ('job_next', 'collect_worker'),
	('job_periodic', 'collect_worker'), ('job_purge', 'collect_worker'), ('job_revive', 'collect_app'), ('job_tenants', 'collect_worker'), ('job_withdraw', 'collect_app'),
	('identity_account', 'collect_app'), ('identity_join', 'collect_app'), ('tenant_of_slug', 'collect_app'),
	('member_find', 'collect_worker'), ('member_forget', 'collect_worker'), ('member_lookup', 'collect_app'), ('member_people', 'collect_app'), ('rfc3339', 'collect_app collect_public collect_worker'), ('slug_claim', 'collect_app'),
	('own_projects', 'collect_app'), ('project_roles_held', 'collect_app'), ('project_hidden', 'collect_app collect_public collect_worker'), ('survey_hidden', 'collect_app collect_public collect_worker'),
	('key_tenants', 'collect_worker'), ('seal_lock_alone', 'collect_app collect_worker'), ('system_key_rewrap', 'collect_worker'), ('system_keys_lock', 'collect_worker'),
	('tenant_sealing', 'collect_app'), ('tenant_sealing_set', 'collect_app'), ('tenant_seals_answers', 'collect_app collect_public collect_worker'),
	('system_key_add', 'collect_app collect_worker'), ('system_key_newest', 'collect_app collect_worker'), ('system_key_version', 'collect_app collect_worker'),
	('search_behind', 'collect_worker'), ('search_fill', 'collect_worker'), ('search_next', 'collect_worker'), ('search_renew', 'collect_worker'),
	('search_responses', 'collect_app collect_worker'), ('search_row', 'collect_worker'), ('test_links', 'collect_app collect_worker'), ('link_counts', 'collect_app'), ('link_code_key', 'collect_app collect_public collect_worker'), ('search_between', 'collect_worker'),
	('slug_lookup', 'collect_app collect_public collect_worker');

with got as (
	select c.relname::text as relation, coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') as login,
		string_agg(a.privilege_type, ' ' order by a.privilege_type) as privileges
	from pg_class c, aclexplode(c.relacl) a
	where c.relnamespace = 'collect'::regnamespace and a.grantee <> c.relowner
	group by 1, 2
)
select probe.is(g.privileges, w.privileges, 'grants to ' || coalesce(g.login, w.login) || ' on ' || coalesce(g.relation, w.relation))
from got g full join probe.wanted_grants w using (relation, login)
order by relation, login;

with got as (
	select c.relname::text as relation, coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody') as login, a.privilege_type as privilege,
		string_agg(t.attname::text, ' ' order by t.attname::text collate "C") as columns
	from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
	where c.relnamespace = 'collect'::regnamespace
	group by 1, 2, 3
)
select probe.is(g.columns, w.columns, privilege || ' of columns to ' || login || ' on ' || relation)
from got g full join probe.wanted_column_grants w using (relation, login, privilege)
order by relation, login;

with got as (
	select p.proname::text as name, string_agg(coalesce(nullif(a.grantee, 0)::regrole::text, 'everybody'), ' '
		order by a.grantee::regrole::text) as logins
	from pg_proc p, aclexplode(p.proacl) a
	where p.pronamespace = 'collect'::regnamespace and a.grantee <> p.proowner
	group by 1
)
select probe.is(g.logins, w.logins, 'who may run ' || name) from got g full join probe.wanted_functions w using (name) order by name;

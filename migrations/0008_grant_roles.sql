-- The least each login needs. Nobody may delete or truncate; partitions get no grants, because a read of a partition is not
-- a read of its parent. Columns that say when and whose are never updated by a login, and an event's
-- xid and time are the database's.

grant select on memberships to collect_app, collect_worker;

grant select, insert on projects, surveys, survey_versions, links to collect_app;
grant update (name, description, updated_by, deleted_at, deleted_by) on projects to collect_app;
grant update (project_id, title, status, definition, schema_version, language, published_version, updated_by, deleted_at, deleted_by)
	on surveys to collect_app;
grant update (updated_by, deleted_at, deleted_by) on survey_versions to collect_app;
grant update (title, language, status, opens_at, closes_at, secret, updated_by, deleted_at, deleted_by) on links to collect_app;
grant select on responses, events to collect_app;
grant insert (tenant_id, id, aggregate_type, aggregate_id, type, data, metadata, actor_id, request_id, sequence) on events to collect_app;
grant select, insert on data_keys to collect_app;

grant select on survey_versions, links to collect_public;
grant select (tenant_id, id, status, language, published_version, deleted_at) on surveys to collect_public;
grant select, insert on responses to collect_public;
grant insert (tenant_id, id, aggregate_type, aggregate_id, type, data, metadata, actor_id, request_id, sequence) on events to collect_public;
grant select, insert on data_keys to collect_public;

grant select on projects, surveys, survey_versions, links, responses, events to collect_worker;
grant insert (tenant_id, id, aggregate_type, aggregate_id, type, data, metadata, actor_id, request_id, sequence) on events to collect_worker;
grant select, insert on data_keys to collect_worker;
grant update (wrapped, kek_id, destroyed_at, updated_by) on data_keys to collect_worker;

grant execute on function login_lookup(text) to collect_app;
grant execute on function member_lookup(uuid) to collect_app;
grant execute on function slug_lookup(text) to collect_app, collect_public, collect_worker;
grant execute on function slug_claim(text, uuid) to collect_app;
grant execute on function ensure_event_partitions(integer) to collect_worker;

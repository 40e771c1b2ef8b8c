-- The tenant of this transaction. Raises when none is bound: 42704 when it never was, 22P02 for '' which is what a finished
-- transaction's set_config(..., true) leaves behind. Policies call it directly; a subselect around it could hide the error.
create function current_tenant_id() returns uuid
language sql stable parallel safe
as $$ select current_setting('app.current_tenant_id')::uuid $$;

grant execute on function current_tenant_id() to collect_app, collect_public, collect_worker;

-- BEFORE UPDATE on every table that can change.
create function touch() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	new.updated_at := now();
	new.version := old.version + 1;
	return new;
end
$$;

-- Turns a table (or a partition) into a tenant's: row-level security that binds its owner too, and the one policy.
create function isolate(p_table regclass) returns void
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	execute format('alter table %s enable row level security', p_table);
	execute format('alter table %s force row level security', p_table);
	execute format('create policy tenant_isolation on %s using (tenant_id = current_tenant_id()) with check (tenant_id = current_tenant_id())',
		p_table);
end
$$;

create trigger touch before update on tenants for each row execute function touch();
create trigger touch before update on users for each row execute function touch();

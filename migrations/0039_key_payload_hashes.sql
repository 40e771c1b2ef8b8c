-- What was sent is known again by an HMAC under a key of the tenant's: a plain hash would let anybody who reads the table try out answers until one fits, also
-- after the keys of the sealed ones were destroyed. The key is not rotated, so that an answer sent again is known for as long as it is there; shredding
-- destroys it. payload_key_version null: a plain hash of before, kept only beside answers that are in clear anyway.
alter table data_keys drop constraint data_keys_purpose_check;
alter table data_keys add constraint data_keys_purpose_check check (purpose in ('pii', 'response', 'index', 'secret', 'replay'));
alter table responses add column payload_key_version integer check (payload_key_version > 0);

-- Without the hash the idempotency key alone says which answer it is. Version and log stay as they are: nobody changed the answers.
alter table responses disable trigger touch;
alter table responses disable trigger audit;
do $$
declare
	t uuid;
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		update responses set payload_hash = null where payload_hash is not null and (sealed is not null or answers_sealed is not null);
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;
alter table responses enable trigger touch;
alter table responses enable trigger audit;

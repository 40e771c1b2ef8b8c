-- What the system notes beside an answer is no change that anybody made or could have overlooked: a lease that ran out, a flag. Who read the answer before may still say
-- that he changes what he read. Everything else is compared, so an update that does something more counts.
drop trigger touch on responses;
create trigger touch before update on responses for each row
	when (current_setting('app.resealing', true) is distinct from 'on'
		and not ((old.flags is distinct from new.flags or old.lease_until is not null and new.lease_until is null and old.status = new.status)
			and to_jsonb(old) - array['flags', 'quota_cells', 'lease_until'] = to_jsonb(new) - array['flags', 'quota_cells', 'lease_until']
			and (old.quota_cells is not distinct from new.quota_cells or old.lease_until is not null and new.lease_until is null and new.quota_cells is null)))
	execute function touch();

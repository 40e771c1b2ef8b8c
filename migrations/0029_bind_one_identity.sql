-- A provider that gives somebody's address to another person must not give him the account too: one subject for each member and issuer, until
-- somebody undoes it.
create unique index identities_issuer on identities (tenant_id, user_id, issuer) where deleted_at is null;

-- Work that an open link asks for before anything is stored: so many zero bits at the beginning of a hash (link_proof.h).
alter table links add column proof_bits integer check (proof_bits between 8 and 24);
alter table links add check (proof_bits is null or kind = 'open');
grant update (proof_bits) on links to collect_app;

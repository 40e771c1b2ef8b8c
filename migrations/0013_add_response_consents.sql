-- What respondents agreed to, in the words that they were shown: {"NAME": {"text", "language", "at"}}. It lives as long as the answer that it is
-- the proof of. Words with personal answers in them are among the sealed ones instead.
alter table responses add column consents jsonb not null default '{}' check (jsonb_typeof(consents) = 'object');

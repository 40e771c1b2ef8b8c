-- name: mail_account
-- role: worker
select email, locale, stamp from account_of_mailbox($1::text)

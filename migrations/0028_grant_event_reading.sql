-- Reading the log by time: the first id of an instant bounds the partitions that are looked at.
grant execute on function uuid_floor(timestamptz) to collect_app;

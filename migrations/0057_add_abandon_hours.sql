-- How long an interview may lie before it is over, by survey; null: a week.
alter table surveys add column abandon_hours integer check (abandon_hours between 1 and 2160);
grant update (abandon_hours) on surveys to collect_app;
grant select (abandon_hours) on surveys to collect_public;

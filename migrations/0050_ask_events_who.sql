-- An event says who did it, from now on, and the respondents' login tells of respondents only.
do $$
begin
	-- those of before may not say it, and nobody changes them
	execute format('alter table events add constraint events_actor_said check (actor_kind is not null or created_at <= %L)', clock_timestamp());
end
$$;
alter table events add constraint events_of_respondents check (actor_kind = 'respondent' or current_user <> 'collect_public');

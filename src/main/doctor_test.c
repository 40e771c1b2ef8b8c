#include "core/tx.h"
#include "io/pg_test.h"
#include "main/doctor.h"
#include "main/session.h"

/* The lints against a sound database, then against one with a single fault each: a lint that finds nothing proves nothing
 * until it is seen to find. */

struct name_row {
	struct str name;
};
static const struct pg_col cols[] = {COL(struct name_row, name, PGT_TEXT)};

static struct session session;
static size_t excepted; /* by tools/lint_exceptions.txt, at the last look */

static int lints_start(void **state)
{
	if (database_start(state))
		return -1;
	session.arena = &test_arena;
	return session_open(&session, test_url, PG_OWNER, "collect test", test_log) ? -1 : 0;
}

static int lints_stop(void **state)
{
	session_close(&session);
	return database_stop(state);
}

/* How many things the lints find; the first of them in `first`. */
static size_t found(char first[256])
{
	size_t sum = 0;

	excepted = 0;
	first[0] = 0;
	for (size_t i = 0; i < doctor_lint_count; i++) {
		const struct doctor_lint *l = &doctor_lints[i];
		const struct pg_param in[] = {
		    P_TEXT(str_from(l->functions ? sql_definer_functions : sql_global_tables))};
		const struct query q = {l->sql, in, l->tables || l->functions, cols, countof(cols)};
		struct name_row *rows;
		void *got;
		size_t n;

		if (session_rows(&session, &q, sizeof(*rows), &got, &n))
			fail_msg("%s: %s", l->title, session_fault(&session));
		rows = got;
		for (size_t k = 0; k < n; k++) {
			if (doctor_lint_excepted(l, rows[k].name)) {
				excepted++;
				continue;
			}
			if (!first[0])
				snprintf(first, 256, "%s: %.*s", l->title, STR_ARGS(rows[k].name));
			sum++;
		}
	}
	return sum;
}

static void a_sound_database_has_no_findings(void **state)
{
	char first[256];

	(void)state;
	/* A database that was copied lacks what was revoked on the original itself. */
	(void)admin("do $$ begin execute format('revoke create, temporary on database %I from public', "
		    "current_database()); end $$");
	if (found(first) > 0)
		fail_msg("%s", first);
	for (size_t i = 0; sql_lint_exceptions[i]; i++)
		excepted--;
	if (excepted)
		fail_msg("tools/lint_exceptions.txt has lines that nothing is found for");
}

struct fault {
	const char *what, *make, *mend; /* statements as the superuser */
	const char *finding;		/* how the finding begins */
};

static const struct fault faults[] = {
    {"policy gone", "drop policy tenant_isolation on projects",
	"create policy tenant_isolation on projects using (tenant_id = current_tenant_id()) with check (tenant_id = "
	"current_tenant_id())",
	"policies: projects: not exactly one policy"},
    {"second policy", "create policy p on surveys using (true)", "drop policy p on surveys",
	"policies: surveys: not exactly one policy"},
    {"policy of one role",
	"drop policy tenant_isolation on links; create policy tenant_isolation on links to collect_app using "
	"(tenant_id = "
	"current_tenant_id()) with check (tenant_id = current_tenant_id())",
	"drop policy tenant_isolation on links; create policy tenant_isolation on links using (tenant_id = "
	"current_tenant_id()) with check "
	"(tenant_id = current_tenant_id())",
	"policies: links: not exactly one policy"},
    {"always true", "alter policy tenant_isolation on data_keys using (true)",
	"alter policy tenant_isolation on data_keys using (tenant_id = current_tenant_id())",
	"policies: data_keys: not exactly one policy"},
    {"hidden subselect", "alter policy tenant_isolation on links using (tenant_id = (select current_tenant_id()))",
	"alter policy tenant_isolation on links using (tenant_id = current_tenant_id())",
	"policies: links: not exactly one policy"},
    {"hidden projects shown", "drop policy project_scope on links",
	"select scope_to_projects('links', 'survey_hidden(survey_id)')",
	"projects: links: what belongs to a hidden project"},
    {"hidden projects shown to one login", "alter policy project_scope on surveys to collect_public",
	"alter policy project_scope on surveys to public", "projects: surveys: what belongs to a hidden project"},
    {"a third policy", "create policy p on projects as restrictive using (true)", "drop policy p on projects",
	"policies: projects: not exactly one policy"},
    {"not forced", "alter table memberships no force row level security",
	"alter table memberships force row level security", "row security: memberships: row security is not forced"},
    {"off on a partition", "alter table responses_07 disable row level security",
	"alter table responses_07 enable row level security", "row security: responses_07: row security is off"},
    {"a new table", "create table loose (tenant_id uuid primary key)", "drop table loose",
	"row security: loose: row security is off"},
    {"grant on a partition", "grant select on responses_00 to collect_app",
	"revoke select on responses_00 from collect_app", "grants on partitions: responses_00: collect_app has SELECT"},
    {"grant on a global table", "grant select (email) on users to collect_app",
	"revoke select (email) on users from collect_app",
	"grants on global tables: users.email: collect_app has SELECT"},
    {"grant to everybody", "grant select on links to public", "revoke select on links from public",
	"grants: links: everybody has SELECT"},
    {"truncate", "grant truncate on projects to collect_worker", "revoke truncate on projects from collect_worker",
	"grants: projects: collect_worker has TRUNCATE"},
    {"delete", "grant delete on responses to collect_app", "revoke delete on responses from collect_app",
	"grants: responses: collect_app has DELETE"},
    {"another owner", "alter table links owner to postgres", "alter table links owner to collect_owner",
	"owners: links belongs to postgres"},
    {"unique without the tenant", "create unique index u on projects (id)", "drop index u",
	"unique keys begin with the tenant: projects: u does not begin with tenant_id"},
    {"foreign key without the tenant",
	"create table tenants_too (id uuid primary key); alter table links add constraint f foreign key (survey_id) "
	"references tenants_too (id)",
	"alter table links drop constraint f; drop table tenants_too", "row security: tenants_too"},
    {"definer function off the list",
	"create function sneaky() returns int language sql security definer set search_path = collect, pg_temp as "
	"'select 1'; "
	"alter function sneaky() owner to collect_owner; revoke execute on function sneaky() from public",
	"drop function sneaky()", "definer functions: sneaky(): runs as its owner and is not on the list"},
    {"search_path not pinned", "alter function slug_lookup(text) reset search_path",
	"alter function slug_lookup(text) set search_path = collect, pg_temp",
	"search paths: slug_lookup(text): its search_path is not pinned"},
    {"function for everybody", "grant execute on function login_lookup(text) to public",
	"revoke execute on function login_lookup(text) from public",
	"functions for everybody: login_lookup(text): may be run by everybody"},
    {"view", "create view peek as select * from surveys; alter view peek owner to collect_owner", "drop view peek",
	"views: peek is a view"},
    {"materialized view",
	"create materialized view peek as select 1 as a; alter materialized view peek owner to collect_owner",
	"drop materialized view peek", "views: peek is a materialized view"},
    {"audit column", "alter table projects rename column deleted_by to gone_by",
	"alter table projects rename column gone_by to deleted_by", "audit columns: projects lacks deleted_by"},
    {"create in a schema", "grant create on schema collect to collect_app",
	"revoke create on schema collect from collect_app", "creating: collect_app may create in schema collect"},
    {"temporary objects",
	"do $$ begin execute format('grant temporary on database %I to collect_public', current_database()); end $$",
	"do $$ begin execute format('revoke temporary on database %I from collect_public', current_database()); end $$",
	"creating: collect_public may create schemas or temporary objects"},
    {"superuser", "alter role collect_public superuser", "alter role collect_public nosuperuser",
	"logins: collect_public is a superuser"},
    {"bypass", "alter role collect_worker bypassrls", "alter role collect_worker nobypassrls",
	"logins: collect_worker bypasses row security"},
    {"member", "grant collect_owner to collect_app", "revoke collect_owner from collect_app",
	"memberships of logins: collect_app is a member of collect_owner"},
    {"reads all data", "grant pg_read_all_data to collect_worker", "revoke pg_read_all_data from collect_worker",
	"memberships of logins: collect_worker is a member of pg_read_all_data"},
    {"bound for every session",
	"alter role collect_public set app.current_tenant_id = '00000000-0000-7000-8000-00000000000a'",
	"alter role collect_public reset app.current_tenant_id",
	"settings of sessions: collect_public: app.current_tenant_id is set"},
    {"another search path", "alter role collect_public set search_path = public, collect",
	"alter role collect_public reset search_path", "settings of sessions: collect_public: search_path is set"},
    {"a binding that does not raise",
	"create or replace function current_tenant_id() returns uuid language sql stable parallel safe as "
	"$$ select nullif(current_setting('app.current_tenant_id', true), '')::uuid $$",
	"create or replace function current_tenant_id() returns uuid language sql stable parallel safe as "
	"$$ select current_setting('app.current_tenant_id')::uuid $$",
	"binding: current_tenant_id() is not"},
    {"a tenant by default", "alter table links alter tenant_id set default current_tenant_id()",
	"alter table links alter tenant_id drop default", "tenant_id: links: tenant_id is not a uuid that has to be"},
    {"a row may change hands", "grant update (tenant_id) on projects to collect_app",
	"revoke update (tenant_id) on projects from collect_app",
	"columns that stay: projects.tenant_id: collect_app may update it"},
    {"a version by hand", "grant update (version) on surveys to collect_worker",
	"revoke update (version) on surveys from collect_worker",
	"columns that stay: surveys.version: collect_worker may update it"},
    {"grants in advance", "alter default privileges for role collect_owner grant select on tables to collect_public",
	"alter default privileges for role collect_owner revoke select on tables from collect_public",
	"default grants: collect_owner gives collect_public SELECT"},
    {"foreign key to another tenant",
	"create unique index u on surveys (tenant_id, id, project_id); "
	"alter table surveys add constraint u unique using index u; "
	"alter table links add constraint f foreign key (tenant_id, survey_id, id) references surveys (id, tenant_id, "
	"project_id)",
	"alter table links drop constraint if exists f; alter table surveys drop constraint u",
	"foreign keys carry the tenant: links: f does not begin with tenant_id"},
    {"foreign key that deletes",
	"alter table links add constraint f foreign key (tenant_id, survey_id) references surveys (tenant_id, id) on "
	"delete cascade",
	"alter table links drop constraint f", "foreign keys carry the tenant: links: f acts by itself"},
    {"foreign key gone", "alter table links drop constraint links_tenant_id_survey_id_fkey",
	"select set_config('app.current_tenant_id', '00000000-0000-0000-0000-000000000000', false); alter table links "
	"add "
	"foreign key (tenant_id, survey_id) references surveys (tenant_id, id); reset app.current_tenant_id",
	"references: links.survey_id is an id that no foreign key holds"},
    {"definer function next door",
	"create function public.sneaky() returns int language sql security definer as 'select 1'",
	"drop function public.sneaky()", "definer functions: public.sneaky(): runs as its owner"},
    {"rule", "create rule quiet as on delete to projects do instead nothing", "drop rule quiet on projects",
	"views: projects has the rule quiet"},
    {"trigger gone", "drop trigger touch on links",
	"create trigger touch before update on links for each row execute function touch()",
	"triggers: links lacks the trigger touch"},
    {"trigger off", "alter table surveys disable trigger touch", "alter table surveys enable trigger touch",
	"triggers: surveys: the trigger touch is off"},
    {"change that nobody hears of", "drop trigger audit on roles", "select audit('roles', 'role')",
	"audit: roles is neither audited"},
    {"user that nobody hears of", "drop trigger audit on users",
	"select audit('users', 'user', p_hidden => 'email,name', p_on => 'update')", "audit: users is not audited"},
    {"change that nobody hears of, though a trigger is there",
	"drop trigger audit on roles; create trigger audit after insert or delete or update on roles for each row when "
	"(false) "
	"execute function audit_change('role', 'id', '', '', '')",
	"drop trigger audit on roles; select audit('roles', 'role')", "audit triggers: roles: its trigger audit"},
    {"delete that nobody hears of",
	"drop trigger audit on links; create trigger audit after insert or update on links for each row execute "
	"function "
	"audit_change('link', 'id', '', '', 'survey_id')",
	"drop trigger audit on links; select audit('links', 'link', p_about => 'survey_id')",
	"audit triggers: links: its trigger audit"},
    {"column that nobody hears of",
	"drop trigger audit on memberships; create trigger audit after insert or delete or update on memberships for "
	"each row "
	"execute function audit_change('member', 'user_id', '', 'role', '')",
	"drop trigger audit on memberships; select audit('memberships', 'member', 'user_id')",
	"audit triggers: memberships: its trigger audit"},
    {"a log that can be changed", "drop trigger append_only on events",
	"create trigger append_only before update or delete on events for each row execute function "
	"refuse_event_change()",
	"append only: events can be changed"},
    {"a log whose rows go",
	"drop trigger append_only on events; create trigger append_only before update on events for each row execute "
	"function "
	"refuse_event_change()",
	"drop trigger append_only on events; create trigger append_only before update or delete on events for each row "
	"execute function "
	"refuse_event_change()",
	"append only: events can be changed"},
    {"a month that can be emptied",
	"do $$ begin execute format('drop trigger append_only_whole on %I', 'events_' || to_char(now() at time zone "
	"'UTC', 'YYYY_MM')); end $$",
	"do $$ begin perform guard_event_partition(('events_' || to_char(now() at time zone 'UTC', "
	"'YYYY_MM'))::regclass); end $$",
	"append only: events_"},
    {"a guard that lets everything through",
	"create or replace function refuse_event_change() returns trigger language plpgsql set search_path = collect, "
	"pg_temp as 'begin return "
	"coalesce(new, old); end'",
	"create or replace function refuse_event_change() returns trigger language plpgsql set search_path = collect, "
	"pg_temp as $$\nbegin\n"
	"\traise exception 'the log of events is only appended to' using errcode = "
	"'integrity_constraint_violation';\nend\n$$",
	"functions of the log: refuse_event_change() is another"},
    {"view next door",
	"create view public.all_answers as select * from responses; grant select on public.all_answers to "
	"collect_public",
	"drop view public.all_answers", "reach: public.all_answers: collect_public reaches it"},
    {"materialized view next door",
	"create schema next_door; create materialized view next_door.mat as select * from projects; grant select "
	"(name) on next_door.mat to "
	"collect_app",
	"drop schema next_door cascade", "reach: next_door.mat: collect_app reaches it"},
    {"definer function next door for respondents",
	"create function public.leak() returns setof projects language sql security definer as 'select * from "
	"projects'; "
	"revoke execute on function public.leak() from public; grant execute on function public.leak() to "
	"collect_public",
	"drop function public.leak()", "definer functions: public.leak(): runs as its owner"},
    {"constraint not checked", "alter table projects add constraint c check (name <> 'x') not valid",
	"alter table projects drop constraint c", "constraints: projects: c was not checked"},
};

/* `finding` may name two beginnings, either of which will do. */
static bool begins(const char *first, const char *finding)
{
	const char *bar = strchr(finding, '|');

	if (bar && strncmp(first, finding, (size_t)(bar - finding)) == 0)
		return true;
	finding = bar ? bar + 1 : finding;
	return strncmp(first, finding, strlen(finding)) == 0;
}

static void as_superuser(const char *sql)
{
	char text[2048];

	snprintf(text, sizeof(text), "set search_path = collect, pg_temp; %s", sql);
	(void)admin(text);
}

static void each_fault_is_found(void **state)
{
	char first[256];

	(void)state;
	for (size_t i = 0; i < countof(faults); i++) {
		as_superuser(faults[i].make);
		(void)found(first);
		as_superuser(faults[i].mend);
		if (!begins(first, faults[i].finding))
			fail_msg("%s: found \"%s\", expected \"%s\"", faults[i].what, first, faults[i].finding);
		if (found(first) > 0)
			fail_msg("%s: mended, and still \"%s\"", faults[i].what, first);
	}
}

/* A lint that nothing was made wrong for may as well be empty. */
static void each_lint_has_its_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < doctor_lint_count; i++) {
		const char *title = doctor_lints[i].title;
		bool seen = false;

		for (size_t k = 0; k < countof(faults) && !seen; k++)
			seen = strncmp(faults[k].finding, title, strlen(title)) == 0 &&
			       strncmp(faults[k].finding + strlen(title), ": ", 2) == 0;
		if (!seen)
			fail_msg("no fault makes the lint \"%s\" fire: add one", title);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_database_has_no_findings),
	    cmocka_unit_test(each_fault_is_found),
	    cmocka_unit_test(each_lint_has_its_fault),
	};

	return cmocka_run_group_tests(tests, lints_start, lints_stop);
}

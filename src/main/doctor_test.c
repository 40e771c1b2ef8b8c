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
		if (n > 0 && !first[0])
			snprintf(first, 256, "%s: %.*s", l->title, STR_ARGS(rows[0].name));
		sum += n;
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
}

struct fault {
	const char *what, *make, *mend; /* statements as the superuser */
	const char *finding;		/* how the finding begins */
};

static const struct fault faults[] = {
    {"policy gone", "drop policy tenant_isolation on projects",
	"create policy tenant_isolation on projects using (tenant_id = current_tenant_id()) with check (tenant_id = "
	"current_tenant_id())",
	"row security: projects: not exactly one policy"},
    {"second policy", "create policy p on surveys using (true)", "drop policy p on surveys",
	"row security: surveys: not exactly one policy"},
    {"policy of one role",
	"drop policy tenant_isolation on links; create policy tenant_isolation on links to collect_app using "
	"(tenant_id = "
	"current_tenant_id()) with check (tenant_id = current_tenant_id())",
	"drop policy tenant_isolation on links; create policy tenant_isolation on links using (tenant_id = "
	"current_tenant_id()) with check "
	"(tenant_id = current_tenant_id())",
	"row security: links: not exactly one policy"},
    {"always true", "alter policy tenant_isolation on data_keys using (true)",
	"alter policy tenant_isolation on data_keys using (tenant_id = current_tenant_id())",
	"row security: data_keys: not exactly one policy"},
    {"hidden subselect", "alter policy tenant_isolation on links using (tenant_id = (select current_tenant_id()))",
	"alter policy tenant_isolation on links using (tenant_id = current_tenant_id())",
	"row security: links: not exactly one policy"},
    {"not forced", "alter table memberships no force row level security",
	"alter table memberships force row level security", "row security: memberships: row security is not forced"},
    {"off on a partition", "alter table responses_07 disable row level security",
	"alter table responses_07 enable row level security", "row security: responses_07: row security is off"},
    {"a new table", "create table loose (tenant_id uuid primary key)", "drop table loose",
	"row security: loose: row security is off"},
    {"grant on a partition", "grant select on responses_00 to collect_app",
	"revoke select on responses_00 from collect_app", "grants: responses_00: collect_app has SELECT"},
    {"grant on a global table", "grant select (email) on users to collect_app",
	"revoke select (email) on users from collect_app", "grants: users.email: collect_app has SELECT"},
    {"grant to everybody", "grant select on links to public", "revoke select on links from public",
	"grants: links: everybody has SELECT"},
    {"truncate", "grant truncate on projects to collect_worker", "revoke truncate on projects from collect_worker",
	"grants: projects: collect_worker has TRUNCATE"},
    {"delete", "grant delete on responses to collect_app", "revoke delete on responses from collect_app",
	"grants: responses: collect_app has DELETE"},
    {"another owner", "alter table links owner to postgres", "alter table links owner to collect_owner",
	"grants: |owner: links belongs to postgres"},
    {"unique without the tenant", "create unique index u on projects (id)", "drop index u",
	"keys begin with the tenant: projects: u does not begin with tenant_id"},
    {"foreign key without the tenant",
	"create table tenants_too (id uuid primary key); alter table links add constraint f foreign key (survey_id) "
	"references tenants_too (id)",
	"alter table links drop constraint f; drop table tenants_too", "row security: tenants_too"},
    {"definer function off the list",
	"create function sneaky() returns int language sql security definer set search_path = collect, pg_temp as "
	"'select 1'; "
	"alter function sneaky() owner to collect_owner; revoke execute on function sneaky() from public",
	"drop function sneaky()", "functions: sneaky(): runs as its owner and is not on the list"},
    {"search_path not pinned", "alter function slug_lookup(text) reset search_path",
	"alter function slug_lookup(text) set search_path = collect, pg_temp",
	"functions: slug_lookup(text): its search_path is not pinned"},
    {"function for everybody", "grant execute on function login_lookup(text) to public",
	"revoke execute on function login_lookup(text) from public",
	"functions: login_lookup(text): may be run by everybody"},
    {"view", "create view peek as select * from surveys; alter view peek owner to collect_owner", "drop view peek",
	"views: peek is a view"},
    {"materialized view",
	"create materialized view peek as select 1 as a; alter materialized view peek owner to collect_owner",
	"drop materialized view peek", "views: peek is a materialized view"},
    {"audit column", "alter table projects rename column deleted_by to gone_by",
	"alter table projects rename column gone_by to deleted_by", "audit columns: projects lacks deleted_by"},
    {"create in a schema", "grant create on schema collect to collect_app",
	"revoke create on schema collect from collect_app", "roles: collect_app may create in schema collect"},
    {"temporary objects",
	"do $$ begin execute format('grant temporary on database %I to collect_public', current_database()); end $$",
	"do $$ begin execute format('revoke temporary on database %I from collect_public', current_database()); end $$",
	"roles: collect_public may create schemas or temporary objects"},
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
	char text[1024];

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_database_has_no_findings),
	    cmocka_unit_test(each_fault_is_found),
	};

	return cmocka_run_group_tests(tests, lints_start, lints_stop);
}

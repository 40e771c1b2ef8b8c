#include "main/domains.h"

#include "auth/auth.h"
#include "event/event.h"
#include "export/export.h"
#include "fieldwork/fieldwork.h"
#include "privacy/privacy.h"
#include "survey/survey.h"
#include "tenant/tenant.h"

static const struct route *const of_rooms[] = {
    auth_routes,
    role_routes,
    member_routes,
    project_member_routes,
    invitation_routes,
    password_routes,
    key_routes,
    provider_routes,
    oidc_routes,
    profile_routes,
    identity_routes,
    client_routes,
    second_factor_routes,
    oauth_routes,
    tenant_routes,
    survey_routes,
    link_routes,
    link_qr_routes,
    link_code_routes,
    link_password_routes,
    link_panel_routes,
    quota_routes,
    response_routes,
    response_change_routes,
    response_action_routes,
    lookup_routes,
    sealing_routes,
    export_routes,
    privacy_settings_routes,
    privacy_request_routes,
    job_routes,
    event_routes,
    public_routes,
    interview_routes,
    sync_routes,
    page_routes,
    internal_routes,
    document_routes,
};

enum err domains_routes(struct app *app, struct arena *a)
{
	const struct route **all = arena_array(a, const struct route *, countof(of_rooms) + 1);
	enum err e;

	if (!all)
		return ERR_MEMORY;
	memcpy(all, of_rooms, sizeof of_rooms);
	if ((e = static_routes(a, &all[countof(of_rooms)])))
		return e;
	app->routes = all;
	app->route_arrays = countof(of_rooms) + 1;
	return OK;
}

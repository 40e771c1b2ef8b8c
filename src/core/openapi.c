#include "core/router.h"

enum err openapi_print(const struct app *app, struct arena *a, struct str *json)
{
	(void)app;
	(void)a;
	(void)json;
	return ERR_NOT_BUILT;
}

#include "auth/auth_state.h"

#define RECEIPT_AUDIENCE "collect-device"

enum err auth_receipt(const struct app *app, const struct claim *claims, size_t n, struct arena *a, struct str *receipt)
{
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, a, TOKEN_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("iss"), app->auth->issuer);
	json_field_str(&w, S("aud"), S(RECEIPT_AUDIENCE));
	for (size_t i = 0; i < n; i++)
		json_field_str(&w, claims[i].name, claims[i].value);
	json_close(&w, '}');
	return (e = buf_done(&b, &text)) ? e : token_receipt(app->auth->key, text, a, receipt);
}

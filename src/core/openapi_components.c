#include "core/openapi_parts.h"

static const struct {
	const char *name, *json;
} list_parameters[] = {
    {"Limit",
	"{\"name\":\"limit\",\"in\":\"query\",\"description\":\"Items on a page.\",\"schema\":{\"type\":\"integer\","
	"\"minimum\":1,\"maximum\":200,\"default\":50}}"},
    {"Cursor", "{\"name\":\"cursor\",\"in\":\"query\",\"description\":\"next of the page "
	       "before.\",\"schema\":{\"type\":\"string\"}}"},
    {"Count", "{\"name\":\"count\",\"in\":\"query\",\"description\":\"Adds total: how many there are in all.\","
	      "\"schema\":{\"type\":\"boolean\",\"default\":false}}"},
};

static const char if_match[] =
    "{\"name\":\"If-Match\",\"in\":\"header\",\"required\":true,\"description\":"
    "\"ETag of the version that was read, such as \\\"7\\\".\",\"schema\":{\"type\":\"string\"}}";
static const char idempotency_key[] =
    "{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":"
    "\"Same key and payload: the first reply again, nothing is stored twice.\",\"schema\":{\"type\":\"string\","
    "\"minLength\":1,\"maxLength\":255,\"pattern\":\"^[ -~]+$\"}}";

static const char problem[] =
    "{\"type\":\"object\",\"description\":\"RFC 9457\",\"additionalProperties\":false,\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"detail\":{"
    "\"type\":\"string\"},"
    "\"code\":{\"type\":\"string\",\"description\":\"What clients switch on.\"},\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/ProblemError\"}}},"
    "\"required\":[\"type\",\"title\",\"status\",\"code\",\"request_id\"]}";
static const char problem_error[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"pointer\":{\"type\":\"string\",\"description\":\"JSON pointer into the body, or /query/NAME.\"},"
    "\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}},\"required\":[\"pointer\",\"code\",\"message\"]"
    "}";

static const struct {
	const char *name, *about, *type;
} limit_headers[] = {
    {"RateLimit-Limit", "Requests allowed in the window.", "integer"},
    {"RateLimit-Remaining", "Requests left.", "integer"},
    {"RateLimit-Reset", "Seconds until the window is full again.", "integer"},
};

static void put_page(struct json_out *w, const struct shape *item)
{
	json_open(w, '{');
	json_field_str(w, S("type"), S("object"));
	json_field_bool(w, S("additionalProperties"), false);
	json_key(w, S("properties"));
	json_open(w, '{');
	json_key(w, S("items"));
	json_put_raw(w, S("{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/"));
	buf_add(w->buf, str_from(item->name));
	buf_add(w->buf, S("\"}}"));
	json_key(w, S("next"));
	json_put_raw(
	    w, S("{\"type\":[\"string\",\"null\"],\"description\":\"Cursor of the next page; null on the last.\"}"));
	json_key(w, S("total"));
	json_put_raw(w, S("{\"type\":\"integer\",\"description\":\"Only with count=true.\"}"));
	json_close(w, '}');
	json_key(w, S("required"));
	json_put_raw(w, S("[\"items\",\"next\"]"));
	json_close(w, '}');
}

static void put_schemas(struct json_out *w, const struct openapi_used *used)
{
	json_key(w, S("schemas"));
	json_open(w, '{');
	for (size_t i = 0; i < used->shape_count; i++) {
		json_key(w, str_from(used->shapes[i]->name));
		schema_print(used->shapes[i], w);
	}
	for (size_t i = 0; i < used->page_count; i++) {
		char name[100];

		snprintf(name, sizeof(name), "%sPage", used->pages[i]->name);
		json_key(w, str_from(name));
		put_page(w, used->pages[i]);
	}
	json_field_raw(w, S("Problem"), str_from(problem));
	json_field_raw(w, S("ProblemError"), str_from(problem_error));
	json_close(w, '}');
}

static void put_parameters(struct json_out *w, const struct openapi_used *used)
{
	if (!used->lists && !used->if_match && !used->idempotency)
		return;
	json_key(w, S("parameters"));
	json_open(w, '{');
	for (size_t i = 0; used->lists && i < countof(list_parameters); i++)
		json_field_raw(w, str_from(list_parameters[i].name), str_from(list_parameters[i].json));
	if (used->if_match)
		json_field_raw(w, S("IfMatch"), str_from(if_match));
	if (used->idempotency)
		json_field_raw(w, S("IdempotencyKey"), str_from(idempotency_key));
	json_close(w, '}');
}

static void put_header_ref(struct json_out *w, const char *name)
{
	json_key(w, str_from(name));
	json_put_raw(w, S("{\"$ref\":\"#/components/headers/"));
	buf_add(w->buf, str_from(name));
	buf_add(w->buf, S("\"}"));
}

static void put_problem_headers(struct json_out *w, int status)
{
	json_key(w, S("headers"));
	json_open(w, '{');
	put_header_ref(w, "X-Request-Id");
	for (size_t i = 0; i < countof(limit_headers); i++)
		put_header_ref(w, limit_headers[i].name);
	if (status == 304)
		put_header_ref(w, "ETag");
	if (status == 401)
		json_field_raw(w, S("WWW-Authenticate"),
		    S("{\"description\":\"How to sign in.\",\"schema\":{\"type\":\"string\"}}"));
	if (status == 429 || status == 503)
		json_field_raw(
		    w, S("Retry-After"), S("{\"description\":\"Seconds to wait.\",\"schema\":{\"type\":\"integer\"}}"));
	json_close(w, '}');
}

/* One status may stand for several errors of the list; all their meanings are told. */
static void put_problem(struct json_out *w, int status)
{
	char name[16];
	bool any = false;

	snprintf(name, sizeof(name), "E%d", status);
	json_key(w, str_from(name));
	json_open(w, '{');
	json_key(w, S("description"));
	json_put_raw(w, S("\""));
	for (int e = OK + 1; e < ERR_MEMORY; e++) {
		if (err_status(e) != status)
			continue;
		if (any)
			buf_char(w->buf, ' ');
		buf_add(w->buf, str_from(err_slug(e)));
		buf_add(w->buf, S(": "));
		buf_add(w->buf, str_from(err_meaning(e)));
		any = true;
	}
	if (!any)
		buf_add(w->buf, S("What you have is what there is."));
	buf_char(w->buf, '"');
	put_problem_headers(w, status);
	if (status >= 400) {
		json_key(w, S("content"));
		json_put_raw(
		    w, S("{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}"));
	}
	json_close(w, '}');
}

static void put_headers(struct json_out *w, const struct openapi_used *used)
{
	json_key(w, S("headers"));
	json_open(w, '{');
	json_key(w, S("X-Request-Id"));
	json_put_raw(w, S("{\"description\":\"In the server's log and in events; beside one that the client sent, "
			  "which stands in the log too.\",\"schema\":{\"type\":\"string\"}}"));
	if (used->etag)
		json_field_raw(w, S("ETag"),
		    S("{\"description\":\"The object's version, for If-Match and If-None-Match; -gzip or -br at its "
		      "end when "
		      "the reply is compressed.\",\"schema\":{\"type\":\"string\"}}"));
	for (size_t i = 0; i < countof(limit_headers); i++) {
		json_key(w, str_from(limit_headers[i].name));
		json_open(w, '{');
		json_field_str(w, S("description"), str_from(limit_headers[i].about));
		json_key(w, S("schema"));
		json_open(w, '{');
		json_field_str(w, S("type"), str_from(limit_headers[i].type));
		json_close(w, '}');
		json_close(w, '}');
	}
	json_close(w, '}');
}

void openapi_put_components(struct json_out *w, const struct openapi_used *used)
{
	json_key(w, S("components"));
	json_open(w, '{');
	put_schemas(w, used);
	put_parameters(w, used);
	put_headers(w, used);
	json_key(w, S("responses"));
	json_open(w, '{');
	for (int status = 300; status < 600; status++) {
		if (used->problems[status])
			put_problem(w, status);
	}
	json_close(w, '}');
	json_key(w, S("securitySchemes"));
	json_put_raw(w, S("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
			  "\"An access token from POST /api/v1/auth/login, or an API key.\"}}"));
	json_close(w, '}');
}

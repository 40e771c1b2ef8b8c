/* static.c - the files of embed.h: a route each, answered on the I/O thread from the program's own constants. */
#include "main/domains.h"
#include "main/embed.h"

/* Pages among them may run and fetch only what comes from this origin; the API page styles its elements in place. */
#define PAGE_POLICY                                                                                                    \
	"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "        \
	"font-src 'self' data:; "                                                                                      \
	"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct embedded_file *find_file(const char *path)
{
	size_t low = 0, high = embedded_file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(path, embedded_files[middle].path);

		if (order == 0)
			return &embedded_files[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static enum err static_http(struct req *rq)
{
	const struct embedded_file *f = find_file(rq->route->path);
	struct str type;

	if (!f)
		return ERR_NOT_FOUND;
	type = str_from(f->type);
	if (str_starts(type, S("text/html")))
		reply_header(rq, S("Content-Security-Policy"), S(PAGE_POLICY));
	/* The address of a file stays when its content changes, so clients ask again; the ETag makes that cheap. */
	reply_header(rq, S("Cache-Control"), S("public, max-age=300"));
	return reply_static(rq, type, f->identity, f->gzip, f->br, str_from(f->etag));
}

enum err static_routes(struct arena *a, const struct route **out)
{
	struct route *rows = arena_array(a, struct route, embedded_file_count + 1);
	size_t i;

	if (!rows)
		return ERR_MEMORY;
	for (i = 0; i < embedded_file_count; i++)
		rows[i] = (struct route){.method = HTTP_GET,
		    .path = embedded_files[i].path,
		    .perm = PERM_NONE,
		    .rate = RATE_NONE,
		    .status = 200,
		    .handler = static_http,
		    .summary = "A file of the pages",
		    .out_type = embedded_files[i].type,
		    .flags = ROUTE_INLINE | ROUTE_NO_TX | ROUTE_HIDDEN};
	*out = rows;
	return OK;
}

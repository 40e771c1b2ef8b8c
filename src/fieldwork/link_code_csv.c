/* A file of codes: the first line names parameters, the others are one respondent each. */
#include "base/utf8.h"
#include "fieldwork/link_code.h"

#define COLUMNS_MAX (PAGE_PARAMETERS_MAX + 1)

struct csv_reading {
	struct req *rq;
	struct str rest;
	int64_t line;
	bool failed;
	struct str cells[COLUMNS_MAX];
	size_t cell_count;
	struct str names[COLUMNS_MAX];
	size_t name_count;
};

static void fault(struct csv_reading *r, const char *why)
{
	struct str text;
	struct buf b;

	r->failed = true;
	buf_init(&b, r->rq->arena, KB);
	buf_add(&b, S("Line "));
	buf_int(&b, r->line);
	buf_add(&b, S(": "));
	buf_add(&b, str_from(why));
	if (!buf_done(&b, &text))
		req_error(r->rq, S("/csv"), S("csv"), text);
}

/* What stands in quotes, up to the quote that ends it; two of them are one. */
static enum err quoted(struct csv_reading *r, struct str *out)
{
	struct buf b;
	size_t i = 1;

	buf_init(&b, r->rq->arena, r->rest.n + 1);
	buf_add(&b, S(""));
	for (; i < r->rest.n; i++) {
		if (r->rest.p[i] == '"' && (i + 1 == r->rest.n || r->rest.p[i + 1] != '"'))
			break;
		i += r->rest.p[i] == '"';
		buf_char(&b, r->rest.p[i]);
	}
	if (i >= r->rest.n)
		fault(r, "a quote is not closed.");
	r->rest = str_sub(r->rest, i + 1 < r->rest.n ? i + 1 : r->rest.n, r->rest.n);
	*out = S("");
	return b.n == 0 ? OK : buf_done(&b, out);
}

static void plain(struct csv_reading *r, struct str *out)
{
	size_t i = 0;

	while (i < r->rest.n && r->rest.p[i] != ',' && r->rest.p[i] != '\n' && r->rest.p[i] != '\r')
		i++;
	*out = str_trim(str_sub(r->rest, 0, i));
	r->rest = str_sub(r->rest, i, r->rest.n);
}

/* The cells of the next line. */
static enum err next_line(struct csv_reading *r)
{
	enum err e;

	r->line++;
	for (r->cell_count = 0;;) {
		struct str cell;

		if (r->rest.n > 0 && r->rest.p[0] == '"') {
			if ((e = quoted(r, &cell)))
				return e;
		} else {
			plain(r, &cell);
		}
		if (r->cell_count == COLUMNS_MAX) {
			fault(r, "there are too many columns.");
			return ERR_INVALID;
		}
		r->cells[r->cell_count++] = cell;
		if (r->rest.n == 0 || r->rest.p[0] != ',')
			break;
		r->rest = str_sub(r->rest, 1, r->rest.n);
	}
	if (r->rest.n > 0 && r->rest.p[0] != '\n' && r->rest.p[0] != '\r')
		fault(r, "text follows a closed quote.");
	if (r->rest.n > 0 && r->rest.p[0] == '\r')
		r->rest = str_sub(r->rest, 1, r->rest.n);
	if (r->rest.n > 0 && r->rest.p[0] == '\n')
		r->rest = str_sub(r->rest, 1, r->rest.n);
	return r->failed ? ERR_INVALID : OK;
}

static bool known(const struct json *names, struct str name)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (str_eq(names->items[i].s, name))
			return true;
	return str_eq(name, S("code"));
}

static enum err read_head(struct csv_reading *r, const struct json *names)
{
	enum err e;

	if (str_starts(r->rest, S("\xef\xbb\xbf")))
		r->rest = str_sub(r->rest, 3, r->rest.n);
	if ((e = next_line(r)))
		return e;
	for (size_t i = 0; i < r->cell_count; i++) {
		if (!known(names, r->cells[i]))
			fault(r, "each column is named code or like a parameter of the survey.");
		for (size_t k = 0; k < i; k++)
			if (str_eq(r->cells[k], r->cells[i]))
				fault(r, "two columns have one name.");
		r->names[i] = r->cells[i];
	}
	r->name_count = r->cell_count;
	return r->failed ? ERR_INVALID : OK;
}

static enum err read_row(struct csv_reading *r, struct code_new *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, r->rq->arena, 64 * KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (size_t i = 0; i < r->name_count && i < r->cell_count; i++) {
		if (str_eq(r->names[i], S("code"))) {
			out->code = r->cells[i];
			continue;
		}
		if (utf8_length(r->cells[i]) > PARAMETER_TEXT_MAX)
			fault(r, "a value is longer than 1000 characters.");
		if (r->cells[i].n > 0)
			json_field_str(&w, r->names[i], r->cells[i]);
	}
	json_close(&w, '}');
	if (r->cell_count != r->name_count)
		fault(r, "there are more or fewer cells than the first line has.");
	if (out->code.n > 0 && !code_ok(out->code))
		fault(r, "a code is 6 to 64 of a-z, A-Z, 0-9, hyphens and underscores.");
	if (r->failed)
		return ERR_INVALID;
	return buf_done(&b, &out->parameters);
}

enum err codes_read_csv(struct req *rq, struct str text, const struct json *names, struct code_new **out, size_t *n)
{
	struct csv_reading *r = arena_new(rq->arena, struct csv_reading);
	size_t room = 1;
	enum err e;

	*n = 0;
	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == '\n' || text.p[i] == '\r';
	if (room > LINK_CODES_CSV_MAX + 2)
		return req_fail(
		    rq, ERR_INVALID, "/csv", "a file has at most 10,000 lines; send more of them one by one");
	if (!r || !(*out = arena_array(rq->arena, struct code_new, room + 1)))
		return ERR_MEMORY;
	*r = (struct csv_reading){.rq = rq, .rest = text};
	if ((e = read_head(r, names)))
		return e;
	while (r->rest.n > 0) {
		if ((e = next_line(r)))
			return e;
		/* an empty line, such as the last */
		if (r->cell_count == 1 && r->cells[0].n == 0)
			continue;
		if ((e = read_row(r, &(*out)[(*n)++])))
			return e;
	}
	return *n > 0 ? OK : req_fail(rq, ERR_INVALID, "/csv", "there is no line below the names");
}

/* simulate_device.c - what a device would have answered: codes, places, files. */
#include "engine/simulate.h"
#include "engine/number.h"
#include "base/limits.h"

static struct json text_of(struct str s)
{
	return (struct json){.type = JSON_STR, .s = s};
}

bool draw_barcode(struct simulator *s, struct asked in, struct json *out)
{
	(void)in;
	*out = text_of(draw_code(s, "893", 10, ""));
	return out->s.n > 0;
}

/* Somewhere in Viet Nam; what the device says of its accuracy only sometimes. */
bool draw_place(struct simulator *s, struct asked in, struct json *out)
{
	static const double low[] = {8.6, 104.5, 3}, wide[] = {14.7, 4.9, 60};
	struct json_member *m = run_alloc(&s->r, GEOPOINT_FIELDS, sizeof(*m));
	uint32_t n = chance(s, 70) ? 3 : 2;

	*out = (struct json){.type = JSON_OBJECT, .members = m};
	for (uint32_t i = 0; m && i < n; i++) {
		double v = number_round(low[i] + wide[i] * rng_below(&s->rng, 10001) / 10000.0, 5);

		if (i == 2 && s->strict && in.q->at_most && v > program_num(s->r.p, in.q->at_most))
			break;
		m[out->count++] =
		    (struct json_member){.key = str_from(geopoint_fields[i]), .value = {.type = JSON_NUM, .num = v}};
	}
	return out->count > 0;
}

/* A kind of file that is accepted: one of the usual ones, or what the first of those accepted says. */
static void kind_of(struct simulator *s, struct str accept, struct str *type, struct str *name)
{
	static const char *const types[] = {
	    "image/jpeg", "image/png", "audio/mpeg", "video/mp4", "application/pdf", "text/csv"};
	static const char *const names[] = {
	    "photo.jpg", "picture.png", "sound.mp3", "film.mp4", "paper.pdf", "table.csv"};
	uint32_t first = rng_below(&s->rng, countof(types));
	struct str kind;
	struct buf b;

	for (uint32_t i = 0; i < countof(types); i++) {
		*type = str_from(types[(first + i) % countof(types)]);
		*name = str_from(names[(first + i) % countof(types)]);
		if (media_fits(accept, *type, *name))
			return;
	}
	kind = str_trim(str_cut(&accept, ',', NULL));
	*type = str_starts(kind, S(".")) || str_ends(kind, S("*")) ? S("application/octet-stream") : kind;
	if (!str_starts(kind, S(".")))
		return;
	buf_init(&b, s->r.a, KB);
	buf_add(&b, S("file"));
	buf_add(&b, kind);
	if (buf_done(&b, name) == ERR_MEMORY)
		s->r.failed = ERR_MEMORY;
}

bool draw_media(struct simulator *s, struct asked in, struct json *out)
{
	double most = in.q->max_size ? program_num(s->r.p, in.q->max_size) : 5e6;
	uint32_t n = 1 + rng_below(&s->rng, in.q->at_most ? (uint32_t)program_num(s->r.p, in.q->at_most) : 1);
	struct json *items = run_alloc(&s->r, n, sizeof(*items));

	*out = (struct json){.type = JSON_ARRAY, .items = items};
	for (; items && out->count < n && !s->r.failed; out->count++) {
		struct json_member *m = run_alloc(&s->r, 4, sizeof(*m));
		struct str type, name;

		kind_of(s, program_str(s->r.p, in.q->accept), &type, &name);
		if (!m)
			return false;
		m[0] = (struct json_member){.key = S("id"), .value = text_of(draw_code(s, "file-", 12, ""))};
		m[1] = (struct json_member){.key = S("name"), .value = text_of(name)};
		m[2] = (struct json_member){.key = S("type"), .value = text_of(type)};
		m[3] = (struct json_member){.key = S("size_bytes"),
		    .value = {.type = JSON_INT, .i = (int64_t)(most * rng_below(&s->rng, 1001) / 1000)}};
		items[out->count] = (struct json){.type = JSON_OBJECT, .count = 4, .members = m};
	}
	return out->count > 0;
}

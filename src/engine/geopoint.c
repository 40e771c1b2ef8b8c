/* geopoint.c - where somebody is: latitude and longitude in degrees, and how well they are known in metres. */
#include "engine/run.h"

const char *const geopoint_fields[GEOPOINT_FIELDS] = {"lat", "lon", "accuracy_m"};

static int field_of(struct str name)
{
	for (int i = 0; i < GEOPOINT_FIELDS; i++)
		if (str_eq(name, str_from(geopoint_fields[i])))
			return i;
	return -1;
}

/* Half a place is none: what is missing is said. */
void geopoint_take(struct run *r, const struct p_question *q, struct state *s)
{
	struct value_field *fields = run_alloc(r, GEOPOINT_FIELDS, sizeof(*fields));
	uint32_t n = 0;

	(void)q;
	if (s->raw->type != JSON_OBJECT) {
		answer_wrong(r, s, "type", MSG_NOT_PLACE);
		return;
	}
	for (uint32_t i = 0; i < s->raw->count && run_burn(r, 1); i++)
		if (field_of(s->raw->members[i].key) < 0)
			answer_wrong_at(r, s, "unknown", MSG_NOT_PLACE, s->raw->members[i].key);
	for (int i = 0; fields && s->raw->count && i < GEOPOINT_FIELDS; i++) {
		struct str name = str_from(geopoint_fields[i]);
		const struct json *j = json_get(s->raw, name);

		if (j && json_is_num(j))
			fields[n++] = (struct value_field){name, value_num(json_num(j))};
		else if (j && j->type != JSON_NULL)
			answer_wrong_at(r, s, "type", MSG_NOT_NUMBER, name);
		else if (i < 2)
			answer_wrong_at(r, s, "required", MSG_NOT_PLACE, name);
	}
	s->value = (struct value){.kind = V_RECORD, .count = n, .fields = fields};
}

void geopoint_judge(struct run *r, const struct p_question *q, const struct state *s)
{
	static const double most[] = {90, 180, 1e9}, least[] = {-90, -180, 0};

	for (uint32_t i = 0; i < s->value.count; i++) {
		struct str name = s->value.fields[i].name;
		double v = s->value.fields[i].value.num;
		int at = field_of(name);

		if (v < least[at])
			run_error(r, q, name, "min", message_num(r, MSG_MIN, least[at]));
		else if (v > most[at])
			run_error(r, q, name, "max", message_num(r, MSG_MAX, most[at]));
		else if (at == 2 && q->at_most && v > program_num(r->p, q->at_most))
			run_error(
			    r, q, name, "accuracy_m", message_num(r, MSG_ACCURACY, program_num(r->p, q->at_most)));
	}
}

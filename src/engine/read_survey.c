/* read_survey.c - the survey around its questions: languages, parameters, lists, pages, rules, outcomes. */
#include "engine/def.h"
#include "base/limits.h"

/* In the order of enum value_kind. */
#define WORDS_KIND " boolean number text date time datetime"

static void param_more(struct reader r, void *out, uint32_t index)
{
	struct def_param *p = out;

	p->index = index;
	p->kind = p->kind ? p->kind : V_TEXT;
	/* {@lang} and its like would never be the parameter of that name */
	if (word_find("lang now seed index count", p->name) >= 0)
		diag(&r.d->diags, D_DUPLICATE_NAME, where_key(&r.d->diags, r.at, S("name")), p->name,
		    S("value of the interview"));
}

static const struct prop param_props[] = {PROP_NEEDED(def_param, "name", NAME, name),
    {"type", P_ALL, AS_WORD, true, offsetof(struct def_param, kind), {WORDS_KIND}},
    PROP_OF(def_param, "required", BOOL, required), PROP_OF(def_param, "export", BOOL, exported)};
static const struct shape param_shape = {
    "a parameter", param_props, countof(param_props), sizeof(struct def_param), SURVEY_PARAMETERS_MAX, param_more};

static void read_lists(struct reader survey)
{
	struct reader all = read_into(survey, S("choice_lists"));
	struct def *d = survey.d;

	if (!all.json || !read_is_object(all, "choice_lists") ||
	    !read_bounded(survey, S("choice_lists"), all.json, SURVEY_LISTS_MAX))
		return;
	if (all.json->count && !(d->lists = arena_array(d->a, struct def_list, all.json->count))) {
		d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; i < all.json->count; i++) {
		struct def_list *l = &d->lists[d->list_count++];

		l->name = all.json->members[i].key;
		if (!name_valid(l->name))
			diag(&d->diags, D_BAD_NAME, where_key(&d->diags, all.at, l->name), l->name, S(""));
		read_choices(all, l->name, &l->choices, NULL);
	}
}

static void calc_more(struct reader r, void *out, uint32_t index)
{
	struct def_calc *c = out;

	(void)r;
	c->index = index;
	c->kind = c->kind ? c->kind : V_TEXT;
}

static const struct prop calc_props[] = {PROP_NEEDED(def_calc, "name", NAME, name),
    {"type", P_ALL, AS_WORD, true, offsetof(struct def_calc, kind), {WORDS_KIND}},
    PROP_NEEDED(def_calc, "expression", FORMULA, expression), PROP_OF(def_calc, "export", BOOL, exported)};
static const struct shape calc_shape = {
    "a calculated value", calc_props, countof(calc_props), sizeof(struct def_calc), SURVEY_CALCULATED_MAX, calc_more};

static void page_more(struct reader r, void *out, uint32_t index)
{
	struct def_page *p = out;

	p->index = index;
	p->first = r.d->question_count;
	read_questions(r, p, NULL);
	p->count = r.d->question_count - p->first;
}

static const struct prop page_props[] = {PROP_NEEDED(def_page, "name", NAME, name),
    PROP_OF(def_page, "title", TEXT, title), PROP_OF(def_page, "description", TEXT, description),
    PROP_OF(def_page, "visible_if", FORMULA, visible_if), PROP_WORD(def_page, "order", order, WORDS_ORDER_QUESTIONS),
    PROP_NEEDED(def_page, "questions", DONE, first)};
static const struct shape page_shape = {
    "a page", page_props, countof(page_props), sizeof(struct def_page), SURVEY_PAGES_MAX, page_more};

/* How many questions there are at the most, those inside others too: room is taken once, pointers stay. */
static uint32_t count_questions(const struct json *page, uint32_t depth)
{
	const struct json *list = json_get(page, S("questions"));
	uint32_t n = 0;

	if (!list || list->type != JSON_ARRAY || depth > JSON_DEPTH_MAX)
		return 0;
	for (uint32_t i = 0; i < list->count; i++)
		n += 1 + count_questions(&list->items[i], depth + 1);
	return n;
}

static void read_pages(struct reader survey)
{
	struct reader all = read_into(survey, S("pages"));
	struct def *d = survey.d;

	for (uint32_t i = 0; all.json && all.json->type == JSON_ARRAY && i < all.json->count; i++)
		d->question_room += count_questions(&all.json->items[i], 0);
	if (d->question_room > SURVEY_QUESTIONS_MAX) {
		diag(&d->diags, D_TOO_MANY, all.at, S("questions"), diag_int(&d->diags, SURVEY_QUESTIONS_MAX));
		return;
	}
	if ((d->questions = arena_array(d->a, struct def_question, d->question_room + 1)))
		d->pages = read_objects(survey, "pages", &page_shape, &d->page_count);
	else
		d->diags.memory = true;
}

static void rule_more(struct reader r, void *out, uint32_t index)
{
	const struct def_rule *rule = out;
	bool end = rule->verb == 1;

	(void)index;
	if (rule->verb && !(end ? rule->outcome_name.p : rule->target_name.p))
		read_missing(r, end ? S("outcome") : S("target"));
	else if (rule->verb && (end ? rule->target_name.p : rule->outcome_name.p))
		diag(&r.d->diags, D_BOTH, r.at, S("outcome"), S("target"));
}

static const struct prop rule_props[] = {PROP_NEEDED(def_rule, "when", FORMULA, when),
    {"do", P_ALL, AS_WORD, true, offsetof(struct def_rule, verb), {" end skip_to"}},
    PROP_OF(def_rule, "outcome", STR, outcome_name), PROP_OF(def_rule, "target", STR, target_name)};
static const struct shape rule_shape = {
    "a rule", rule_props, countof(rule_props), sizeof(struct def_rule), SURVEY_RULES_MAX, rule_more};

static const struct prop outcome_props[] = {PROP_OF(def_outcome, "html", MARKUP, html),
    PROP_OF(def_outcome, "redirect", ADDRESS, redirect), PROP_WORD(def_outcome, "sign", sign, " hmac-sha256")};
static const struct shape outcome_shape = {"an outcome", outcome_props, countof(outcome_props)};

static void read_outcomes(struct reader survey)
{
	struct reader all = read_into(survey, S("outcomes"));
	struct def *d = survey.d;
	bool some = all.json && read_is_object(all, "outcomes") &&
		    read_bounded(survey, S("outcomes"), all.json, SURVEY_OUTCOMES_MAX);
	uint32_t n = some ? all.json->count : 0;

	/* `completed` is there even when nothing is said about it, and `quota_full` where there are quotas */
	if (!(d->outcomes = arena_array(d->a, struct def_outcome, n + 2))) {
		d->diags.memory = true;
		return;
	}
	d->outcomes[d->outcome_count++].name = S("completed");
	if (d->quota_count) {
		d->outcomes[1].index = d->outcome_count++;
		d->outcomes[1].name = S("quota_full");
	}
	for (uint32_t i = 0; i < n; i++) {
		struct reader r = read_into(all, all.json->members[i].key);
		struct def_outcome *o = &d->outcomes[d->outcome_count];

		if (!read_is_object(r, outcome_shape.what))
			continue;
		if (str_eq(all.json->members[i].key, S("completed")))
			o = &d->outcomes[0];
		else if (d->quota_count && str_eq(all.json->members[i].key, S("quota_full")))
			o = &d->outcomes[1];
		else
			o->index = d->outcome_count++;
		o->at = r.at;
		o->name = all.json->members[i].key;
		if (!name_valid(o->name))
			diag(&d->diags, D_BAD_NAME, r.at, o->name, S(""));
		read_props(r, &outcome_shape, P_ALL, P_ALL, o);
	}
}

static const struct prop setting_props[] = {PROP_WORD(def, "compat", compat, "strict surveyjs"),
    PROP_OF(def, "show_back", BOOL, show_back), PROP_WORD(def, "progress", progress, "pages questions none")};
static const struct shape setting_shape = {"the settings", setting_props, countof(setting_props)};

static void read_settings(struct reader survey)
{
	struct reader r = read_into(survey, S("settings"));

	survey.d->show_back = true;
	if (r.json && read_is_object(r, "settings"))
		read_props(r, &setting_shape, P_ALL, P_ALL, r.d);
}

static bool language_valid(struct str s)
{
	if (s.n < 2 || s.n > 35 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    s.p[i] != '-')
			return false;
	return true;
}

static void read_languages(struct reader survey)
{
	const struct json *list = read_array(survey, S("languages"), SURVEY_LANGUAGES_MAX);
	struct def *d = survey.d;
	struct reader all = read_into(survey, S("languages"));
	bool own = false;

	d->language = read_str(survey, S("language"));
	if (!d->language.p)
		d->language = S("en");
	if (!(d->languages = arena_array(d->a, struct str, SURVEY_LANGUAGES_MAX + 1))) {
		d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; list && i < list->count; i++) {
		struct reader r = read_item(all, i);

		if (r.json->type != JSON_STR || !language_valid(r.json->s)) {
			diag(&d->diags, D_BAD_LANGUAGE, r.at, r.json->type == JSON_STR ? r.json->s : S("?"), S(""));
			continue;
		}
		for (uint32_t k = 0; k < d->language_count; k++)
			if (str_eq_nocase(d->languages[k], r.json->s))
				diag(&d->diags, D_DUPLICATE_NAME, r.at, r.json->s, S("language"));
		own |= str_eq(r.json->s, d->language);
		d->languages[d->language_count++] = r.json->s;
	}
	if (list && !own)
		diag(&d->diags, D_OWN_LANGUAGE, all.at, d->language, S(""));
	if (!own) {
		if (!language_valid(d->language))
			diag(&d->diags, D_BAD_LANGUAGE, where_key(&d->diags, survey.at, S("language")), d->language,
			    S(""));
		d->languages[d->language_count++] = d->language;
	}
	while (!str_eq(d->languages[d->language_index], d->language))
		d->language_index++;
}

static const struct prop survey_props[] = {PROP_OF(def, "title", TEXT, title),
    PROP_OF(def, "description", TEXT, description), PROP_OF(def, "language", DONE, at),
    PROP_OF(def, "languages", DONE, at), PROP_OF(def, "settings", DONE, at), PROP_OF(def, "parameters", DONE, at),
    PROP_OF(def, "choice_lists", DONE, at), PROP_OF(def, "calculated", DONE, at), PROP_NEEDED(def, "pages", DONE, at),
    PROP_OF(def, "rules", DONE, at), PROP_OF(def, "quotas", DONE, at), PROP_OF(def, "outcomes", DONE, at)};
static const struct shape survey_shape = {"the survey", survey_props, countof(survey_props)};

static const struct prop document_props[] = {
    PROP_NEEDED(def, "schema_version", DONE, at), PROP_NEEDED(def, "survey", DONE, at)};
static const struct shape document_shape = {"a definition", document_props, countof(document_props)};

/* Languages are looked at by much of the rest, lists by questions, quotas by outcomes. */
static void read_survey(struct reader r)
{
	struct def *d = r.d;

	d->at = r.at;
	read_languages(r);
	read_props(r, &survey_shape, P_ALL, P_ALL, d);
	read_settings(r);
	d->params = read_objects(r, "parameters", &param_shape, &d->param_count);
	read_lists(r);
	d->calcs = read_objects(r, "calculated", &calc_shape, &d->calc_count);
	read_pages(r);
	d->rules = read_objects(r, "rules", &rule_shape, &d->rule_count);
	read_quotas(r);
	read_outcomes(r);
}

enum err def_read(struct def *d, const struct json *document)
{
	struct reader r = {d, NULL, document}, survey;
	struct str version;

	if (!read_is_object(r, document_shape.what))
		return OK;
	read_props(r, &document_shape, P_ALL, P_ALL, d);
	version = read_str(r, S("schema_version"));
	if (version.p && !str_eq(version, S("1.0")))
		diag(&d->diags, D_VERSION, where_key(&d->diags, NULL, S("schema_version")), version, S(""));
	survey = read_into(r, S("survey"));
	if (survey.json && read_is_object(survey, "survey"))
		read_survey(survey);
	return d->diags.memory ? ERR_MEMORY : OK;
}

/* read_survey.c - the survey around its questions: languages, parameters, lists, pages, rules, outcomes. */
#include "engine/def.h"
#include "base/limits.h"

static enum value_kind read_kind(struct reader r)
{
	static const char *const words[] = {"text", "number", "boolean", "date", "time", "datetime"};
	static const enum value_kind kinds[] = {V_TEXT, V_NUM, V_BOOL, V_DATE, V_TIME, V_DATETIME};

	if (!json_get(r.json, S("type")))
		diag(&r.d->diags, D_MISSING, r.at, S("type"), S(""));
	return kinds[read_word(r, S("type"), words, countof(words))];
}

static bool is_object(struct reader r, const char *what)
{
	if (r.json->type == JSON_OBJECT)
		return true;
	diag(&r.d->diags, D_SHAPE, r.at, str_from(what), S("an object"));
	return false;
}

/* {@lang} and its like would never be the parameter of that name. */
static void check_param_name(struct def *d, const struct def_param *p)
{
	static const char *const own[] = {"lang", "now", "seed", "index", "count"};

	for (size_t i = 0; i < countof(own); i++)
		if (str_eq(p->name, str_from(own[i])))
			diag(&d->diags, D_DUPLICATE_NAME, where_key(&d->diags, p->at, S("name")), p->name,
			    S("value of the interview"));
}

static enum err read_params(struct reader survey)
{
	static const char *const known[] = {"name", "type", "required", "export", NULL};
	const struct json *list = read_array(survey, S("parameters"));
	struct reader all = read_into(survey, S("parameters"));
	struct def *d = survey.d;

	if (!list || !list->count)
		return OK;
	if (!(d->params = arena_array(d->a, struct def_param, list->count)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		struct reader r = read_item(all, i);
		struct def_param *p = &d->params[d->param_count];

		if (!is_object(r, "parameter"))
			continue;
		read_keys(r, known, NULL, "a parameter");
		*p =
		    (struct def_param){.at = r.at, .name = read_name(r), .kind = read_kind(r), .index = d->param_count};
		check_param_name(d, p);
		p->required = read_bool(r, S("required"), false);
		p->exported = read_bool(r, S("export"), false);
		d->param_count++;
	}
	return OK;
}

static enum err read_lists(struct reader survey)
{
	struct reader all = read_into(survey, S("choice_lists"));
	struct def *d = survey.d;

	if (!all.json || !is_object(all, "choice_lists") || !read_bounded(survey, S("choice_lists"), all.json))
		return OK;
	if (all.json->count && !(d->lists = arena_array(d->a, struct def_list, all.json->count)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < all.json->count; i++) {
		struct def_list *l = &d->lists[d->list_count++];

		l->name = all.json->members[i].key;
		if (!name_valid(l->name))
			diag(&d->diags, D_BAD_NAME, where_key(&d->diags, all.at, l->name), l->name, S(""));
		read_choices(all, l->name, &l->choices, NULL);
	}
	return OK;
}

static enum err read_calcs(struct reader survey)
{
	static const char *const known[] = {"name", "type", "expression", "export", NULL};
	const struct json *list = read_array(survey, S("calculated"));
	struct reader all = read_into(survey, S("calculated"));
	struct def *d = survey.d;

	if (!list || !list->count)
		return OK;
	if (!(d->calcs = arena_array(d->a, struct def_calc, list->count)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		struct reader r = read_item(all, i);
		struct def_calc *c = &d->calcs[d->calc_count];

		if (!is_object(r, "calculated value"))
			continue;
		read_keys(r, known, NULL, "a calculated value");
		*c = (struct def_calc){.at = r.at, .name = read_name(r), .kind = read_kind(r), .index = d->calc_count};
		read_formula(r, S("expression"), &c->expression);
		if (!json_get(r.json, S("expression")))
			diag(&d->diags, D_MISSING, r.at, S("expression"), S(""));
		c->exported = read_bool(r, S("export"), false);
		d->calc_count++;
	}
	return OK;
}

static void read_page(struct reader r, struct def_page *p)
{
	static const char *const known[] = {"name", "title", "description", "visible_if", "order", "questions", NULL};

	read_keys(r, known, NULL, "a page");
	p->at = r.at;
	p->name = read_name(r);
	read_text(r, S("title"), TEXT_PLAIN, &p->title);
	read_text(r, S("description"), TEXT_PLAIN, &p->description);
	read_formula(r, S("visible_if"), &p->visible_if);
	p->order = read_order(r, S("order"), true);
	p->first = r.d->question_count;
	if (!json_get(r.json, S("questions")))
		diag(&r.d->diags, D_MISSING, r.at, S("questions"), S(""));
	read_questions(r, p, NULL);
	p->count = r.d->question_count - p->first;
}

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

static enum err read_pages(struct reader survey)
{
	const struct json *list = read_array(survey, S("pages"));
	struct reader all = read_into(survey, S("pages"));
	struct def *d = survey.d;

	if (!all.json)
		diag(&d->diags, D_MISSING, survey.at, S("pages"), S(""));
	if (!list || !list->count)
		return OK;
	for (uint32_t i = 0; i < list->count; i++)
		d->question_room += count_questions(&list->items[i], 0);
	if (d->question_room > SURVEY_QUESTIONS_MAX) {
		diag(&d->diags, D_TOO_MANY, all.at, S("questions"), diag_int(&d->diags, SURVEY_QUESTIONS_MAX));
		return OK;
	}
	d->pages = arena_array(d->a, struct def_page, list->count);
	d->questions = arena_array(d->a, struct def_question, d->question_room + 1);
	if (!d->pages || !d->questions)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		struct reader r = read_item(all, i);

		if (!is_object(r, "page"))
			continue;
		d->pages[d->page_count].index = d->page_count;
		read_page(r, &d->pages[d->page_count]);
		d->page_count++;
	}
	return OK;
}

static enum err read_rules(struct reader survey)
{
	static const char *const known[] = {"when", "do", "outcome", "target", NULL};
	static const char *const verbs[] = {"", "end", "skip_to"};
	const struct json *list = read_array(survey, S("rules"));
	struct reader all = read_into(survey, S("rules"));
	struct def *d = survey.d;

	if (!list || !list->count)
		return OK;
	if (!(d->rules = arena_array(d->a, struct def_rule, list->count)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++) {
		struct reader r = read_item(all, i);
		struct def_rule *rule = &d->rules[d->rule_count];
		int verb;

		if (!is_object(r, "rule"))
			continue;
		read_keys(r, known, NULL, "a rule");
		rule->at = r.at;
		read_formula(r, S("when"), &rule->when);
		verb = read_word(r, S("do"), verbs, countof(verbs));
		rule->do_what = str_from(verbs[verb]);
		rule->outcome_name = read_str(r, S("outcome"));
		rule->target_name = read_str(r, S("target"));
		if (!json_get(r.json, S("when")) || !json_get(r.json, S("do")))
			diag(&d->diags, D_MISSING, r.at, json_get(r.json, S("when")) ? S("do") : S("when"), S(""));
		else if (verb == 1 ? !rule->outcome_name.p : verb == 2 && !rule->target_name.p)
			diag(&d->diags, D_MISSING, r.at, verb == 1 ? S("outcome") : S("target"), S(""));
		else if (verb == 1 ? !!rule->target_name.p : !!rule->outcome_name.p)
			diag(&d->diags, D_BOTH, r.at, S("outcome"), S("target"));
		d->rule_count++;
	}
	return OK;
}

static enum err read_outcomes(struct reader survey)
{
	static const char *const known[] = {"html", "redirect", "sign", NULL};
	static const char *const signs[] = {"", "hmac-sha256"};
	struct reader all = read_into(survey, S("outcomes"));
	struct def *d = survey.d;
	bool some = all.json && is_object(all, "outcomes") && read_bounded(survey, S("outcomes"), all.json);
	uint32_t n = some ? all.json->count : 0;

	/* `completed` is there even when nothing is said about it, and `quota_full` where there are quotas */
	if (!(d->outcomes = arena_array(d->a, struct def_outcome, n + 2)))
		return ERR_MEMORY;
	d->outcomes[d->outcome_count++].name = S("completed");
	if (d->quota_count) {
		d->outcomes[1].index = d->outcome_count++;
		d->outcomes[1].name = S("quota_full");
	}
	for (uint32_t i = 0; i < n; i++) {
		struct reader r = read_into(all, all.json->members[i].key);
		struct def_outcome *o = &d->outcomes[d->outcome_count];

		if (!is_object(r, "outcome"))
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
		read_keys(r, known, NULL, "an outcome");
		read_text(r, S("html"), TEXT_MARKUP, &o->html);
		read_text(r, S("redirect"), TEXT_ADDRESS, &o->redirect);
		o->sign = read_word(r, S("sign"), signs, countof(signs)) == 1;
	}
	return OK;
}

static void read_settings(struct reader survey)
{
	static const char *const known[] = {"compat", "show_back", "progress", NULL};
	static const char *const compats[] = {"strict", "surveyjs"};
	static const char *const progress[] = {"pages", "questions", "none"};
	struct reader r = read_into(survey, S("settings"));

	survey.d->show_back = true;
	if (!r.json || !is_object(r, "settings"))
		return;
	read_keys(r, known, NULL, "the settings");
	survey.d->compat = (enum compat)read_word(r, S("compat"), compats, countof(compats));
	survey.d->show_back = read_bool(r, S("show_back"), true);
	survey.d->progress = (enum progress_kind)read_word(r, S("progress"), progress, countof(progress));
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

static enum err read_languages(struct reader survey)
{
	const struct json *list = read_array(survey, S("languages"));
	struct def *d = survey.d;
	struct reader all = read_into(survey, S("languages"));
	bool own = false;

	d->language = read_str(survey, S("language"));
	if (!d->language.p)
		d->language = S("en");
	if (!(d->languages = arena_array(d->a, struct str, SURVEY_LANGUAGES_MAX + 1)))
		return ERR_MEMORY;
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
	return OK;
}

static enum err read_survey(struct reader r)
{
	static const char *const known[] = {"title", "description", "language", "languages", "settings", "parameters",
	    "choice_lists", "calculated", "pages", "rules", "quotas", "outcomes", NULL};
	enum err e;

	r.d->at = r.at;
	read_keys(r, known, NULL, "the survey");
	if ((e = read_languages(r)))
		return e;
	read_text(r, S("title"), TEXT_PLAIN, &r.d->title);
	read_text(r, S("description"), TEXT_PLAIN, &r.d->description);
	read_settings(r);
	if ((e = read_params(r)) || (e = read_lists(r)) || (e = read_calcs(r)) || (e = read_pages(r)))
		return e;
	if ((e = read_rules(r)) || (e = read_quotas(r)))
		return e;
	return read_outcomes(r);
}

enum err def_read(struct def *d, const struct json *document)
{
	static const char *const known[] = {"schema_version", "survey", NULL};
	struct reader r = {d, NULL, document}, survey;
	struct str version;
	enum err e;

	if (!is_object(r, "definition"))
		return OK;
	read_keys(r, known, NULL, "a definition");
	version = read_str(r, S("schema_version"));
	if (!json_get(document, S("schema_version")))
		diag(&d->diags, D_MISSING, NULL, S("schema_version"), S(""));
	else if (version.p && !str_eq(version, S("1.0")))
		diag(&d->diags, D_VERSION, where_key(&d->diags, NULL, S("schema_version")), version, S(""));
	survey = read_into(r, S("survey"));
	if (!survey.json) {
		diag(&d->diags, D_MISSING, NULL, S("survey"), S(""));
		return OK;
	}
	if (!is_object(survey, "survey"))
		return OK;
	if ((e = read_survey(survey)))
		return e;
	return d->diags.memory ? ERR_MEMORY : OK;
}

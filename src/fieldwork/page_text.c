#include "fieldwork/page_text.h"
#include "fieldwork/page_language.h"

static const struct str spoken[] = {{"en", 2}, {"vi", 2}};

static const struct {
	const char *in[countof(spoken)];
} texts[PAGE_TEXTS] = {
#define PAGE_TEXT(name, en, vi) [TEXT_##name] = {{en, vi}},
#include "fieldwork/page_text.def"
#undef PAGE_TEXT
};

struct str page_text_language(struct str language)
{
	struct str found = language_match(language, spoken, countof(spoken));

	return found.n > 0 ? found : spoken[0];
}

struct str page_text(enum page_text t, struct str language)
{
	struct str found = page_text_language(language);

	for (size_t i = 0; i < countof(spoken); i++)
		if (found.p == spoken[i].p)
			return str_from(texts[t].in[i]);
	return str_from(texts[t].in[0]);
}

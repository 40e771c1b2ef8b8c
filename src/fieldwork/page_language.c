#include "fieldwork/page_language.h"
#include "base/limits.h"

static struct str primary_subtag(struct str tag)
{
	return str_cut(&tag, '-', NULL);
}

struct str language_match(struct str wish, const struct str *offered, size_t n)
{
	if (wish.n == 0)
		return (struct str){0};
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(offered[i], wish))
			return offered[i];
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(primary_subtag(offered[i]), primary_subtag(wish)))
			return offered[i];
	return (struct str){0};
}

/* "0.85" to 850; 1000 when there is none; 0 for what is no quality at all, so that it is skipped. */
static int read_quality(struct str params)
{
	while (params.n > 0) {
		struct str p = str_trim(str_cut(&params, ';', NULL));
		int value = 0, scale = 1000;

		if (p.n < 3 || (p.p[0] != 'q' && p.p[0] != 'Q') || p.p[1] != '=')
			continue;
		if (p.p[2] != '0' && p.p[2] != '1')
			return 0;
		value = (p.p[2] - '0') * 1000;
		if (p.n > 3 && p.p[3] != '.')
			return 0;
		for (size_t i = 4; i < p.n && scale > 1; i++) {
			if (p.p[i] < '0' || p.p[i] > '9')
				return 0;
			scale /= 10;
			value += (p.p[i] - '0') * scale;
		}
		return value > 1000 ? 1000 : value;
	}
	return 1000;
}

struct str language_accept(struct str header, const struct str *offered, size_t n)
{
	struct str best = {0};
	int best_quality = 0;

	for (int parts = 0; header.n > 0 && parts < LANGUAGE_RANGES_MAX; parts++) {
		struct str params = str_cut(&header, ',', NULL);
		struct str range = str_trim(str_cut(&params, ';', NULL));
		struct str found = language_match(range, offered, n);
		int quality = read_quality(params);

		if (found.n > 0 && quality > best_quality) {
			best = found;
			best_quality = quality;
		}
	}
	return best;
}

static const struct {
	const char *tag, *name;
	bool rtl;
} languages[] = {
    {"ar", "العربية", true},
    {"bn", "বাংলা", false},
    {"cs", "Čeština", false},
    {"da", "Dansk", false},
    {"de", "Deutsch", false},
    {"el", "Ελληνικά", false},
    {"en", "English", false},
    {"es", "Español", false},
    {"fa", "فارسی", true},
    {"fi", "Suomi", false},
    {"fr", "Français", false},
    {"he", "עברית", true},
    {"hi", "हिन्दी", false},
    {"hu", "Magyar", false},
    {"id", "Bahasa Indonesia", false},
    {"it", "Italiano", false},
    {"ja", "日本語", false},
    {"km", "ខ្មែរ", false},
    {"ko", "한국어", false},
    {"lo", "ລາວ", false},
    {"ms", "Bahasa Melayu", false},
    {"my", "မြန်မာ", false},
    {"nb", "Norsk bokmål", false},
    {"nl", "Nederlands", false},
    {"pl", "Polski", false},
    {"pt", "Português", false},
    {"ro", "Română", false},
    {"ru", "Русский", false},
    {"sv", "Svenska", false},
    {"ta", "தமிழ்", false},
    {"th", "ไทย", false},
    {"tl", "Tagalog", false},
    {"tr", "Türkçe", false},
    {"uk", "Українська", false},
    {"ur", "اردو", true},
    {"vi", "Tiếng Việt", false},
    {"zh", "中文", false},
    {"ps", "پښتو", true},
    {"ckb", "کوردی", true},
    {"yi", "ייִדיש", true},
    {"sd", "سنڌي", true},
    {"dv", "ދިވެހި", true},
};

struct str language_own_name(struct str tag)
{
	for (size_t i = 0; i < countof(languages); i++)
		if (str_eq_nocase(str_from(languages[i].tag), tag))
			return str_from(languages[i].name);
	return tag;
}

struct str language_direction(struct str tag)
{
	for (size_t i = 0; i < countof(languages); i++)
		if (languages[i].rtl && str_eq_nocase(str_from(languages[i].tag), primary_subtag(tag)))
			return S("rtl");
	return S("ltr");
}

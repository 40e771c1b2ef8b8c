/* diag_print.c - docs/diagnostics.md from the rows of diagnostics.def. */
#include "engine/diag.h"
#include "base/limits.h"

static const struct row {
	const char *code, *severity, *text;
} rows[DIAG_KINDS] = {
#define DIAG(name, code, severity, text) {code, #severity, text},
#include "engine/diagnostics.def"
#undef DIAG
};

/* The two digits behind the letter, and what they are about. */
static const struct group {
	const char *digits, *title;
} groups[] = {{"00", "Reading the file"}, {"01", "Properties and their shape"}, {"02", "Names and references"},
    {"03", "Expressions"}, {"04", "Order, and what no interview comes to"}, {"05", "Values and choices"},
    {"06", "Texts, languages and markup"}, {"07", "Quotas"}, {"09", "Not in this release"}};

/* %1 to %3 stand for names; what Markdown would take for its own is escaped. */
static void put_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%' && i + 1 < text.n && text.p[i + 1] >= '1' && text.p[i + 1] <= '3') {
			buf_add(out, S("…"));
			i++;
			continue;
		}
		if (c == '|' || c == '<' || c == '*')
			buf_char(out, '\\');
		buf_char(out, c);
	}
}

/* The last sentence says how to mend it. */
static size_t mending(struct str text)
{
	for (size_t i = text.n; i > 2; i--)
		if (text.p[i - 1] == ' ' && text.p[i - 2] == '.')
			return i;
	return 0;
}

static void put_row(struct buf *out, const struct row *row)
{
	struct str text = str_from(row->text);
	size_t at = mending(text);

	buf_add(out, S("| "));
	buf_add(out, str_from(row->code));
	buf_add(out, row->severity[0] == 'E' ? S(" | error | ") : S(" | warning | "));
	put_text(out, at ? str_sub(text, 0, at - 1) : text);
	buf_add(out, S(" | "));
	put_text(out, str_sub(text, at, at ? text.n - at : 0));
	buf_add(out, S(" |\n"));
}

void diagnostics_print(struct buf *out)
{
	buf_add(out,
	    S("# Diagnostics of survey definitions\n\n"
	      "Printed by `collect print diagnostics` from `src/engine/diagnostics.def`; do not edit.\n\n"
	      "What `collect check` and the console say about a survey. Each has a code that does not change, a JSON "
	      "pointer "
	      "to the place in the definition,\nwhere it is about an expression the columns in it (from 1, "
	      "in characters), and a sentence on how to mend it. An error keeps a survey from being\n"
	      "published, a warning does not. Warnings about conditions, pages, rules and quotas are looked for in "
	      "surveys without errors, and each\nis proved: docs/decisions/0012-what-warnings-are-proved-from.md. "
	      "`…` stands for a name of the survey at hand.\n"));
	for (size_t g = 0; g < countof(groups); g++) {
		buf_add(out, S("\n## "));
		buf_add(out, str_from(groups[g].title));
		buf_add(out, S("\n\n| Code | Severity | What it means | How to mend it |\n|---|---|---|---|\n"));
		for (size_t i = 0; i < DIAG_KINDS; i++)
			if (str_starts(str_from(rows[i].code + 1), str_from(groups[g].digits)))
				put_row(out, &rows[i]);
	}
}

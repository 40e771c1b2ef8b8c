/* One CSV field. What a spreadsheet would take for a formula is neutralised; what would break the row is quoted. */
#include "core/csv.h"
#include "base/utf8.h"

/* Spreadsheets read = + - @ as the start of a formula, and so do some of them the full-width forms after normalising.
 * A leading TAB or CR is dropped by some before they look. */
static bool csv_dangerous(struct str text)
{
	size_t at = 0;

	switch (utf8_next(text, &at)) {
	case '=':
	case '+':
	case '-':
	case '@':
	case '\t':
	case '\r':
	case '\n':
	case 0xff1d:
	case 0xff0b:
	case 0xff0d:
	case 0xff20:
		return text.n > 0;
	default:
		return false;
	}
}

static bool csv_needs_quotes(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == ',' || c == '"' || c == '\n' || c == '\r' || c == ';' || c == '\t')
			return true;
	}
	return text.n > 0 && (text.p[0] == ' ' || text.p[text.n - 1] == ' ');
}

void csv_field(struct buf *b, struct str text, bool is_number)
{
	bool escape = !is_number && csv_dangerous(text);

	if (!csv_needs_quotes(text)) {
		if (escape)
			buf_char(b, '\'');
		buf_add(b, text);
		return;
	}
	buf_char(b, '"');
	if (escape)
		buf_char(b, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_char(b, '"');
		buf_char(b, text.p[i]);
	}
	buf_char(b, '"');
}

/* csv.h - one field of a CSV file (RFC 4180), whoever writes the file. */
#ifndef CORE_CSV_H
#define CORE_CSV_H

#include "base/str.h"

/* Quoted when it must be; a leading = + - @ TAB CR (or their full-width forms) of text is neutralised by a leading apostrophe. Numbers (is_number) are left
 * alone. */
void csv_field(struct buf *b, struct str text, bool is_number);

#endif

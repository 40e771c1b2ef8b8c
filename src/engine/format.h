/* format.h - the kinds of text input that are checked: e-mail, web address, phone number. Room-internal. */
#ifndef ENGINE_FORMAT_H
#define ENGINE_FORMAT_H

#include "engine/program.h"

/* Whether a text that is not empty could be one. Generous: what mail systems and phones take is decided elsewhere. */
bool format_fits(enum input input, struct str s);

#endif

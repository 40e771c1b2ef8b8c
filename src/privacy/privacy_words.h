/* privacy_words.h - a person's answers as that person can read them. Room-internal. */
#ifndef PRIVACY_PRIVACY_WORDS_H
#define PRIVACY_PRIVACY_WORDS_H

#include "engine/engine.h"
#include "privacy/privacy_person.h"

/* One answer as a piece of the file: the survey's title, times, each question in the words of the interview's language with the value stored and, where
 * that is a choice's, the choice's words; parameters; consents. */
enum err answer_in_words(const struct program *program, const struct person_answer *answer,
    const struct person_read *read, struct arena *a, struct str *json);
/* The piece once more, as lines of plain text. */
void piece_as_text(const struct json *piece, struct buf *out);

#endif

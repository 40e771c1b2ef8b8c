/* marks.h - what the way in knows of a doubtful answer: marks that become flags of a completed one at once, and prints by which the job finds duplicates (quality.sql).
 * Room-internal.
 *
 * A print is an HMAC under the tenant's key for knowing again what was sent (vault_replay(), which only shredding ends), of a device, of a panelist or of a text as long as the survey compares, together
 * with the survey: without the key it says nothing, with another survey's it has nothing in common. Prints stand in response_prints and go with the answer. Made of completed answers
 * only, not of tests, and of texts that are not personal; where all answers are sealed as elsewhere, because they are made before that. */
#ifndef FIELDWORK_MARKS_H
#define FIELDWORK_MARKS_H

#include "fieldwork/intake.h"

/* The marks' names, parted by commas; empty: none. */
enum err marks_text(struct arena *a, unsigned marks, struct str *text);
/* [{"kind", "print", "chars"}]; empty: there is nothing to know it again by. tx writes: a key may have to be made. */
enum err prints_rows(struct app *app, struct tx *tx, struct arena *a, const struct response *r, struct str *json);
/* Those of the texts of so many characters (0: of none) anew, after somebody changed the answers. Queued. */
enum err prints_renew(struct app *app, struct tx *tx, struct arena *a, const struct program *program,
    const struct uuid ids[2], int64_t chars, struct str answers);

#endif

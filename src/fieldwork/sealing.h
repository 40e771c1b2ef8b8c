/* sealing.h - what of an answer is stored sealed, how it is opened again, and what it is found by. Room-internal.
 *
 * Personal answers are always sealed (column sealed, purpose pii). Where the tenant has all answers sealed, the others are as well, together with the
 * consents: column answers_sealed, purpose response, {"answers": {...}, "consents": {...}}; the columns answers and consents are then {}. */
#ifndef FIELDWORK_SEALING_H
#define FIELDWORK_SEALING_H

#include "engine/engine.h"
#include "fieldwork/fieldwork.h"

/* Whose pieces they are: what is sealed is bound to it. */
struct answer_row {
	const struct uuid *survey, *id;
};
struct plain_answer {
	struct str answers, consents, personal; /* JSON objects */
};
struct sealed_piece {
	struct str bytes; /* empty: there is none */
	int64_t key_version;
};
struct sealed_answer {
	struct str answers, consents; /* as their columns hold them */
	struct sealed_piece personal, rest;
};
/* By what the tenant wants now. */
enum err answer_seal(struct app *app, struct tx *tx, const struct answer_row *row, const struct plain_answer *in,
    struct arena *a, struct sealed_answer *out);
/* Each piece by itself, whatever the tenant wants. Of {} there is no personal piece. */
enum err personal_seal(struct app *app, struct tx *tx, const struct answer_row *row, struct str personal,
    struct arena *a, struct sealed_piece *piece);
enum err rest_seal(struct app *app, struct tx *tx, const struct answer_row *row, const struct plain_answer *in,
    struct arena *a, struct sealed_piece *piece);
/* ERR_GONE: shredded; ERR_INVALID: it does not open. */
enum err personal_open(struct app *app, struct tx *tx, const struct answer_row *row, const struct sealed_piece *piece,
    struct arena *a, struct str *personal);
enum err rest_open(struct app *app, struct tx *tx, const struct answer_row *row, const struct sealed_piece *piece,
    struct arena *a, struct str *answers, struct str *consents);

/* ---- the blind index: response_lookups ---- */

/* core/contact.h's form. ERR_INVALID when it is none. */
enum err contact_normal(enum contact_kind kind, struct str text, int64_t country, struct arena *a, struct str *out);
/* What `personal` is to be found by: [{"question", "kind", "hash"}]; empty when it holds no such thing. */
struct lookup_rows {
	struct str json;
	int64_t key_version;
};
enum err lookups_rows(struct app *app, struct tx *tx, const struct program *program, struct str personal,
    struct arena *a, struct lookup_rows *out);
/* Adds the rows for what `personal` holds; nothing when it holds no such thing. Queued. */
enum err lookups_add(struct app *app, struct tx *tx, const struct program *program, const struct uuid *survey,
    const struct uuid *response, struct str personal, struct arena *a);

#endif

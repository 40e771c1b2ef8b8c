#include "core/tx_who.h"

#include "base/limits.h"
#include "base/str.h"

struct str tx_who_kind(const struct tx_who *w)
{
	static const char *const by_role[PG_ROLE_COUNT] = {
	    [PG_PUBLIC] = "respondent", [PG_WORKER] = "job", [PG_OWNER] = "operator"};

	if (w->kind)
		return str_from(w->kind);
	return str_from(by_role[w->role] ? by_role[w->role] : w->has_user ? "user" : "nobody");
}

static void put_uuid(struct buf *b, const struct uuid *id)
{
	char text[UUID_TEXT_BYTES];

	if (id)
		uuid_text(id, text);
	buf_add(b, id ? str_make(text, sizeof(text)) : S("-"));
	buf_char(b, ' ');
}

enum err tx_who_text(const struct tx_who *w, struct arena *a, struct str *out)
{
	struct buf b;

	buf_init(&b, a, TX_ORIGIN_MAX_BYTES);
	buf_add(&b, tx_who_kind(w));
	buf_char(&b, ' ');
	put_uuid(&b, w->has_user ? &w->user : NULL);
	put_uuid(&b, w->has_credential ? &w->credential : NULL);
	buf_add(&b, w->request_id.n > 0 ? w->request_id : S("-"));
	return buf_done(&b, out);
}

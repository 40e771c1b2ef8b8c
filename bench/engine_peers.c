/* engine_peers.c - see engine_peers.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine_peers.h"
#include <jansson.h>
#include <pcre2.h>
#include <stdlib.h>

struct peer_pattern {
	pcre2_code *code;
	pcre2_match_data *data;
};

bool peer_json_read(const char *text, size_t n)
{
	json_error_t why;
	json_t *doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);

	json_decref(doc);
	return doc != NULL;
}

struct peer_pattern *peer_pattern_compile(const char *pattern)
{
	struct peer_pattern *p = malloc(sizeof(*p));
	PCRE2_SIZE at;
	int why;

	if (!p)
		return NULL;
	p->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &why, &at, NULL);
	p->data = p->code ? pcre2_match_data_create_from_pattern(p->code, NULL) : NULL;
	return p->data ? p : NULL;
}

bool peer_pattern_jit(struct peer_pattern *p)
{
	return pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
}

bool peer_pattern_find(const struct peer_pattern *p, const char *text, size_t n)
{
	return pcre2_match(p->code, (PCRE2_SPTR)text, n, 0, 0, p->data, NULL) > 0;
}

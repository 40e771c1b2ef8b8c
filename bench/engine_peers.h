/* engine_peers.h - what bench/engine measures our JSON reader and pattern matcher against: jansson and PCRE2, in a file of their own
 * because jansson's names and ours clash. */
#ifndef BENCH_ENGINE_PEERS_H
#define BENCH_ENGINE_PEERS_H

#include <stdbool.h>
#include <stddef.h>

bool peer_json_read(
    const char *text, size_t n); /* reads all of it and lets it go again; duplicate keys are refused, as by ours */

struct peer_pattern;
struct peer_pattern *peer_pattern_compile(const char *pattern); /* in UTF mode; NULL when it does not take it */
bool peer_pattern_jit(struct peer_pattern *p);			/* to machine code; false when that cannot be had */
bool peer_pattern_find(const struct peer_pattern *p, const char *text, size_t n);

#endif

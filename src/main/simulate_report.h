/* simulate_report.h - what `collect simulate` prints. */
#ifndef MAIN_SIMULATE_REPORT_H
#define MAIN_SIMULATE_REPORT_H

#include <stdio.h>
#include "engine/engine.h"

struct simulate_result {
	int64_t respondents, threads, seed;
	double seconds;
	struct coverage_row *rows;
	size_t row_count;
};

void simulate_report_text(const struct simulate_result *r, FILE *to);
void simulate_report_json(const struct simulate_result *r, struct arena *a, FILE *to);
/* How many found no way on. */
uint64_t simulate_stuck(const struct simulate_result *r);

#endif

#include "core/name_distance.h"

#include <stdint.h>

size_t name_distance(const char *x, const char *y)
{
	size_t prev[DISTANCE_NAME_MAX_BYTES + 1], n = strlen(y), i, j;

	if (n > DISTANCE_NAME_MAX_BYTES)
		return SIZE_MAX;
	for (j = 0; j <= n; j++)
		prev[j] = j;
	for (i = 0; x[i]; i++) {
		size_t corner = prev[0];

		prev[0] = i + 1;
		for (j = 0; j < n; j++) {
			size_t best = corner + (x[i] != y[j]);

			corner = prev[j + 1];
			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (prev[j + 1] + 1 < best)
				best = prev[j + 1] + 1;
			prev[j + 1] = best;
		}
	}
	return prev[n];
}

/* fuzz.h - what the fuzz targets share. A broken promise of the code under test is an abort, which libFuzzer reports. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"

#define must(promise)                                                                                                  \
	do {                                                                                                           \
		if (!(promise)) {                                                                                      \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #promise);                  \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#endif

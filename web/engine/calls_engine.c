/* calls_engine.c - the calls of engine.wasm: run and render, no compiler. */
#include "calls.h"

const struct call_row call_rows[] = {CALLS_OF_ENGINE};
const uint32_t call_count = countof(call_rows);

/* calls_table.c - the calls that a build has, as it was asked for. */
#include "calls.h"

const struct call_row call_rows[] = {
    CALLS_OF_ENGINE,
#if defined(WITH_SESSIONS) || defined(WITH_COMPILER)
    CALLS_OF_FORMS,
#endif
#ifdef WITH_SESSIONS
    CALLS_OF_PROGRAMS,
    CALLS_OF_SESSIONS,
#endif
#ifdef WITH_COMPILER
    CALLS_OF_COMPILER,
#endif
};
const uint32_t call_count = countof(call_rows);

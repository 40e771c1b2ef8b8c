#!/usr/bin/env bash
# tsan.sh: the scenarios of the API and of the workers against a build with ThreadSanitizer. A report fails the file that caused it. Libraries that are
# not instrumented are suppressed by name in tsan_suppressions.txt, each with its reason.
# Without COTEST_LONG: one file. time limit: 60 min
set -uo pipefail
. tests/harness/suite.sh

suite_build tsan -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false || { echo "not ok 1 - the build"; exit 1; }
export COTEST_BIN=$SUITE_BUILD/src/main/collect
export TSAN_OPTIONS="suppressions=$PWD/tests/long/tsan_suppressions.txt halt_on_error=0 exitcode=66 log_path=$COTEST_RUN/tmp/tsan second_deadlock_stack=1 history_size=4"
# reports are written where a confined process may not write; what confining does has tests of its own
export COLLECT_CONFINE=false
SUITE_REPORTS=$COTEST_RUN/tmp/tsan
# its shadow of the memory is not the program's growth
SUITE_REPORTS_ONLY="tests/api/malformed.mjs tests/api/csv.mjs"
echo '#include <pthread.h>
static int x;
static void *work(void *p) { x++; return p; }
int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); x++; return pthread_join(t, 0); }' |
	gcc -g -fsanitize=thread -x c -o "$COTEST_RUN/tmp/fault" - || exit 1
"$COTEST_RUN/tmp/fault"
suite_finds
if [ -n "${COTEST_LONG:-}" ]; then
	suite_run tests/api/*.mjs tests/system/jobs*.mjs tests/system/mail.mjs
else
	suite_run tests/api/sessions.mjs
fi
suite_end

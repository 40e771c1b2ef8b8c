#!/usr/bin/env bash
# valgrind.sh: the scenarios of the API under valgrind's memcheck, on a build without sanitizers: no error, and nothing lost for good. Libraries that
# are wrong are suppressed by name in valgrind_suppressions.txt, each with its reason. The program is some thirty times slower then, so the
# tests wait longer (COTEST_SLOW).
# Without COTEST_LONG: one file. time limit: 120 min
set -uo pipefail
. tests/harness/suite.sh

suite_build plain -Dbuildtype=debug -Doptimization=1 -Dwerror=false || { echo "not ok 1 - the build"; exit 1; }
mkdir -p "$COTEST_RUN/tmp/under"
echo '#include <stdlib.h>
int main(void) { char *p = malloc(4); return p[4]; }' | gcc -g -x c -o "$COTEST_RUN/tmp/fault" - || exit 1
under() { # name, program
	cat >"$COTEST_RUN/tmp/under/$1" <<P
#!/bin/sh
exec valgrind -q --error-exitcode=97 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=20 --fair-sched=yes \\
	--suppressions=$PWD/tests/long/valgrind_suppressions.txt --log-file=$COTEST_RUN/tmp/valgrind.%p $2 "\$@"
P
	chmod 755 "$COTEST_RUN/tmp/under/$1"
}
under collect "$SUITE_BUILD/src/main/collect"
under test_worker "$SUITE_BUILD/src/main/test_worker"
under fault "$COTEST_RUN/tmp/fault"
# valgrind looks into the process from within; what confining does has tests of its own
export COTEST_BIN=$COTEST_RUN/tmp/under/collect COTEST_SLOW=10 COLLECT_CONFINE=false
SUITE_REPORTS=$COTEST_RUN/tmp/valgrind. SUITE_SECONDS=1200
# these hold the program to milliseconds, to rates and to sizes that it does not keep thirty times slower
SUITE_REPORTS_ONLY="tests/api/backoff.mjs tests/api/slow.mjs tests/api/known_devices.mjs tests/api/malformed.mjs tests/api/matrix.mjs tests/api/rates.mjs tests/api/csv.mjs tests/api/second_factor.mjs tests/api/sessions.mjs"
"$COTEST_RUN/tmp/under/fault"
suite_finds
if [ -n "${COTEST_LONG:-}" ]; then
	suite_run tests/api/*.mjs
else
	suite_run tests/api/links.mjs
fi
suite_end

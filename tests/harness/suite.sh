# suite.sh: scenario files against another build of the program. Sourced by tests/long/*.sh, which are started by ./test.
#
#   suite_build NAME OPTION...   builds `collect` and `test_worker` with these options of meson into $COTEST_BUILD/long/NAME, so that later runs go on
#                                from there; $SUITE_BUILD is the folder then
#   suite_run FILE...            runs each file against $COTEST_BIN and prints a line of TAP for it; what a file said is shown when it failed
#                        What stands in files that begin with $SUITE_REPORTS afterwards (a sanitizer's or valgrind's) fails the file too; reports that
#                        differ in addresses only are shown once
#                        Of a file in $SUITE_REPORTS_ONLY nothing but reports counts. With COTEST_SUITE only files run whose names this pattern fits.
#   suite_finds          passes when a report lies there already, of a fault that was made to see whether it is found
#   suite_end                    the plan; the status is 1 when a file failed
#
# A file that hangs is ended after $SUITE_SECONDS (600) and counts as failed.
suite_count=0 suite_bad=0
# Valgrind and ThreadSanitizer write their reports, and ask the kernel for things, where a server that has confined itself may not.
export COLLECT_CONFINE=false

suite_build() {
	local name=$1
	shift
	SUITE_BUILD=$COTEST_BUILD/long/$name
	mkdir -p "$COTEST_BUILD/long"
	if [ ! -f "$SUITE_BUILD/build.ninja" ]; then
		meson setup "$SUITE_BUILD" . "$@" >"$COTEST_RUN/tmp/setup-$name.log" 2>&1 || { tail -n 30 "$COTEST_RUN/tmp/setup-$name.log"; return 1; }
	fi
	ninja -C "$SUITE_BUILD" src/main/collect src/main/test_worker >"$COTEST_RUN/tmp/build-$name.log" 2>&1 ||
		{ grep -E 'error|FAILED' -A 5 "$COTEST_RUN/tmp/build-$name.log" | tail -n 60; return 1; }
}

# Shows each report once, by its summary, or the head of the file where there is none.
suite_reports() {
	local file
	for file in "$SUITE_REPORTS"*; do
		[ -s "$file" ] && cat "$file"
		rm -f "$file"
	done | python3 tests/harness/reports.py
}

suite_run() {
	local file log position=0 started code reports files=()
	for file in "$@"; do [[ $file =~ ${COTEST_SUITE:-.} ]] && files+=("$file"); done
	set -- "${files[@]}"
	for file in "$@"; do
		position=$((position + 1))
		echo "# progress $position/$# $file"
		log=$COTEST_RUN/logs/suite-$(basename "$0" .sh)-$(echo "$file" | tr / -).log
		suite_count=$((suite_count + 1))
		started=$(date +%s)
		timeout --kill-after=20 "${SUITE_SECONDS:-600}" node --test-reporter=tap "$file" >"$log" 2>&1 </dev/null
		code=$?
		reports=$(suite_reports)
		[[ " ${SUITE_REPORTS_ONLY:-} " == *" $file "* ]] && [ "$code" -lt 124 ] && code=0
		if [ "$code" -eq 0 ] && [ -z "$reports" ]; then
			echo "ok $suite_count - $file # time $(($(date +%s) - started)) s"
		else
			suite_bad=$((suite_bad + 1))
			echo "not ok $suite_count - $file"
			python3 tests/failures.py "$log" | cut -c 1-300 | sed 's/^/  | /' | head -n 60
			printf '%s\n' "$reports" | cut -c 1-300 | sed 's/^/  | /' | head -n 200
		fi
	done
}

suite_finds() {
	suite_count=$((suite_count + 1))
	if [ -n "$(suite_reports)" ]; then
		echo "ok $suite_count - a fault made for it is found"
	else
		suite_bad=$((suite_bad + 1))
		echo "not ok $suite_count - a fault made for it is not found"
	fi
}

suite_end() {
	echo "1..$suite_count"
	[ "$suite_bad" -eq 0 ] && [ "$suite_count" -gt 0 ]
}

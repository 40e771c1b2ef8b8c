#!/usr/bin/env bash
# lib.sh - sourced by the benchmarks: release build, a private cluster with fsync on, Redis, `collect serve`, one survey with a link.
# Everything lives in a throw-away folder and ends with the script. Variables: RUN, COLLECT, PORT, SLUG, TENANT, SURVEY, VERSION, LINK.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PGBIN=/usr/lib/postgresql/15/bin
BUILD=${BENCH_BUILD:-$ROOT/build}
COLLECT=$BUILD/src/main/collect
RUN=$(mktemp -d "${TMPDIR:-/tmp}/collect-bench.XXXXXX")
# what runs a command as the unprivileged user when we are root
AS_USER=()
[ "$(id -u)" = 0 ] && AS_USER=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
pids=()

need() { # commands that must be there, with the package that brings each: need wrk:wrk
	local pair missing=()
	for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
	if [ ${#missing[@]} -gt 0 ]; then
		echo "please install: ${missing[*]}" >&2
		exit 1
	fi
}

cleanup() {
	trap '' INT TERM EXIT
	local pid
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	[ -f "$RUN/pg/data/postmaster.pid" ] && (cd / && "${AS_USER[@]}" "$PGBIN/pg_ctl" -D "$RUN/pg/data" -m fast -w stop >/dev/null 2>&1) || true
	rm -rf "$RUN"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build_release() {
	echo "building (release) in $BUILD" >&2
	[ -f "$BUILD/build.ninja" ] || meson setup "$BUILD" "$ROOT" >"$RUN/build.log" 2>&1 || { tail "$RUN/build.log" >&2; exit 1; }
	ninja -C "$BUILD" src/main/collect >"$RUN/build.log" 2>&1 || { tail -n 30 "$RUN/build.log" >&2; exit 1; }
}

# fsync is on: what is measured is durable. The other numbers are those of `collect up`'s private cluster.
start_cluster() {
	chmod 755 "$RUN"
	[ ${#AS_USER[@]} -eq 0 ] || chown postgres "$RUN"
	"${AS_USER[@]}" mkdir "$RUN/pg" "$RUN/redis"
	"${AS_USER[@]}" "$PGBIN/initdb" -D "$RUN/pg/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$RUN/initdb.log"
	"${AS_USER[@]}" sh -c "cat '$ROOT/bench/postgresql.conf' >>'$RUN/pg/data/postgresql.conf'"
	(cd "$RUN/pg" && "${AS_USER[@]}" "$PGBIN/pg_ctl" -D "$RUN/pg/data" -o "-k $RUN/pg" -l "$RUN/pg/log" -w start >/dev/null)
	psql -qX -h "$RUN/pg" -U postgres -d postgres -c 'create database collect'
	"${AS_USER[@]}" redis-server --port 0 --unixsocket "$RUN/redis/redis.sock" --unixsocketperm 777 --dir "$RUN/redis" --save '' \
		--daemonize no >/dev/null &
	pids+=($!)
	export COLLECT_DATABASE_URL="postgresql:///collect?host=$RUN/pg&user=postgres" COLLECT_REDIS_URL="unix://$RUN/redis/redis.sock?db=0"
	export COLLECT_DATA=$RUN/data COLLECT_PORT=0 COLLECT_INTERNAL_PORT=0 COLLECT_RATE_LIMITS=false COLLECT_LOG_LEVEL=warn
	mkdir -p "$RUN/data/keys"
	python3 "$ROOT/bench/keys.py" "$RUN/data/keys"
	"$COLLECT" migrate >"$RUN/migrate.log" 2>&1 || { cat "$RUN/migrate.log" >&2; exit 1; }
}

start_server() {
	rm -f "$RUN/data/serve.json"
	"$COLLECT" serve >>"$RUN/serve.log" 2>&1 &
	SERVER=$!
	pids+=("$SERVER")
	for _ in $(seq 200); do
		[ -f "$RUN/data/serve.json" ] && break
		kill -0 "$SERVER" 2>/dev/null || { tail -n 20 "$RUN/serve.log" >&2; exit 1; }
		sleep 0.05
	done
	PORT=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["port"])' "$RUN/data/serve.json")
}

# Tenant, project, survey (a file), publication, link; sets the ids.
seed() {
	printf "%s" "bench bench bench" | "$COLLECT" tenant add --slug bench --name Bench --email bench@bench.example --password-file - \
		>"$RUN/tenant.log" 2>&1 || { cat "$RUN/tenant.log" >&2; exit 1; }
	eval "$(python3 "$ROOT/bench/seed.py" "$PORT" bench@bench.example 'bench bench bench' "$1")"
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
field() { python3 -c 'import json,sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }

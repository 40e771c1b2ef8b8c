#!/bin/sh
# template.sh: makes the database that each scenario file copies: migrated once, empty. Called by ./test.
set -eu
export PGHOST="$COTEST_PG" PGUSER=postgres
psql -qX -d postgres -c 'create database collect_template'
COLLECT_DATABASE_URL="postgresql:///collect_template?host=$COTEST_PG&user=postgres" "$COTEST_BIN" migrate
psql -qX -d postgres -c "alter database collect_template is_template true allow_connections false"

#!/bin/sh
# build.sh OUTDIR MANIFEST DEPFILE: what web/meson.build runs.
set -eu
web=$(cd "$(dirname "$0")" && pwd)
"$web/../tools/npm_ci" "$web"
exec node "$web/build.mjs" --out "$1/files" --manifest "$2" --depfile "$3"

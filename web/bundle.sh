#!/bin/sh
# bundle.sh INPUT.ts OUTPUT.js: one module for Node and browsers.
set -eu
web=$(cd "$(dirname "$0")" && pwd)
"$web/../tools/npm_ci" "$web"
exec "$web/node_modules/.bin/esbuild" "$1" --bundle --format=esm --target=es2020 --charset=utf8 --legal-comments=none --log-level=warning "--outfile=$2"

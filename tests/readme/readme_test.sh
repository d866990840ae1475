#!/bin/bash
#
# README.md shows what happens, and the index and the picture that it uses are
# those of the demo's bundles. The arguments are the commands.

set -euo pipefail

DEPS_BIN=''
for command in "$@"; do
  DEPS_BIN+=${DEPS_BIN:+:}$PWD/$(dirname "$command")
done
export DEPS_BIN

diff -u testdata/registries/family.index.json <(testdata/demo/index)
registry=(--offline --index testdata/registries/family.index.json)
diff -u testdata/demo/myenv.svg <(
  export PATH=$DEPS_BIN:$PATH DEPS_STATE=sqlite:$TEST_TMPDIR/state.db
  deps-graph "${registry[@]}" example.com/myenv:v0.1.0 | deps-solve "${registry[@]}" --format svg
)
tests/readme/readme.sh

#!/bin/bash
#
# README.md shows what happens, and the index it uses is that of the demo's
# bundles. The arguments are the commands.

set -euo pipefail

DEPS_BIN=''
for command in "$@"; do
  DEPS_BIN+=${DEPS_BIN:+:}$PWD/$(dirname "$command")
done
export DEPS_BIN

diff -u testdata/registries/family.index.json <(testdata/demo/index)
tests/readme/readme.sh

#!/bin/bash
#
# Runs all cases with the commands that Bazel has built.
# Usage: cases_test.sh [--update] COMMAND…

set -euo pipefail

arguments=()
cases=tests/cases
if [[ ${1-} == --update ]]; then
  shift
  arguments+=(--update)
  cases=$BUILD_WORKSPACE_DIRECTORY/tests/cases
fi
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
for command in "$@"; do
  ln -s "$(readlink -f "$command")" "$bin/${command##*/}"
done
mkdir -p "$cases"
tests/run_cases.sh "${arguments[@]}" "$bin" "$cases"

#!/bin/bash
#
# The example engine and the local one pass deps-engine-conformance, every message
# is as its schema asks, and an engine that forgets does not pass.
# Usage: conformance_test.sh CONFORMANCE DEPS_RUN EXAMPLE VALIDATE

set -uo pipefail

conformance=$PWD/$1
PATH=$PWD/$(dirname "$2"):$PATH
example=$PWD/$3
validate=$PWD/$4
# shellcheck source=tests/engine_messages.sh
. tests/engine_messages.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/engine"
cp "$example" "$work/engine/deps-engine-local"
for engine in "$example" "$work/engine/deps-engine-local"; do
  recorded=$work/${engine##*-}
  record_messages "$engine" "$recorded"
  "$conformance" "$recorded/bin/${engine##*/}" | tee "$work/out" || exit 1
  [[ $(tail -n 1 "$work/out") == '13 passed, 0 failed, 1 skipped' ]] || exit 1
  check_messages "$recorded" "$validate" || exit 1
done

# An engine that starts a run anew with each submission.
mkdir "$work/bad"
sed 's|cmp -s "$new/plan.json" "$folder/plan.json"|false|' "$example" >"$work/bad/deps-engine-example"
chmod +x "$work/bad/deps-engine-example"
if "$conformance" "$work/bad/deps-engine-example" >"$work/out"; then
  echo 'FAILED: an engine that refuses the same plan again passes'
  exit 1
fi
grep -q '^FAILED: the same submission is the same run: ' "$work/out"

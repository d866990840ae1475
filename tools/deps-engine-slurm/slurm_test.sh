#!/bin/bash
#
# deps-engine-slurm passes deps-engine-conformance on a real Slurm, its messages are
# as their schema asks, and nothing secret is in what Slurm keeps.
# Usage: slurm_test.sh ENGINE CONFORMANCE DEPS_RUN VALIDATE

set -uo pipefail

engine=$PWD/$1
conformance=$PWD/$2
deps_run=$PWD/$3
validate=$PWD/$4
# shellcheck source=tests/engine_messages.sh
. tests/engine_messages.sh
# shellcheck source=tests/slurm.sh
. tests/slurm.sh

# Short: munged's socket is below it. Jobs are not in the sandbox of this test.
work=$(mktemp -d /tmp/slurm-test.XXXXXX)
clean_up() {
  stop_slurm "$work/slurm"
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  printf 'FAILED: %s\n' "$*"
  tail -n 5 "$work"/kit/state/*/*.out "$work"/slurm/*.log 2>/dev/null
  exit 1
}

start_slurm "$work/slurm" || fail 'Slurm did not start'
mkdir "$work/kit"
printf '{"depsRun": "%s", "partition": "short"}' "$deps_run" >"$work/config.json"

# In the environment of whoever submits, where no job may see it.
export SUBMITTER_SECRET=sentinel-5e0c21ab
record_messages "$engine" "$work/recorded"
"$conformance" --config "$work/config.json" --folder "$work/kit" \
  "$work/recorded/bin/${engine##*/}" | tee "$work/out"
[[ ${PIPESTATUS[0]} -eq 0 ]] || fail 'the conformance kit'
check_messages "$work/recorded" "$validate" || fail 'a message is not as the schema asks'

open=$(find "$work/kit/state" -mindepth 1 -maxdepth 1 ! -perm 700)
[[ -z $open ]] || fail "others may look into $open"
echo 'ok: runs are their owner'"'"'s'

if grep -rlaF -e "$SUBMITTER_SECRET" -e "$(<"$work/kit/token")" "$work/slurm" "$work/kit/state"; then
  fail 'a secret is in the files named above'
fi
echo 'ok: no secret is in what Slurm keeps'

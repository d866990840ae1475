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
# shellcheck source=tests/report.sh
. tests/report.sh
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

# check TIMEOUT SECRET CONFIG: what the engine says of a plan with one task.
check() {
  local plan
  plan=$(jq -n --arg secret "$2" '{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install",
    installation: {namespace: "", name: "shop"},
    tasks: [{id: "root", action: "install", bundle: {name: "shop", version: "1.0.0"},
      installation: {namespace: "", name: "shop", labels: {}}, needs: [], stage: 0, parameters: {},
      credentials: {token: {secret: $secret}}, outputs: {}}],
    stages: [["root"]], outputs: {}, unmapped: {parameters: [], credentials: []}}')
  jq -n --argjson plan "$plan" --argjson config "$3" --argjson timeout "$1" \
    --arg digest "sha256:$(jq -cSj . <<<"$plan" | sha256sum | cut -d' ' -f1)" \
    '{apiVersion: "cnab-deps/engine/v1", kind: "CheckRequest", config: $config, workflow:
      {id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", revision: 1, plan: ($plan + {$digest}),
       options: {driver: "", jobs: 0, retries: 0, timeoutSeconds: $timeout, failFast: false}}}' |
    DEPS_STATE_DIR=$work/kit/state "$engine" check | jq -r '(.error // .diagnostics[]) | "\(.severity): \(.message)"'
}

config=$(<"$work/config.json")
expect 'nothing stands against a plan that Slurm takes' '' "$(check 60 file:/run/token "$config")"
expect 'a partition that is not there is told' \
  'error: sbatch: allocation failure: Invalid partition name specified' \
  "$(check 0 file:/run/token "$(jq '.partition = "none"' <<<"$config")")"
expect 'and a limit of time that is too long' \
  'error: a job of 602 minutes, for --timeout, never starts in the partition short, which allows 60' \
  "$(check 36000 file:/run/token "$config")"
expect 'a secret that no job can read is told' \
  'warning: root#token: the secret env:TOKEN is of the process that submits, and no job has it' \
  "$(check 0 env:TOKEN "$config")"
expect 'and nothing was submitted for it' '' "$(squeue --noheader --name=deps-01ARZ3NDEKTSV4RRFFQ69G5FAV-1)"

open=$(find "$work/kit/state" -mindepth 1 -maxdepth 1 ! -perm 700)
expect 'others may look into no run' '' "$open"

expect 'no secret is in what Slurm keeps' '' \
  "$(grep -rlaF -e "$SUBMITTER_SECRET" -e "$(<"$work/kit/token")" "$work/slurm" "$work/kit/state")"
report_end slurm

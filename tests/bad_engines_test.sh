#!/bin/bash
#
# deps-run with engines that do what none should: a clear error or a task of which
# nobody knows, no task started twice, no run that is followed for ever, and
# a workflow that can be resumed.
# The arguments are the commands.

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for command in "$@"; do
  ln -s "$PWD/$command" "$work/bin/"
done
export PATH=$work/bin:$PATH DEPS_ENGINE_PATH=$work/bin XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
export SHOP_TOKEN='open sesame'

# An engine that says what FAULT and the number of the call make of it. It starts
# nothing: a submission is a line in "started".
cat >"$work/bin/deps-engine-bad" <<'ENGINE'
#!/bin/bash
request=$(cat)
answer() { jq -cn '{apiVersion: "cnab-deps/engine/v1"} + '"$1" "${@:2}"; }
mkdir -p "$DEPS_STATE_DIR"
echo >>"$DEPS_STATE_DIR/$1"
count=$(wc -l <"$DEPS_STATE_DIR/$1")
tasks() { # FILTER: the run as of now, each task as FILTER makes it
  answer '{kind: "StatusResponse", cursor: $n, native: {}, workflow: {apiVersion: "cnab-deps/v1",
      kind: "Workflow", id: $p[0].workflow.id, plan: $p[0].workflow.plan.digest, engine: "bad",
      status: "running", tasks: [$p[0].workflow.plan.tasks[] |
        {id, attempt: 1, outputs: (.outputs | map_values(if .sensitive then {sensitive: true, ref: .sink}
          else {value: "7"} end))} | '"$1"']}} | '"${2-.}" \
    --slurpfile p "$DEPS_STATE_DIR/request" --arg n "$count"
}
good() { tasks '. + {status: "succeeded"}' '.workflow.status = "succeeded"'; }
case $FAULT:$1 in
  *:info)
    limit=0 secrets=true
    [[ $FAULT != small ]] || limit=100
    [[ $FAULT != no-secrets ]] || secrets=false
    answer '{kind: "InfoResponse", name: "bad", version: "1", protocols: [1], configSchema: {},
      capabilities: {teleport: true, secretsInTask: $s, maxPlanBytes: $l}}' \
      --argjson s "$secrets" --argjson l "$limit"
    ;;
  *:check) answer '{kind: "CheckResponse", diagnostics: []}' ;;
  garbage:submit) echo 'Segmentation fault' ;;
  dies:submit)
    # After it has done its work.
    printf '%s' "$request" >"$DEPS_STATE_DIR/request"
    ((count == 1)) || answer '{kind: "SubmitResponse", run: "r", already: true}'
    ((count > 1)) || kill -9 $$
    ;;
  *:submit)
    printf '%s' "$request" >"$DEPS_STATE_DIR/request"
    answer '{kind: "SubmitResponse", run: "r", already: false}'
    ;;
  garbled:status) if ((count < 3)); then echo '{"kind": '; else good; fi ;;
  twice:status)
    good
    ((count > 2)) || good
    ;;
  sunspots:status)
    if ((count < 3)); then tasks '. + {status: "exploded"}'; else good; fi
    ;;
  backwards:status)
    # What has ended begins again, and the attempts count down.
    if ((count == 1)); then
      tasks '. + {status: (if .id == "root/infra" then "succeeded" else "running" end)}'
    elif ((count == 2)); then
      tasks '. + {status: "pending", attempt: 0}'
    else
      tasks '. + {status: (if .id == "root/infra" then "failed" else "succeeded" end)}' '.workflow.status = "failed"'
    fi
    ;;
  silent:status) tasks '. + {status: "running"}' '.workflow.status = "succeeded"' ;;
  missing:status) good | jq -c '.workflow.tasks |= map(select(.id != "root/infra"))' ;;
  queued:status)
    # A cluster that is busy with the work of others.
    if [[ -e $DEPS_STATE_DIR/cancel ]]; then
      tasks '. + {status: "canceled"}' '.workflow.status = "canceled"'
    elif [[ -e $DEPS_STATE_DIR/turn ]]; then
      good
    else
      tasks '. + {status: "pending", attempt: 0}'
    fi
    ;;
  vanished:status) answer '{kind: "Error", error: {code: "not_found", message: "no run r"}}' && exit 1 ;;
  *:status) good ;;
  *:cancel) answer '{kind: "CancelResponse"}' ;;
  *) answer '{kind: "Error", error: {code: "unsupported", message: "no"}}' && exit 1 ;;
esac
ENGINE
chmod +x "$work/bin/deps-engine-bad"

registry=(--offline --index testdata/registries/family.index.json)
deps-graph "${registry[@]}" example.com/myenv:v0.1.0 | deps-solve "${registry[@]}" >"$work/solution" &&
  deps-plan --action install --credential-set testdata/demo/credentials.yaml --sink "file:$work/sink" \
    -o "$work/plan" "$work/solution" || exit 1

# run FAULT ARG…: deps-run with a state of its own; sets status.
run() {
  export FAULT=$1 XDG_STATE_HOME=$work/state-$1
  timeout 60 deps-run "${@:2}" >"$work/out" 2>"$work/err"
  status=$?
}

report_context=("$work/err")

# The id of the error, and the exit status.
error() { printf '%s %s' "$(grep -oE '\[[a-z-]+\]' "$work/err" | head -n 1)" "$status"; }
statuses() { jq -c '[.tasks[] | .status]' "$work/out"; }
good='["succeeded","succeeded","succeeded","succeeded"]'

run none --engine bad "$work/plan"
expect 'a capability of a later version is ignored' "$good" "$(statuses)"
run small --engine bad "$work/plan"
expect 'a plan that is too large is not submitted' '[engine-unsupported] 0' "$(error | sed 's/ [1-9]$/ 0/')"
expect 'nor is there a workflow' '[]' "$(deps-run list --format json | jq -c .)"
run no-secrets --engine bad "$work/plan"
expect 'secrets go to no engine that cannot read them' '[engine-unsupported]' "$(error | cut -d' ' -f1)"
run garbage --engine bad "$work/plan"
expect 'garbage is no answer to a submission' '[engine-protocol]' "$(error | cut -d' ' -f1)"
run dies --engine bad "$work/plan"
expect 'nor is the death of the engine' '[engine-protocol]' "$(error | cut -d' ' -f1)"
run dies resume "$(deps-run list --format json | jq -r '.[0].id')"
expect 'and the workflow is resumed as the same run' "$good" "$(statuses)"
expect 'which has the same id and revision' 1 "$(jq -r .workflow.revision "$work"/state-dies/cnab-deps/engines/bad/request)"
for fault in garbled twice sunspots; do
  run "$fault" --engine bad "$work/plan"
  expect "an answer that is none is asked for again: $fault" "$good" "$(statuses)"
done
run backwards --engine bad "$work/plan"
expect 'what has ended well stays so' succeeded \
  "$(jq -r '.tasks[] | select(.id == "root/infra").status' "$work/out")"
for fault in silent missing vanished; do
  run "$fault" --engine bad "$work/plan"
  expect "a run that ends without a word is not followed for ever: $fault" 1 "$status"
  expect "and says what to do: $fault" true \
    "$(jq -c '[.tasks[] | select(.status == "failed")] | length > 0' "$work/out")"
done

# Tasks that wait for their turn on the engine wait here, too.
await_asked() {
  local wait
  for ((wait = 0; wait < 200; ++wait)); do
    [[ ! -e $state/status || $(wc -l <"$state/status") -lt 3 ]] || return 0
    sleep 0.05
  done
}
shown() { deps-run show "$(deps-run list --format json | jq -r '.[0].id')" | jq -c '[.tasks[] | .status]'; }
export FAULT=queued XDG_STATE_HOME=$work/state-queued
state=$work/state-queued/cnab-deps/engines/bad
deps-run --engine bad "$work/plan" >"$work/out" 2>"$work/err" &
await_asked
expect 'what waits for its turn is pending' '["pending","pending","pending","pending"]' "$(shown)"
touch "$state/turn"
wait $!
expect 'and runs when it has come' "0 $good" "$? $(statuses)"
expect 'how long it took is not made up' 'deps-run: root succeeded' "$(grep ' root succeeded' "$work/err")"
rm -r "$state"
deps-run --engine bad "$work/plan" >"$work/out" 2>"$work/err" &
await_asked
kill -TERM $!
wait $!
expect 'what is stopped while it waits is canceled on the engine' \
  '143 1 ["canceled","skipped","skipped","skipped"]' "$? $(wc -l <"$state/cancel") $(statuses)"
report_end bad_engines

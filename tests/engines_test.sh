#!/bin/bash
#
# One plan runs unchanged on the local engine, on Slurm, on Argo Workflows and on
# the example engine, and ends with the same outputs; a run that failed on an
# engine is resumed there.
# The arguments are the commands and engines, with the server of a cluster.

set -uo pipefail

# shellcheck source=tests/slurm.sh
. tests/slurm.sh
# shellcheck source=tests/cluster.sh
. tests/cluster.sh
# shellcheck source=tests/demo_plan.sh
. tests/demo_plan.sh
# shellcheck source=tests/report.sh
. tests/report.sh

# Short: munged's socket is below it. Jobs are not in the sandbox of this test.
work=$(mktemp -d /tmp/engines-test.XXXXXX)
clean_up() {
  stop_slurm "$work/slurm"
  stop_cluster "$work/cluster"
  rm -rf "$work"
}
trap clean_up EXIT
mkdir -p "$work"/bin "$work"/store/{local,slurm,argo,example}
for command in "$@"; do
  ln -s "$PWD/$command" "$work/bin/"
done
export PATH=$work/bin:$PATH XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

# plan ENGINE: the demo's plan; secrets are where every task can read them.
plan() {
  demo_plan "$1" "path: $work/store/token" "file:$work/store/$1" >"$work/$1.json"
}

# check NAME FILE FILTER EXPECTED: what jq finds in FILE.
check() {
  local found
  found=$(jq -c "$3" "$2" 2>&1)
  if [[ $found == "$4" ]]; then
    report_pass "$1"
  else
    printf 'expected: %s\nfound:    %s\n' "$4" "$found" >"$work/why"
    cat "$work/err" >>"$work/why"
    report_fail "$1" "$work/why"
  fi
}

run() { timeout 120 deps-run --driver "process:$work/demo/run" "$@" 2>"$work/err"; }

# The demo's bundles; app also says which dependencies it is told of.
cp -RL testdata/demo "$work/demo"
chmod -R u+w "$work/demo"
# shellcheck disable=SC2016
sed -i '2i ls "${CNAB_ROOT-}/cnab/app/dependencies"' "$work/demo/app/run"

jq -n --arg deps_run "$work/bin/deps-run" '{depsRun: $deps_run}' >"$work/slurm.config"
echo '{}' >"$work/example.config"
jq -n --arg file "$work/cluster/kubeconfig-admin-token" '{kubeconfig: $file}' >"$work/argo.config"
start_slurm "$work/slurm" || exit 1
# On Argo the demo's bundles are images.
make_image "$work/image"
cp -R "$work/demo/." "$work/image/cnab/app/"
mkdir "$work/agent" && cp -L "$work/bin/deps-agent" "$work/agent/deps-agent"
start_cluster "$work/bin/testing_cluster_server" "$work/cluster" --share "$work/store" \
  --image "deps-agent:v1=$work/agent" --image "*=$work/image" || exit 1
prepare_cluster "$work/cluster" || exit 1

printf 'open sesame' >"$work/store/token"
endpoint='{"endpoint":{"value":"http://192.0.2.10:8080/shop"}}'
plan local
run "$work/local.json" >"$work/out"
check 'local: the outputs' "$work/out" .outputs "$endpoint"
for engine in slurm argo example; do
  plan "$engine"
  # A wrong token at first: app fails, and what needs it does not run.
  printf 'open barley' >"$work/store/token"
  run --engine "$engine" --engine-config "$work/$engine.config" "$work/$engine.json" >"$work/out"
  check "$engine: a task that fails" "$work/out" '[.engine, .tasks[].status]' \
    "[\"$engine\",\"succeeded\",\"succeeded\",\"failed\",\"skipped\"]"
  id=$(jq -r .id "$work/out")
  printf 'open sesame' >"$work/store/token"
  timeout 120 deps-run resume "$id" >"$work/out" 2>"$work/err"
  check "$engine: resumed, finished tasks stay finished" "$work/out" '[.tasks[] | .status, .attempt]' \
    '["succeeded",1,"succeeded",1,"succeeded",2,"succeeded",1]'
  check "$engine: the outputs" "$work/out" .outputs "$endpoint"
  deps-run logs "$id" root/app >"$work/log" 2>"$work/err"
  check "$engine: resumed, a task is told of dependencies that are done" \
    <(jq -Rs '[splits("\n") | select(. == "mysql")]' "$work/log") . '["mysql","mysql"]'
  deps-run logs "$id" root/infra >"$work/log" 2>"$work/err"
  check "$engine: the log of a task that is not run again" <(jq -Rs . "$work/log") . \
    '"infra: address 192.0.2.10 in region eu\n"'
done
# But for the demo's own run tool, which knows what token to ask for.
secrets_in_engines() {
  grep -rlaF --exclude=run -e 'open sesame' "$work/slurm" "$work/cluster" "$work/state/cnab-deps/engines"
  [[ $? -eq 1 ]]
}
report_check 'no engine has a secret' secrets_in_engines
report_end engines

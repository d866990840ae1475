#!/bin/bash
#
# What goes wrong with a real Slurm while a plan runs there: a job is put back, a
# node fails, the controller is restarted, a job is killed or forgotten. No task
# runs twice at a time, and a run is resumed to its end.
# The arguments are the commands and the engine.

set -uo pipefail

# shellcheck source=tests/slurm.sh
. tests/slurm.sh
# shellcheck source=tests/demo_plan.sh
. tests/demo_plan.sh
# shellcheck source=tests/report.sh
. tests/report.sh

# Short: munged's socket is below it. Jobs are not in the sandbox of this test.
work=$(mktemp -d /tmp/slurm-test.XXXXXX)
clean_up() {
  touch "$work/go"
  stop_slurm "$work/slurm"
  rm -rf "$work"
}
trap clean_up EXIT
mkdir "$work/bin"
for command in "$@"; do
  ln -s "$PWD/$command" "$work/bin/"
done
export PATH=$work/bin:$PATH XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
export SLURM_MIN_JOB_AGE=2 SHOP_TOKEN='open sesame'
node=$(hostname -s)

# The demo's run tool, but infra waits in between for the file "go".
cat >"$work/tool" <<TOOL
#!/bin/sh
echo "begin \$CNAB_BUNDLE_NAME" >>$work/journal
if [ "\$CNAB_BUNDLE_NAME" = infra ]; then
  while [ ! -e $work/go ]; do sleep 0.1; done
fi
$PWD/testdata/demo/run || exit
echo "end \$CNAB_BUNDLE_NAME" >>$work/journal
TOOL
chmod +x "$work/tool"

printf 'open sesame' >"$work/token"

# submit NAMESPACE: starts the plan, and sets run, the id. infra waits when this returns.
submit() {
  until [[ -z $(squeue --noheader) ]]; do sleep 0.1; done
  rm -f "$work/go"
  : >"$work/journal"
  demo_plan "$1" "path: $work/token" "file:$work/sink-$1" >"$work/plan.json" 2>"$work/err" || return 1
  deps-run --engine slurm --driver "process:$work/tool" "$work/plan.json" >"$work/out" 2>"$work/err" &
  runner=$!
  await 'begin infra' || return 1
  run=$(deps-run list --format json | jq -r '.[0].id')
}

# await TEXT [COUNT]: until the journal has so many lines like it.
await() {
  local end=$((SECONDS + 180))
  until (($(grep -cx "$1" "$work/journal") >= ${2-1})); do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# job: the id of the job that runs infra.
job() { squeue --noheader --states=R --format=%i | head -n 1; }

# tasks: statuses of the tasks, in the plan's order.
tasks() { jq -c '[.tasks[].status]' "$work/out"; }

report_context=("$work/err" "$work/journal")

good='["succeeded","succeeded","succeeded","succeeded"]'
start_slurm "$work/slurm" || exit 1

submit requeue
scontrol requeue "$(job)" 2>"$work/err"
await 'begin infra' 2
touch "$work/go"
wait "$runner"
expect 'a job that is put back runs again' "$good" "$(tasks)"
expect 'and ended once' 1 "$(grep -cx 'end infra' "$work/journal")"

# slurmd refuses a job that it has just killed, and Slurm takes that for its end.
submit hastened
again=$(job)
scontrol requeue "$again" 2>"$work/err"
until [[ $(squeue --noheader --jobs "$again" --format=%T) == PENDING ]]; do sleep 0.1; done
touch "$work/go"
while kill -0 "$runner" 2>/dev/null; do
  scontrol update "jobid=$again" starttime=now 2>/dev/null
  sleep 0.2
done
expect 'nobody canceled a job that could not be started again' 0 "$(grep -c canceled "$work/out")"
deps-run resume "$run" >"$work/out" 2>"$work/err"
expect 'and it is resumed' succeeded "$(jq -r .status "$work/out")"

submit node
scontrol update "nodename=$node" state=down reason=test 2>"$work/err"
sleep 1
# It may have come back by itself.
scontrol update "nodename=$node" state=resume 2>/dev/null
await 'begin infra' 2
touch "$work/go"
wait "$runner"
expect 'a node fails: the job runs again on the next' "$good" "$(tasks)"
expect 'and ended once there' 1 "$(grep -cx 'end infra' "$work/journal")"

submit restart
kill "$(<"$work/slurm/slurmctld.pid")"
while kill -0 "$(<"$work/slurm/slurmctld.pid")" 2>/dev/null; do sleep 0.05; done
sleep 1
start_slurmctld "$work/slurm"
touch "$work/go"
wait "$runner"
expect 'the controller is restarted, and the run goes on' "$good" "$(tasks)"
expect 'each task began once' 4 "$(grep -c '^begin' "$work/journal")"

submit killed
scancel --signal=KILL --full "$(job)"
wait "$runner"
expect 'a job is killed behind the back of deps-run: what needs it does not run' \
  '["succeeded","canceled","skipped","skipped"]' "$(tasks)"
touch "$work/go"
deps-run resume "$run" >"$work/out" 2>"$work/err"
expect 'it is resumed to its end' succeeded "$(jq -r .status "$work/out")"
expect 'what had ended was not run again' 1 "$(grep -cx 'end mysql' "$work/journal")"

submit vanished
kill -KILL "$runner"
wait "$runner" 2>/dev/null
scancel --signal=KILL --full "$(job)"
# Slurm forgets a job only when it looks for old ones.
for ((i = 0; i < 900; ++i)); do
  [[ -z $(squeue --noheader --states=all --name "deps-$run-1" 2>/dev/null) ]] && break
  sleep 0.1
done
touch "$work/go"
deps-run resume "$run" >"$work/out" 2>"$work/err"
expect 'jobs that Slurm has forgotten: the rest is resumed' succeeded \
  "$(jq -r .status "$work/out")"
report_end slurm_faults

#!/bin/bash
#
# Several workers on one state, on SQLite and on PostgreSQL: no task runs twice,
# also where one is killed or stopped, or the server goes and comes back.
# Usage: workers_test.sh DEPS_RUN

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
# shellcheck source=tests/postgres.sh
. tests/postgres.sh
run=$PWD/$1
work=$(mktemp -d)
workers=()
cleanup() {
  for process in "${workers[@]}"; do
    kill -CONT "$process" 2>/dev/null
    kill -KILL "$process" 2>/dev/null
  done
  stop_postgres
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export WORK=$work XDG_STATE_HOME=$work/home

cat >tool <<'TOOL'
#!/bin/bash
sleep "$(cat "$WORK/time")"
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
chmod +x tool

submit() {
  rm -f ended
  id=$("$run" -q --detach --driver process:./tool "$1" | jq -r .id)
}
work_with() {
  "$run" -q worker --drain "$@" 2>>worker-err &
  workers+=("$!")
}
finish() {
  local process
  for process in "${workers[@]}"; do wait "$process" || cat worker-err; done
  workers=()
}

try_workers() {
  local kind=$1
  tree_plan 60 "$kind" >tree.json
  echo 0.01 >"time"
  submit tree.json
  for _ in 1 2 3 4; do work_with --jobs 1; done
  finish
  once_each "$kind, four workers" "$id" ended 60
  same "$kind: more than one of them worked" true \
    "$("$run" events "$id" | jq -s 'length > 120')"

  # In the middle of the run, whatever the machine's speed.
  echo 0.05 >"time"
  submit tree.json
  work_with --jobs 2
  work_with --jobs 2
  await 20 bash -c '(($(wc -l <ended) > 10))'
  kill -KILL "${workers[0]}" || bad "$kind: the worker was gone before it was killed"
  wait "${workers[0]}" 2>/dev/null
  workers=("${workers[1]}")
  finish
  once_each "$kind, a worker is killed" "$id" ended 60
  same "$kind: and nothing of it is left in memory" '' \
    "$(find /dev/shm -maxdepth 1 -name "cnab-deps-deps-${id,,}-*")"

  # Stopped beyond its lease, then continued: what it began is gone on with.
  echo 1 >"time"
  tree_plan 2 "$kind" >two.json
  submit two.json
  work_with --jobs 1 --lease 300ms
  await 10 bash -c '"$0" show "$1" | grep -q running.*' "$run" "$id"
  sleep 0.3
  kill -STOP "${workers[0]}"
  sleep 0.5
  work_with --jobs 1 --lease 300ms
  sleep 2.5
  kill -CONT "${workers[0]}"
  finish
  once_each "$kind, a worker sleeps beyond its lease" "$id" ended 2

  # Cancelled by another process.
  echo 100 >"time"
  submit two.json
  work_with --jobs 1 --grace 1s
  await 10 bash -c '"$0" events "$1" | grep -q task.running' "$run" "$id"
  "$run" -q cancel "$id" >out
  finish
  same "$kind: a shared workflow is cancelled" canceled "$("$run" show "$id" | jq -r .status)"
}

DEPS_STATE=sqlite:$work/state.db
export DEPS_STATE
try_workers sqlite

start_postgres
DEPS_STATE=$POSTGRES_URL
try_workers postgres

# The server goes away in the middle of a run, and comes back.
echo 0.3 >"time"
tree_plan 6 gone >gone.json
rm -f ended
"$run" -q --driver process:./tool --jobs 1 gone.json >out 2>err &
process=$!
sleep 0.7
pause_postgres
sleep 1
resume_postgres
wait "$process"
same 'a server that was gone for a second' "0 6" "$? $(wc -l <ended)"

# It does not come back within the patience of the run: nothing is lost.
rm -f ended
"$run" -q --driver process:./tool --jobs 1 --patience 500ms gone.json >out 2>err &
process=$!
sleep 0.7
pause_postgres
wait "$process"
same 'a server that stays away ends the run' 4 $?
grep -q 'deps-run resume' err || bad "no way on: $(cat err)"
resume_postgres
id=$("$run" list | jq -r '.[0].id')
"$run" -q resume "$id" >out 2>err || cat err
once_each 'and resume goes on' "$id" ended 6

report_end workers

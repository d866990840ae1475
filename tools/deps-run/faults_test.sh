#!/bin/bash
#
# Every command that writes the state is killed at every point where it does so;
# then a run is killed a hundred times at random moments; its supervisor is killed,
# and the machine goes down. What goes on afterwards finds each task run exactly
# once to its end.
# Usage: faults_test.sh sqlite|postgres DEPS_RUN_WITH_FAULTS
# SOAK_SEED and SOAK_KILLS change the moments and their number.

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
# shellcheck source=tests/postgres.sh
. tests/postgres.sh
kind=$1
run=$PWD/$2
work=$(mktemp -d)
cleanup() {
  # A child that a signal ends before it has become a command has this trap, too.
  [[ $BASHPID -eq $$ ]] || return
  stop_postgres
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export WORK=$work XDG_STATE_HOME=$work/home
# The server and its machine stay up: nothing has to reach the disk.
export POSTGRES_OPTIONS='-c fsync=off'
[[ $kind != postgres ]] || start_postgres

# use_state NAME: an empty state.
use_state() {
  export DEPS_STATE=sqlite:$work/$1.db
  [[ $kind == postgres ]] || return 0
  DEPS_STATE=$POSTGRES_URL
  postgres_sql -c 'SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public' || bad 'no empty state'
}

cat >tool <<'TOOL'
#!/bin/bash
if [[ -e $WORK/lock-$CNAB_BUNDLE_NAME ]]; then
  echo "$CNAB_BUNDLE_NAME" >>"$WORK/twice-at-once"
fi
touch "$WORK/lock-$CNAB_BUNDLE_NAME"
out=$CNAB_ROOT/cnab/app/outputs
printf plain >"$out/said"
printf sentinel >"$out/password"
[[ ! -e $WORK/slow ]] || sleep 0.$((RANDOM % 9 + 5))
rm "$WORK/lock-$CNAB_BUNDLE_NAME"
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
[[ ! -e $WORK/break-$CNAB_BUNDLE_NAME ]]
TOOL
chmod +x tool

# With an output of each kind: they are written, too.
tree_plan 3 >bare.json
plan "$(jq -c 'del(.digest) | .tasks |= map(
  (.id | gsub("/"; "-")) as $file
  | .bundle.outputs = {said: {type: "string", sensitive: false, applyTo: [], path: "/cnab/app/outputs/said"},
      password: {type: "string", sensitive: true, applyTo: [], path: "/cnab/app/outputs/password"}}
  | .outputs = {said: {path: "/cnab/app/outputs/said", type: "string", sensitive: false},
      password: ({path: "/cnab/app/outputs/password", type: "string", sensitive: true}
        + if .id == "root/1" then {sink: "file:\(env.WORK)/sink/\($file)"} else {} end)})' bare.json)" >three.json
whole=$("$run" --driver process:./tool --dry-run three.json | jq -r '.tasks | length')
same 'the plan is as it is meant to be' 3 "$whole"

# The id of the newest; without jq, which takes longer to start than what it is
# asked, some hundred times.
workflow() {
  [[ ! $("$run" --compact list) =~ \"id\":\"([0-9A-Z]{26})\" ]] || echo "${BASH_REMATCH[1]}"
}
resumed() { "$run" -q resume "$id"; }

# Whether all tasks of three.json have succeeded, and each ran once to its end.
all_once() {
  local shown other line lines
  local -A tools=()
  shown=$("$run" --compact show "$id") || return
  other=${shown//\"status\":\"succeeded\"/}
  [[ $other != *'"status"'* && $((${#shown} - ${#other})) -eq $((4 * 20)) ]] || return
  mapfile -t lines <ended
  for line in "${lines[@]}"; do tools[$line]=1; done
  [[ ${#lines[@]} -eq 3 && ${#tools[@]} -eq 3 ]]
}

# check_point NAME COMMAND…: after a kill at a point, the command takes it up, and
# then everything is as it should be.
check_point() {
  local name=$1 result
  result=$(
    report_failed=0
    "${@:2}" >out 2>err || {
      bad "$name: $*: status $?"
      cat err
    }
    all_once || once_each "$name" "$(workflow)" ended 3
    [[ $report_failed -eq 0 ]]
  ) || bad "$name" "$result"
}

# sweep NAME BEFORE COMMAND AFTER: runs BEFORE on an empty state; then COMMAND,
# killed at its first point; then AFTER, which must end all well. The same with its
# second point, until it passes all of them.
sweep() {
  local name=$1 before=$2 command=$3 after=$4 point status
  for ((point = 1; point < 200; ++point)); do
    use_state "$name-$point"
    rm -f ended points
    "$before"
    id=$(workflow)
    status=0
    DEPS_RUN_FAULT=$point DEPS_RUN_FAULT_FILE=$work/points "$command" >out 2>err || status=$?
    [[ -s points ]] || break
    [[ $status -eq 137 ]] || bad "$name at point $point: status $status"
    id=$(workflow)
    if [[ -z $id ]]; then
      [[ ! -e ended ]] || bad "$name at point $point: something ran without a workflow"
      continue
    fi
    check_point "$name killed at point $point ($(<points))" "$after"
  done
  if [[ $point -gt $5 && $point -lt 200 && $status -eq 0 ]]; then
    ok "$name is killed at each of its $((point - 1)) points"
  else
    bad "$name: ended with $status after $point points" "$(cat err)"
  fi
}

nothing() { :; }
start() { "$run" -q --driver process:./tool --jobs 2 three.json; }
drained() { "$run" -q worker --drain --jobs 2; }
submit() { "$run" -q --detach --driver process:./tool three.json >out; }
broken() {
  touch break-b1
  start >out 2>err
  rm break-b1
  # It ran to its end and failed; what counts is what comes now.
  sed -i /b1/d ended
}
killed() {
  DEPS_RUN_FAULT=14 start >out 2>err
}
# As make does it: what has succeeded is not asked for again.
steps() {
  local task
  for task in root/1 root/2 root/0; do
    [[ ! -e stamp-${task#*/} ]] || continue
    "$run" -q --driver process:./tool --step "$task" three.json || return
    touch "stamp-${task#*/}"
  done
}
fresh() { rm -f stamp-*; }
sweep run nothing start resumed 15
sweep resume killed resumed resumed 5
sweep retry broken resumed resumed 5
sweep submit nothing submit drained 1
sweep worker submit drained drained 15
sweep steps fresh steps steps 15

# What changes the state and runs nothing: killed, and done again.
use_state small
rm -f ended
start >out 2>err
id=$(workflow)
cat >porter.json <<'JSON'
[{"schemaVersion": "1.0.2", "id": "01H", "namespace": "dev", "name": "mysql", "uninstalled": false,
  "bundle": {"repository": "example.com/mysql", "version": "1.2.3"}, "labels": {}, "parameters": {"parameters": []},
  "status": {"runId": "", "action": "install", "resultId": "", "resultStatus": "succeeded",
             "created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z", "installed": "2024-01-01T00:00:00Z"}}]
JSON
# twice_the_same NAME POINTS SHOWN COMMAND…
twice_the_same() {
  local point status expected=''
  for ((point = 1; point < 50; ++point)); do
    rm -f points
    DEPS_RUN_FAULT=$point DEPS_RUN_FAULT_FILE=$work/points "$run" -q "${@:4}" >out 2>err
    status=$?
    [[ -s points ]] || break
  done
  same "$1 is killed at each of its points, and done again" "0 true" "$status $([[ $point -gt $2 ]] && echo true)"
  expected=$("$run" -q "${@:4}" >/dev/null && eval "$3")
  same "$1 twice is $1 once" "$expected" "$(eval "$3")"
}
twice_the_same import 2 '"$run" installations | jq -c "[.[].name]"' import porter.json
"$run" -q --detach --driver process:./tool three.json >out
id=$(jq -r .id out)
twice_the_same cancel 2 '"$run" show "$id" | jq -c .tasks' cancel "$id"
for ((point = 1; point < 50; ++point)); do
  rm -f points
  DEPS_RUN_FAULT=$point DEPS_RUN_FAULT_FILE=$work/points "$run" -q delete "$id" >out 2>err
  [[ -s points ]] || break
done
same 'delete is killed at each of its points, and done again' "true 0" \
  "$([[ $point -gt 2 ]] && echo true) $("$run" list | jq --arg id "$id" '[.[] | select(.id == $id)] | length')"

# A run that is killed a hundred times.
use_state soak
rm -f ended
touch slow
tree_plan 500 >soak.json
RANDOM=${SOAK_SEED:-20261121}
echo "seed ${SOAK_SEED:-20261121}"
begin() {
  id=$(workflow)
  if [[ -n $id ]]; then
    "$run" -q resume "$id" --jobs 4 >out 2>err &
  else
    "$run" -q --driver process:./tool --jobs 4 soak.json >out 2>err &
  fi
  process=$!
}
for ((kills = 0; kills < ${SOAK_KILLS:-100}; ++kills)); do
  begin
  sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
  kill -KILL "$process" 2>/dev/null || break
  wait "$process" 2>/dev/null
done
rm slow
left=$("$run" show "$id" | jq '[.tasks[] | select(.status != "succeeded")] | length')
id=$(workflow)
"$run" -q resume "$id" --jobs 8 >out 2>err || bad "soak: resume: $?" "$(cat err)"
same 'it was killed as often as it should be, with tasks left' "${SOAK_KILLS:-100} true" \
  "$kills $([[ $left -gt 0 ]] && echo true)"
once_each "a run that was killed $kills times" "$id" ended 500
same 'nothing ran twice at the same time' '' "$(cat twice-at-once 2>/dev/null)"

# The supervisor is killed, too: its children are the runner's.
use_state supervisor
rm -f ended
cat >long <<'TOOL'
#!/bin/bash
echo $PPID >"$WORK/supervisor"
sleep 1
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
chmod +x long
tree_plan 1 >one.json
"$run" -q --driver process:./long one.json >out 2>err &
process=$!
await 10 test -s supervisor
kill -KILL "$(<supervisor)"
wait "$process"
same 'a run outlives its supervisor' "0 1" "$? $(wc -l <ended)"

# The machine goes down: all its processes and its memory are gone, and it comes
# up with another boot id.
use_state machine
rm -f ended
cat >down <<'TOOL'
#!/bin/bash
if [[ $CNAB_BUNDLE_NAME == b0 && ! -e $WORK/up ]]; then
  echo "$PPID $$" >"$WORK/processes"
  exec sleep 1000
fi
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
chmod +x down
"$run" -q --driver process:./down --jobs 2 bare.json >out 2>err &
process=$!
await 10 test -s processes
id=$(workflow)
read -r supervisor tool <processes
kill -KILL "$process" "$supervisor" "$tool"
wait "$process" 2>/dev/null
rm -rf "/dev/shm/cnab-deps-deps-${id,,}"*
touch up
echo 11111111-2222-3333-4444-555555555555 >boot
user=()
[[ $EUID -eq 0 ]] || user=(--map-root-user)
# shellcheck disable=SC2016
unshare --mount "${user[@]}" bash -c 'mount --bind boot /proc/sys/kernel/random/boot_id && exec "$@"' - \
  "$run" -q resume "$id" >out 2>err
same 'after the machine went down, what it ran is run again' "0 2" "$? $(jq '.tasks[] | select(.id == "root/0") | .attempt' out)"
once_each 'after the machine went down' "$id" ended 3

# Nothing of all that is left in memory.
same 'nothing is left in memory' '' \
  "$(for id in $("$run" list | jq -r '.[].id'); do ls -d "/dev/shm/cnab-deps-deps-${id,,}"* 2>/dev/null; done)"
report_end "faults-$kind"

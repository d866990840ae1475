#!/bin/bash
#
# Bundles, stores and machines that give trouble: signals, floods, hanging
# providers, sinks that refuse, locked and vanished databases, full disks, clocks
# that are stepped. Nothing is lost, nothing runs twice, and the exit status tells.
# Usage: trouble_test.sh sqlite|postgres DEPS_RUN DEPS_RUN_WITH_FAULTS CLOCK_STEP_LIBRARY

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
# shellcheck source=tests/postgres.sh
. tests/postgres.sh
kind=$1
run=$PWD/$2
faults=$PWD/$3
clock_step=$PWD/$4
work=$(mktemp -d)
disk=
cleanup() {
  # A child that a signal ends before it has become a command has this trap, too.
  [[ $BASHPID -eq $$ ]] || return
  stop_postgres
  [[ -z $disk ]] || umount "$disk"
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export WORK=$work XDG_STATE_HOME=$work/home
mkdir bin
PATH=$work/bin:$PATH
export DEPS_STATE=sqlite:$work/state.db
if [[ $kind == postgres ]]; then
  # The server reads it, whoever it is.
  export CLOCK_STEP_FILE=$work/server-clock
  chmod 711 "$work"
  POSTGRES_PRELOAD=$clock_step start_postgres
  unset CLOCK_STEP_FILE
  DEPS_STATE=$POSTGRES_URL
fi
logs() { find "$work" -path "*logs*" -name '*.log' "$@"; }
tree_plan 1 >one.json

tool() {
  cat >"$1"
  chmod +x "$1"
}
# start TOOL OPTION…: until the tool is there.
start() {
  rm -f begun
  # In the background, a shell has SIGINT ignored.
  env --default-signal=INT "$run" -q --driver "process:./$1" "${@:2}" one.json >out 2>err &
  process=$!
  await 10 test -e begun
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }
milliseconds() { echo "$(($(date +%s%N) / 1000000))"; }

tool deaf <<'TOOL'
#!/bin/bash
trap '' TERM INT
echo $$ >"$WORK/pid"
touch "$WORK/begun"
while :; do sleep 0.1; done
TOOL
start deaf --grace 1s
begin=$(milliseconds)
kill -INT "$process"
wait "$process"
same 'one SIGINT: a bundle that ignores SIGTERM is killed after the grace' "130 1" \
  "$? $((($(milliseconds) - begin) >= 900))"
await 5 is_gone "$(<pid)"
start deaf --grace 1h
kill -INT "$process"
sleep 0.3
kill -INT "$process"
wait "$process"
same 'two SIGINT: at once' 130 $?
await 5 is_gone "$(<pid)"
same 'the task is canceled' '["canceled","canceled"]' "$(jq -c '[.status, .tasks[0].status]' out)"

tool forking <<'TOOL'
#!/bin/bash
for _ in {1..50}; do sleep 1000 & done
echo $! >"$WORK/pid"
touch "$WORK/begun"
TOOL
start forking
wait "$process"
same 'a bundle that leaves processes behind' 0 $?
await 5 is_gone "$(<pid)"

tool flood <<'TOOL'
#!/bin/bash
touch "$WORK/begun"
echo the beginning
head -c 1G /dev/zero | tr '\0' x
echo the end
TOOL
start flood
wait "$process"
same 'a bundle that writes 1 GiB' 0 $?
log=$(logs -size +1M)
same 'its log is bounded' true "$([[ $(stat -c %s "$log") -lt 20000000 ]] && echo true)"
same 'and has its beginning and its end' 'the beginning the end' \
  "$(head -n 1 "$log" | cut -c 1-13) $(tail -c 8 "$log")"

tool filling <<'TOOL'
#!/bin/bash
touch "$WORK/begun"
head -c 1G /dev/zero >"$CNAB_ROOT/cnab/app/outputs/large"
sleep 1000
TOOL
start filling
wait "$process"
same 'a bundle that fills its output is stopped' \
  '1 ["failed","output","it was stopped, as it wrote more than 256 MiB to /cnab/app/outputs"]' \
  "$? $(jq -c '.tasks[0] | [.status, .reason, .message]' out)"
tool littering <<'TOOL'
#!/bin/bash
touch "$WORK/begun"
cd "$CNAB_ROOT/cnab/app/outputs" && seq 300000 | xargs touch
sleep 1000
TOOL
start littering
wait "$process"
same 'and one that fills it with empty files' '1 ["failed","output"]' \
  "$? $(jq -c '.tasks[0] | [.status, .reason]' out)"

# What a provider is asked for, and what a sink is given.
# with_secret REFERENCE SINK: a plan of one task with a credential and an output.
with_secret() {
  plan "$(jq -c --arg secret "$1" --arg sink "$2" 'del(.digest)
    | .tasks[0] |= (.bundle.credentials = {token: {required: true, applyTo: [], destination: {env: "TOKEN"}}}
    | .credentials = {token: {secret: $secret}}
    | .bundle.outputs = {made: {type: "string", sensitive: true, applyTo: [], path: "/cnab/app/outputs/made"}}
    | .outputs = {made: ({path: "/cnab/app/outputs/made", type: "string", sensitive: true}
        + if $sink == "" then {} else {sink: $sink} end)})' one.json)"
}
tool making <<'TOOL'
#!/bin/bash
echo run >>"$WORK/runs"
printf 'sentinel-made' >"$CNAB_ROOT/cnab/app/outputs/made"
exit "$(cat "$WORK/status" 2>/dev/null || echo 0)"
TOOL
tool hanging <<'TOOL'
#!/bin/bash
echo $$ >"$WORK/pid"
touch "$WORK/begun"
sleep 1000
TOOL
tool bin/deps-secret-hanging <hanging
for provider in "command:$work/hanging" hanging:token; do
  with_secret "$provider" '' >secret.json
  rm -f begun runs
  DEPS_SECRET_TIMEOUT=300ms "$run" -q --driver process:./making secret.json >out 2>err
  same "${provider%%:*}: a provider that hangs fails its task, and nothing is run" '1 ["failed","secret"] ' \
    "$? $(jq -c '.tasks[0] | [.status, .reason]' out) $(cat runs 2>/dev/null)"
  await 5 is_gone "$(<pid)"
  rm begun
  env --default-signal=INT "$run" -q --driver process:./making secret.json >out 2>err &
  process=$!
  await 10 test -e begun
  begin=$(milliseconds)
  kill -INT "$process"
  wait "$process"
  same "${provider%%:*}: one SIGINT ends the wait for it" '130 ["canceled","stopped"] true' \
    "$? $(jq -c '.tasks[0] | [.status, .reason]' out) $([[ $(($(milliseconds) - begin)) -lt 5000 ]] && echo true)"
  await 5 is_gone "$(<pid)"
done

tool bin/deps-secret-fussy <<'TOOL'
#!/bin/bash
echo "$1" >>"$WORK/asked"
request=$(cat)
[[ $(wc -l <"$WORK/asked") -gt $(<"$WORK/refusals") ]] || {
  echo '{"error": {"code": "unavailable", "message": "not now"}}'
  exit 1
}
if [[ $1 == put ]]; then
  jq -r '.values[0].base64' <<<"$request" | base64 -d >"$WORK/taken"
  jq -c '{refs: [.values[] | {id, locator, field, version: 1}]}' <<<"$request"
else
  jq -c --arg value "$(base64 <"$WORK/taken")" '{values: [.refs[] | {id, base64: $value}]}' <<<"$request"
fi
TOOL
export TOKEN=sentinel-token
with_secret env:TOKEN fussy:there >sunk.json
echo 2 >refusals
rm -f runs
"$run" -q --driver process:./making sunk.json >out 2>err
same 'a sink that fails twice is asked again' '0 sentinel-made 1 3' \
  "$? $(<taken) $(wc -l <runs) $(wc -l <asked)"
rm taken asked runs
echo 1000 >refusals
DEPS_SECRET_TIMEOUT=500ms "$run" -q --driver process:./making sunk.json >out 2>err
same 'a sink that takes nothing fails the task' '1 ["failed","sink"] 1' \
  "$? $(jq -c '.tasks[0] | [.status, .reason]' out) $(wc -l <runs)"
id=$(jq -r .id out)
same 'the value is not lost' sentinel-made "$("$run" outputs "$id" root/0 made --reveal)"
same 'it is not readable in the state' '' "$(grep -rla sentinel-made state.db* home 2>/dev/null)"
same 'resume says that nothing will be run' delivered \
  "$("$run" resume --explain "$id" | jq -r '.[0].decision')"
DEPS_SECRET_TIMEOUT=500ms "$run" -q resume "$id" >out 2>err
same 'as long as it takes nothing, nothing changes' '1 sentinel-made 1' \
  "$? $("$run" outputs "$id" root/0 made --reveal) $(wc -l <runs)"
echo 0 >refusals
"$run" -q resume "$id" >out 2>err
same 'then it is put there, and the bundle has run once' \
  '0 ["succeeded",0,"fussy:there?version=1"] sentinel-made 1' \
  "$? $(jq -c '.tasks[0] | [.status, .exitCode, .outputs.made.ref]' out) $(cat taken) $(wc -l <runs)"
same 'the installation is installed' '["succeeded",true]' \
  "$("$run" installations | jq -c '.[] | select(.name == "tree-0") | [.status.resultStatus, .status.installed != null]')"
rm runs
echo 1000 >refusals
echo 3 >status
DEPS_SECRET_TIMEOUT=500ms "$run" -q --driver process:./making sunk.json >out 2>err
id=$(jq -r .id out)
rm status
echo 0 >refusals
"$run" -q resume "$id" >out 2>err
same 'a bundle that failed is run again whatever its sink took' '0 2' "$? $(wc -l <runs)"

# A database that someone else has locked.
tool quick <<'TOOL'
#!/bin/bash
touch "$WORK/begun"
sleep 0.3
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
cat >porter.json <<'JSON'
[{"schemaVersion": "1.0.2", "id": "01H", "namespace": "dev", "name": "mysql", "uninstalled": false,
  "bundle": {"repository": "example.com/mysql", "version": "1.2.3"}, "labels": {}, "parameters": {"parameters": []},
  "status": {"runId": "", "action": "install", "resultId": "", "resultStatus": "succeeded",
             "created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z", "installed": "2024-01-01T00:00:00Z"}}]
JSON
if [[ $kind == postgres ]]; then
  postgres_sql -c 'BEGIN; LOCK TABLE workflow, task, event; SELECT pg_sleep(2)' >locked &
  locker=$!
  sleep 0.3
else
  # It stops within its transaction.
  DEPS_RUN_FAULT=2 DEPS_RUN_FAULT_FILE=$work/locked DEPS_RUN_FAULT_SIGNAL=STOP "$faults" -q import porter.json &
  locker=$!
  await 10 test -s locked
  (sleep 2 && kill -CONT "$locker") &
fi
rm -f ended
begin=$(milliseconds)
"$run" -q --driver process:./quick one.json >out 2>err
same 'a database that is locked for two seconds is waited for' '0 1 true' \
  "$? $(wc -l <ended) $([[ $(($(milliseconds) - begin)) -gt 1000 ]] && echo true)"
wait "$locker"

# A step of the clock of this machine, both ways, in the middle of it all.
year=31557600
stepped() { CLOCK_STEP_FILE=$work/clock LD_PRELOAD=$clock_step "$@"; }
tool lasting <<'TOOL'
#!/bin/bash
echo "$CNAB_BUNDLE_NAME" >>"$WORK/began"
unset LD_PRELOAD
sleep 1.5
[[ ! -e $WORK/broken ]] || { rm "$WORK/broken" && exit 1; }
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
tree_plan 2 >two.json
same 'the clock can be stepped' true \
  "$(echo $year >clock && [[ $(stepped date +%s) -gt $(($(date +%s) + year / 2)) ]] && echo true)"
for step in $year -$year; do
  rm -f began ended
  echo 0 >clock
  stepped "$run" -q --driver process:./lasting --timeout 10s --events two.json >out 2>err &
  process=$!
  await 10 test -s began
  echo "$step" >clock
  begin=$(milliseconds)
  wait "$process"
  same "a clock that is stepped by $step seconds changes nothing" \
    '0 2 ["task.running","task.succeeded","workflow.running","workflow.succeeded"] true' \
    "$? $(wc -l <ended) $(jq -sc 'map(.type) | unique' out) $([[ $(($(milliseconds) - begin)) -lt 9000 ]] && echo true)"
done
rm -f began ended
echo 0 >clock
touch broken
stepped "$run" -q --driver process:./lasting --retries 1 two.json >out 2>err &
process=$!
await 10 bash -c '[[ $(wc -l <began) == 1 && ! -e broken ]]'
echo -$year >clock
begin=$(milliseconds)
wait "$process"
same 'nor does a retry wait for the clock' '0 2 true' \
  "$? $(wc -l <ended) $([[ $(($(milliseconds) - begin)) -lt 15000 ]] && echo true)"

if [[ $kind == postgres ]]; then
  # The server's clock, by which leases are counted.
  for step in $year -$year; do
    echo 0 >server-clock
    chmod 644 server-clock
    rm -f began ended
    id=$("$run" -q --detach --driver process:./lasting two.json | jq -r .id)
    "$run" -q worker --drain --jobs 1 &
    worker=$!
    "$run" -q worker --drain --jobs 1 &
    await 10 test -s began
    echo "$step" >server-clock
    wait "$worker"
    wait "$!"
    same "a server whose clock is stepped by $step seconds takes no task from a worker" \
      '["task.running","task.succeeded","workflow.running","workflow.succeeded"]' \
      "$("$run" events "$id" | jq -sc 'map(.type) | unique')"
    once_each "a server whose clock is stepped by $step" "$id" ended 2
  done
  echo 0 >server-clock
else
  # A database that is away for a while.
  rm -f ended
  "$run" -q --driver process:./lasting one.json >out 2>err &
  process=$!
  await 10 bash -c '[[ $(wc -l <began) -ge 3 ]]'
  mkdir away
  mv state.db* away
  sleep 1
  mv away/* .
  wait "$process"
  status=$?
  id=$("$run" list | jq -r '.[0].id')
  [[ $status -eq 0 ]] || "$run" -q resume "$id" >out 2>err
  once_each "a database that is away for a second (status $status)" "$id" ended 1
fi

# A disk that is full.
mkdir disk
same 'a small disk is there' 0 \
  "$([[ $EUID -eq 0 ]] && mount -t tmpfs -o size="$([[ $kind == postgres ]] && echo 96m || echo 640k)" none disk && echo 0)"
disk=$work/disk
tree_plan 40 >forty.json
export DEPS_STATE=sqlite:$work/disk/state.db
if [[ $kind == postgres ]]; then
  stop_postgres
  chmod 755 disk
  POSTGRES_PARENT=$work/disk start_postgres
  DEPS_STATE=$POSTGRES_URL
fi
"$run" -q --driver process:./quick one.json >out 2>err
same 'a run on it' 0 $?
rm -f ended
tool slowly <<'TOOL'
#!/bin/bash
sleep 0.2
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
if [[ $kind == postgres ]]; then
  # Events that take a lot of it, so that the server has to grow a file.
  "$run" -q --driver process:./slowly --jobs 2 --patience 1s forty.json >out 2>err &
  process=$!
  await 10 test -s ended
  dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null
  wait "$process"
  status=$?
else
  dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null
  "$run" -q --driver process:./slowly --patience 300ms forty.json >out 2>err
  status=$?
  same 'a full disk ends the run with status 4' 4 "$status"
  same 'and a reason' true "$(grep -q state-open err && echo true)"
fi
rm disk/filler
if [[ $kind == postgres ]]; then
  resume_postgres 2>/dev/null
  await 10 postgres_sql -o /dev/null -c 'SELECT 1'
  same 'a full disk is survived, or told' true "$([[ $status -eq 0 || $status -eq 4 ]] && echo true)"
  id=$("$run" list | jq -r '.[0].id')
  "$run" -q resume "$id" --jobs 2 >out 2>err || cat err
  once_each "after a full disk (status $status)" "$id" ended 40
else
  "$run" -q list >out || bad 'the state is damaged'
  rm -f ended
  "$run" -q --driver process:./slowly one.json >out 2>err
  same 'and with room again all is well' '0 1' "$? $(wc -l <ended)"
fi
report_end "trouble-$kind"

#!/bin/bash
#
# deps-run from end to end with programs in the place of bundles.
# Usage: process_test.sh DEPS_RUN

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
run=$PWD/$1
work=$(mktemp -d)
started=()
cleanup() {
  local process
  for process in "${started[@]}"; do
    kill -KILL "$process" 2>/dev/null
  done
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export DEPS_STATE=sqlite:$work/state/state.db
export WORK=$work

# ask NAME FILE FILTER EXPECTED: what jq finds.
ask() { same "$1" "$4" "$(jq -c "$3" "$2" 2>&1)"; }
# deps EXPECTED_STATUS ARGUMENT…: output in out, diagnostics in err.
deps() {
  local expected=$1 status=0
  shift
  "$run" "$@" >out 2>err || status=$?
  if [[ $status -ne $expected ]]; then
    bad "deps-run $*: status $status instead of $expected" "$(<err)"
  fi
}

# A plan of three tasks: db is needed by app, and lone by nothing.
family='
def bundle($name): {name: $name, version: "1.0.0", reference: ("localhost:5000/" + $name + "@sha256:" + ("0" * 64)),
  digest: ("sha256:" + ("0" * 64))};
def installation($name): {namespace: "dev", name: $name, labels: {}};
{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install",
 installation: {namespace: "dev", name: "app"},
 tasks: [
  {id: "root/db", action: "install", installation: installation("app-db"), needs: [], stage: 0,
   bundle: (bundle("db") + {
     parameters: {size: {type: "integer", required: false, default: 3, sensitive: false, applyTo: [], destination: {env: "SIZE"}},
                  name: {type: "string", required: true, sensitive: false, applyTo: [], destination: {path: "/etc/db/name"}}},
     credentials: {token: {required: true, applyTo: [], destination: {env: "TOKEN", path: "/root/token"}}},
     outputs: {host: {type: "string", sensitive: false, applyTo: [], path: "/cnab/app/outputs/host"},
               password: {type: "string", sensitive: true, applyTo: [], path: "/cnab/app/outputs/password"},
               port: {type: "integer", sensitive: false, applyTo: [], path: "/cnab/app/outputs/port", default: 3306}}}),
   parameters: {name: {value: "my db"}}, credentials: {token: {secret: "env:DB_TOKEN"}},
   outputs: {host: {path: "/cnab/app/outputs/host", type: "string", sensitive: false},
             password: {path: "/cnab/app/outputs/password", type: "string", sensitive: true},
             port: {path: "/cnab/app/outputs/port", type: "integer", sensitive: false}}},
  {id: "root/lone", action: "install", installation: installation("app-lone"), needs: [], stage: 0,
   bundle: (bundle("lone") + {credentials: {lone: {required: true, applyTo: [], destination: {env: "LONE"}}}}),
   parameters: {}, credentials: {lone: {secret: "env:DB_TOKEN"}}, outputs: {}},
  {id: "root", action: "install", installation: installation("app"), needs: ["root/db"], stage: 1,
   bundle: (bundle("app") + {
     parameters: {url: {type: "string", required: true, sensitive: false, applyTo: [], destination: {env: "URL"}},
                  password: {type: "string", required: true, sensitive: true, applyTo: [], destination: {env: "PASSWORD"}}},
     outputs: {seen: {type: "string", sensitive: false, applyTo: [], path: "/cnab/app/outputs/seen"}}}),
   parameters: {url: {template: "http://${host}:${port}/${name}",
                      inputs: {host: {output: {task: "root/db", name: "host"}},
                               port: {output: {task: "root/db", name: "port"}},
                               name: {parameter: {task: "root/db", name: "name"}}}},
                password: {output: {task: "root/db", name: "password"}}},
   credentials: {}, outputs: {seen: {path: "/cnab/app/outputs/seen", type: "string", sensitive: false}}}],
 stages: [["root/db", "root/lone"], ["root"]],
 outputs: {port: {output: {task: "root/db", name: "port"}}, secret: {output: {task: "root/db", name: "password"}},
           at: {template: "${host}!", inputs: {host: {output: {task: "root/db", name: "host"}}}}},
 unmapped: {parameters: [], credentials: []}}'
plan "$family" >plan.json

cat >tool <<'TOOL'
#!/bin/bash
set -eu
out=$CNAB_ROOT/cnab/app/outputs
echo "$CNAB_BUNDLE_NAME $CNAB_REVISION" >>"$WORK/revisions"
echo "$CNAB_BUNDLE_NAME" >>"$WORK/order"
case $CNAB_BUNDLE_NAME in
  db)
    [[ $TOKEN == sentinel-token && $(<"$CNAB_ROOT/root/token") == "$TOKEN" ]]
    [[ $(<"$CNAB_ROOT/etc/db/name") == "my db" && $SIZE == 3 ]]
    echo "the token is $TOKEN"
    echo "$CNAB_ACTION $CNAB_INSTALLATION_NAME $CNAB_BUNDLE_VERSION $CNAB_CLAIMS_VERSION"
    jq -c '[.action, .installation, .parameters]' "$CNAB_ROOT/cnab/claim.json"
    jq -r .name "$CNAB_ROOT/cnab/bundle.json"
    cp "$CNAB_ROOT/cnab/claim.json" "$WORK/claim.json"
    stat -fc %T "$CNAB_ROOT"
    printf db.local >"$out/host"
    printf sentinel-password >"$out/password"
    ;;
  lone)
    if [[ -e $WORK/slow ]]; then
      touch "$WORK/slow-started"
      sleep "$(<"$WORK/slow")"
      echo "slept, $LONE"
    fi
    ;;
  app)
    echo "password $PASSWORD"
    if [[ -e $WORK/break ]]; then
      echo broken >&2
      exit 3
    fi
    printf '%s' "$URL" >"$out/seen"
    ;;
esac
TOOL
chmod +x tool
driver=process:./tool
export DB_TOKEN=sentinel-token

deps 0 --driver "$driver" --dry-run plan.json
ask 'a dry run shows what would run' out '[.status, [.tasks[].status]]' \
  '["pending",["pending","pending","pending"]]'
report_check 'a dry run makes no state' test ! -e state

# Engines are found by themselves: here they are programs that fail.
mkdir engines
ln -s "$(type -P false)" engines/docker
PATH=$work/engines:$PATH DEPS_AGENT=/bin/true deps 3 --driver docker plan.json
report_check 'a bundle without an image is told before others are run' grep -q "task 'root.*no invocation image" err
deps 0 list
same 'and no workflow is begun' '[]' "$(<out)"
jq 'del(.digest) | .tasks[].bundle.invocationImages = [{image: "localhost:5000/x", imageType: "oci"}]' plan.json >images.body
plan "$(<images.body)" >images.json
found_engine() {
  PATH=$work/engines DEPS_AGENT=/bin/true "$run" images.json >out 2>err
  "$run" list | jq -r '.[0].driver'
}
same 'docker is used where there is no podman' docker "$(found_engine)"
ln -s "$(type -P false)" engines/podman
same 'podman is used where there are both' podman "$(found_engine)"
rm engines/*
PATH=$work/engines DEPS_AGENT=/bin/true "$run" plan.json >out 2>err
same 'where there is none, that is said' '4 true' "$? $(grep -q 'podman is not installed.*\[run-driver\]' err && echo true)"
rm -rf state

deps 0 --driver "$driver" plan.json
ask 'all tasks succeed' out '[.kind, .status, [.tasks[] | [.id, .status, .attempt, .exitCode]]]' \
  '["Workflow","succeeded",[["root/db","succeeded",1,0],["root/lone","succeeded",1,0],["root","succeeded",1,0]]]'
ask 'outputs are values, and references where they are sensitive' out \
  '.tasks[0].outputs | [.host.value, .port.value, .password.sensitive, .password.value, (.password.ref | startswith("state:"))]' \
  '["db.local",3306,true,null,true]'
ask 'outputs are wired' out '.tasks[2].outputs.seen.value' '"http://db.local:3306/my db"'
id=$(jq -r .id out)
ask 'outputs of the whole are promoted ones' out '.outputs | [.port.value, .at.value, .secret.sensitive]' \
  '[3306,"db.local!",true]'
deps 0 outputs "$id"
ask 'they are the root task'"'"'s among all outputs' out '[.root | keys[]]' '["at","port","secret","seen"]'
deps 0 outputs "$id" root secret --reveal
same 'a promoted sensitive output can be revealed' 'sentinel-password' "$(<out)"
deps 0 logs "$id" root/db
same 'the contract is kept, and the log redacted' \
  "the token is [redacted]
install app-db 1.0.0 CNAB-Claims-1.0.0
[\"install\",\"dev/app-db\",{\"name\":\"my db\",\"size\":3}]
db
tmpfs" "$(<out)"
deps 0 logs "$id" root
same 'a sensitive output is redacted in the log of the task that gets it' \
  'password [redacted]' "$(<out)"
deps 0 outputs "$id" root/db host
same 'the value of an output' 'db.local' "$(<out)"
deps 2 outputs "$id" root/db password
report_check 'a sensitive output is not printed' grep -q 'sensitive' err
deps 0 outputs "$id" root/db password --reveal
same 'a sensitive output is printed with --reveal' 'sentinel-password' "$(<out)"
deps 0 show "$id"
ask 'show gives the same document' out .status '"succeeded"'
deps 0 list
ask 'list has the workflow' out '.[] | [.status, .action, .installation.name]' \
  '["succeeded","install","app"]'
deps 0 list --format table
report_check 'list as a table' grep -q "$id  succeeded  install  dev/app" out
deps 0 events "$id"
same 'events tell everything' \
  '2 task.running task.succeeded workflow.running workflow.succeeded' \
  "$(jq -r .type out | sort -u | tr '\n' ' ' | sed 's/^/2 /; s/ $//')"
deps 0 installations
ask 'installations are there' out '[.[] | [.namespace, .name, .status.resultStatus, .bundle.version]]' \
  '[["dev","app","succeeded","1.0.0"],["dev","app-db","succeeded","1.0.0"],["dev","app-lone","succeeded","1.0.0"]]'
if grep -rqa 'sentinel-' state claim.json; then
  bad "a secret is in: $(grep -rla 'sentinel-' state claim.json)"
else
  ok 'no secret is in state, logs or claim'
fi
same 'files are private' '600' "$(find state -type f -printf '%m\n' | sort -u)"

touch break
deps 1 --driver "$driver" plan.json
ask 'a failed task leaves others alone' out '[.status, [.tasks[] | [.status, .reason, .exitCode]]]' \
  '["failed",[["succeeded",null,0],["succeeded",null,0],["failed","bundle",3]]]'
id=$(jq -r .id out)
report_check 'the failure is reported with its log' grep -q "task 'root' failed.*\[run-failed\]" err
report_check 'the way on is told' grep -q "deps-run resume $id" err
rm -f break order
first=$(grep '^app' revisions | tail -n 1)
deps 0 resume "$id"
same 'only the failed task runs again' app "$(<order)"
same 'the revision stays over attempts' "$first" "$(grep '^app' revisions | tail -n 1)"
ask 'the workflow is repaired' out '[.status, .tasks[2].attempt]' '["succeeded",2]'
deps 0 retry "$id"
same 'what succeeded is not run again' app "$(<order)"

DB_TOKEN='' ; unset DB_TOKEN
deps 1 --driver "$driver" plan.json
ask 'a missing secret fails its task alone' out '[.tasks[] | [.status, .reason]]' \
  '[["failed","secret"],["failed","secret"],["skipped","upstream"]]'
report_check 'the reference is named' grep -q "env:DB_TOKEN" err
export DB_TOKEN=sentinel-token

echo 3 >slow
rm -f slow-started
"$run" --driver "$driver" --grace 1s plan.json >out 2>err &
process=$!
started+=("$process")
await 10 test -e slow-started
id=$("$run" list 2>/dev/null | jq -r '.[0].id')
deps 4 resume "$id"
report_check 'a workflow that runs is busy' grep -q 'run-busy' err
"$run" --driver "$driver" plan.json >other 2>other-err
ask 'an installation that is in use is busy' other '.tasks[1].reason' '"busy"'
for ((i = 0; i < 200; i++)); do
  [[ $("$run" show "$id" | jq -r '.tasks[2].status') != succeeded ]] || break
  sleep 0.05
done
kill -KILL "$process"
wait "$process" 2>/dev/null
deps 0 show "$id"
ask 'after kill -9 the running task is unknown' out '.tasks[1].status' '"unknown"'
"$run" --driver "$driver" plan.json >other 2>other-err
ask 'and its installation stays in use' other '.tasks[1].reason' '"busy"'
deps 0 resume --explain "$id"
ask 'resume explains what it would do' out '[.[] | [.task, .decision]]' \
  '[["root/db","reused"],["root/lone","attached"],["root","reused"]]'
rm -f order
deps 0 resume "$id"
ask 'resume attaches to what a dead process left running' out '[.status, .tasks[1].attempt]' '["succeeded",1]'
report_check 'nothing was started twice' test ! -e order
deps 0 logs "$id" root/lone
same 'and what it printed meanwhile is in the log, redacted' 'slept, [redacted]' "$(<out)"
# Of this state's workflows: other tests have theirs beside them.
same 'nothing is left in memory' '' \
  "$(for id in $("$run" list | jq -r '.[].id'); do ls -d "/dev/shm/cnab-deps-deps-${id,,}"* 2>/dev/null; done)"

echo 100 >slow
rm -f slow-started
"$run" --driver "$driver" --grace 1s plan.json >out 2>err &
process=$!
started+=("$process")
await 10 test -e slow-started
kill -TERM "$process"
wait "$process"
same 'SIGTERM gives status 143' 143 $?
report_check 'and a note says how to go on' grep -qF '[interrupted]' err
ask 'what ran is canceled' out '[.status, .tasks[1].status]' '["canceled","canceled"]'
echo 0 >slow
deps 0 resume "$(jq -r .id out)"
ask 'a canceled workflow can be resumed' out .status '"succeeded"'

echo 100 >slow
deps 1 --driver "$driver" --timeout 300ms --grace 1s plan.json
ask 'a timeout ends a task' out '.tasks[1].reason' '"timeout"'
deps 0 delete "$(jq -r .id out)"
deps 4 show "$(jq -r .id other)x"

echo 100 >slow
rm -f slow-started
"$run" --driver "$driver" --grace 1s plan.json >out 2>err &
process=$!
started+=("$process")
await 10 test -e slow-started
deps 0 cancel "$("$run" list | jq -r '.[0].id')"
wait "$process"
same 'cancel ends the run with status 1' 1 $?
rm slow

deps 4 --engine nowhere plan.json
report_check 'another engine is a plugin' grep -q 'no program deps-engine-nowhere .*engine-unknown' err

cat >parallel <<'TOOL'
#!/bin/bash
echo "$CNAB_BUNDLE_NAME" >>"$WORK/meeting"
for ((i = 0; i < 100; i++)); do
  [[ $(wc -l <"$WORK/meeting") -ge 8 ]] && exit 0
  sleep 0.05
done
exit 1
TOOL
chmod +x parallel
plan '{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install", installation: {namespace: "", name: "wide"},
 tasks: [range(8) | tostring | {id: ("root/" + .), action: "install", needs: [], stage: 0,
   installation: {namespace: "", name: ("wide-" + .), labels: {}},
   bundle: {name: ("b" + .), version: "1.0.0"}, parameters: {}, credentials: {}, outputs: {}}],
 stages: [[range(8) | "root/" + tostring]], outputs: {}, unmapped: {parameters: [], credentials: []}}' >wide.json
deps 0 --driver process:./parallel --jobs 8 wide.json
ask 'eight tasks run at the same time' out .status '"succeeded"'

cat >flaky <<'TOOL'
#!/bin/bash
[[ -e $WORK/once ]] && exit 0
touch "$WORK/once"
exit 1
TOOL
chmod +x flaky
jq '.tasks |= .[:1] | .stages = [["root/0"]] | del(.digest)' wide.json >one-body.json
plan "$(<one-body.json)" >one.json
deps 0 --driver process:./flaky --retries 1 --events one.json
same 'a retry is told by events' 'workflow.running task.running task.retrying task.running task.succeeded workflow.succeeded' \
  "$(jq -r .type out | tr '\n' ' ' | sed 's/ $//')"

cat >sly <<'TOOL'
#!/bin/bash
ln -s /etc/passwd "$CNAB_ROOT/cnab/app/outputs/host"
TOOL
chmod +x sly
jq 'del(.digest) | .tasks |= [.[0] | {id, action, installation, needs, stage, bundle: (.bundle | del(.parameters, .credentials, .outputs)), parameters: {}, credentials: {}, outputs: (.outputs | {host})}] | .stages = [["root/db"]]' plan.json >sly-body.json
plan "$(<sly-body.json)" >sly.json
deps 1 --driver process:./sly sly.json
ask 'a symbolic link is no output' out '[.tasks[0].reason, .tasks[0].outputs]' '["output",{}]'
report_check 'and the message says so' grep -q 'symbolic link' err

# The same database serves a second environment; then all is taken away.
plan "$family"' | .tasks |= [(.[0] | .action = "skip" | .bundle.parameters = {} | .bundle.credentials = {} | .parameters = {} | .credentials = {}),
  (.[2] | .installation.name = "other" | .parameters.url.template = "http://${host}:${port}/" | .parameters.url.inputs |= del(.name))]
  | .stages = [["root/db"], ["root"]]' >reuse.json
rm -f order
deps 0 --driver "$driver" reuse.json
ask 'a reused task gives the outputs of its installation' out \
  '[.status, (.tasks[0] | .status, .reason, .attempt, .outputs.host.value), .tasks[1].outputs.seen.value]' \
  '["succeeded","skipped","reused",0,"db.local","http://db.local:3306/"]'
same 'and is not run' app "$(<order)"
plan '{apiVersion: "cnab-deps/v1", kind: "Plan", action: "uninstall", installation: {namespace: "dev", name: "app-lone"},
 tasks: [{id: "root", action: "uninstall", needs: [], stage: 0, installation: {namespace: "dev", name: "app-lone", labels: {}},
   bundle: {name: "lone", version: "1.0.0", outputs: {x: {type: "string", sensitive: false, path: "/cnab/app/outputs/x"}}},
   parameters: {}, credentials: {}, outputs: {}}],
 stages: [["root"]], outputs: {}, unmapped: {parameters: [], credentials: []}}' >uninstall.json
deps 0 --driver process:/bin/true uninstall.json
deps 0 installations
ask 'what was uninstalled is marked' out \
  '[.[] | select(.namespace == "dev") | [.name, .uninstalled == true, .status.uninstalled != null]]' \
  '[["app",false,false],["app-db",false,false],["app-lone",true,true],["other",false,false]]'

# What Porter has recorded comes into the state.
cat >porter.json <<'JSON'
[{"schemaVersion": "1.0.2", "id": "01G5MQ4W6M9T0X3Y5K7N2P1R8S", "namespace": "dev", "name": "mysql",
  "bundle": {"repository": "example.com/mysql", "version": "1.2.3"},
  "status": {"installed": "2024-01-01T00:00:00Z", "created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z"}}]
JSON
cat >porter-outputs.json <<'JSON'
[{"schemaVersion": "1.0.2", "namespace": "dev", "installation": "mysql", "name": "host", "resultId": "01A", "value": "b2xk"},
 {"schemaVersion": "1.0.2", "namespace": "dev", "installation": "mysql", "name": "host", "resultId": "01B", "value": "bmV3"},
 {"schemaVersion": "1.0.2", "namespace": "dev", "installation": "mysql", "name": "password", "resultId": "01B", "key": "x-password"}]
JSON
deps 0 import porter.json porter-outputs.json
deps 0 installations
ask 'an installation is imported with its outputs' out '.[] | select(.name == "mysql") | [.bundle.version, .status.installed]' \
  '["1.2.3","2024-01-01T00:00:00Z"]'
echo '[{"installation": "x", "name": "y", "value": "#"}]' >no-base64.json
deps 3 import porter.json no-base64.json
report_check 'an output that is not base64 is refused' grep -q 'document-value' err

deps 0 show "$id" --format html
report_check 'a page shows the graph in the colors of the states' grep -q '<g class="node succeeded"' out
report_check 'and the time line' grep -q '<div class="bars">' out
report_check 'and loads nothing from elsewhere' bash -c '! grep -qE "(src|href)=|url\(" out'

# One task at a time, as make asks for them.
plan '{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install", installation: {namespace: "steps", name: "s"},
 tasks: [{id: "root/a", action: "install", needs: [], stage: 0, installation: {namespace: "steps", name: "a", labels: {}},
          bundle: {name: "a", version: "1.0.0"}, parameters: {}, credentials: {}, outputs: {}},
         {id: "root", action: "install", needs: ["root/a"], stage: 1, installation: {namespace: "steps", name: "s", labels: {}},
          bundle: {name: "s", version: "1.0.0"}, parameters: {}, credentials: {}, outputs: {}}],
 stages: [["root/a"], ["root"]], outputs: {}, unmapped: {parameters: [], credentials: []}}' >steps.json
deps 4 --driver process:/bin/true --step root steps.json
report_check 'a step waits for no need' grep -q 'has not succeeded yet' err
deps 1 --driver process:/bin/false --step root/a steps.json
deps 0 --driver process:/bin/true --step root/a steps.json
deps 0 --driver process:/bin/false --step root/a steps.json
ask 'a step that failed is tried again, and one that succeeded is not' out \
  '[.status, [.tasks[] | [.status, .attempt]]]' '["running",[["succeeded",2],["pending",0]]]'
deps 0 --driver process:/bin/true --step root steps.json
ask 'the last step finishes the workflow' out .status '"succeeded"'
deps 2 --driver process:/bin/true --step other steps.json

# As a scheduler that puts a job back: it starts the next before the last has ended.
jq '.installation.namespace = "again"' steps.json >body.json
plan "$(<body.json)" >again.json
cat >slow <<'TOOL'
#!/bin/sh
trap 'touch asked; while [ ! -e end ]; do sleep 0.05; done; exit 1' TERM
touch begun
while [ ! -e asked ]; do sleep 0.05; done
wait
TOOL
chmod +x slow
"$run" -q --driver process:./slow --step root/a again.json >first.out 2>first.err &
first=$!
until [[ -e begun ]]; do sleep 0.05; done
"$run" -q --driver process:/bin/true --step root/a again.json >out 2>err &
second=$!
id=$("$run" list --format json | jq -r '.[0].id')
until "$run" events "$id" | grep -q workflow.resumed; do sleep 0.05; done
kill -TERM "$first"
until [[ -e asked ]]; do sleep 0.05; done
touch end
wait "$first"
same 'a step that is stopped while another waits for its task' 143 $?
wait "$second"
same 'leaves it to that one' '0 ["succeeded",2]' \
  "$? $(jq -c '.tasks[0] | [.status, .attempt]' out)"
deps 0 --driver process:/bin/true --step root again.json

# The logs of a workflow while it runs: the second half of the first task is
# held back until the first one was seen.
cat >gossip <<'TALK'
#!/bin/sh
echo "$CNAB_INSTALLATION_NAME begins"
while [ ! -e "$WORK/go-on" ]; do sleep 0.05; done
printf 'and ends'
TALK
chmod +x gossip
jq -c '.installation.name = "t" | .tasks[].installation.name |= "t-" + .' steps.json >talk.json
plan "$(jq 'del(.digest)' talk.json)" >talk.json.done
"$run" -q --driver process:"$work/gossip" talk.json.done >talked &
started+=("$!")
talker=$!
for ((i = 0; i < 200; i++)); do
  deps 0 list
  id=$(jq -r '.[] | select(.status == "running") | .id' out)
  [[ -z $id ]] || break
  sleep 0.05
done
"$run" logs "$id" --follow >followed 2>err &
started+=("$!")
follower=$!
for ((i = 0; i < 200; i++)); do
  ! grep -qx 't-a begins' followed || break
  sleep 0.05
done
same 'a log is followed while the task runs' $'==> root/a, attempt 1 <==\nt-a begins' "$(<followed)"
touch go-on
wait "$talker"
report_check 'whoever follows it ends with the workflow' wait "$follower"
same 'and has seen all of it, each log with its end' "==> root/a, attempt 1 <==
t-a begins
and ends
==> root, attempt 1 <==
t-s begins
and ends" "$(<followed)"
deps 0 logs "$id"
report_check 'which is what the logs are afterwards' cmp followed out
deps 4 logs "$id" root/b
report_check 'a task that is none has no log' grep -q "no task 'root/b'" err
deps 0 logs "$id" root/a -o log.txt
same 'a log goes into a file in one step' $'t-a begins\nand ends' "$(<log.txt)"

# Whoever looks at the first line of what is said does not end the run.
install -m 755 /dev/stdin nap <<<$'#!/bin/sh\nsleep 0.1'
plan '{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install",
  installation: {namespace: "dev", name: "nap"},
  tasks: [{id: "root", action: "install", bundle: {name: "nap"},
    installation: {namespace: "dev", name: "nap", labels: {}}, needs: [], stage: 0,
    parameters: {}, credentials: {}, outputs: {}}],
  stages: [["root"]], outputs: {}, unmapped: {parameters: [], credentials: []}}' >nap.json
("$run" --driver "process:$work/nap" nap.json 2>&1 >out; echo $? >status) | head -1 >first
report_check 'the first line was read' grep -q running first
same 'and the run ended well all the same' 0 "$(<status)"
same 'with its task' '"succeeded"' "$(jq -c .tasks[0].status out)"
deps 0 --driver "process:$work/nap" nap.json
same 'how it ended is said once' 1 "$(grep -c 'workflow .* succeeded' err)"
deps 2 list --format html
report_check 'a list is no page' grep -q "'list' has no page" err
deps 2 --driver "process:$work/nap" --engine-config nap.json nap.json
report_check 'settings of no engine are refused' grep -q 'engine-config' err
deps 0 list
deps 4 outputs "$(jq -r '.[0].id' out)" root nope
report_check 'an output that is not there is named' grep -q "has left no output 'nope'" err
deps 4 list --state "sqlite:$work"
report_check 'a state that cannot be opened is to be named otherwise' grep -q 'DEPS_STATE names another' err

# More tasks than are ended at a time: all but those that need the one that ran
# end for the one reason.
tree_plan 5000 >many.json
install -m 755 /dev/stdin sleeper <<<$'#!/bin/sh\ntouch "$WORK/many-started"\nexec sleep 60'
"$run" -q --driver "process:$work/sleeper" --jobs 1 many.json >out 2>err &
many=$!
started+=("$many")
await 20 test -e many-started
kill -TERM "$many"
wait "$many"
same 'a stop ends what was not begun' '[["canceled","skipped"],true]' \
  "$(jq -c '[([.tasks[].status] | unique), ([.tasks[] | select(.status == "skipped")] | length < 20)]' out)"
report_end process

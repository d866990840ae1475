#!/bin/bash
#
# deps-run with a command driver: a program cnab-box on PATH that runs bundles as
# cnab-go's command driver asks it to. And where sensitive outputs go.
# Usage: command_driver_test.sh DEPS_RUN

set -uo pipefail

run=$PWD/$1
# shellcheck source=tests/report.sh
. tests/report.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir bin
PATH=$work/bin:$PATH
export DEPS_STATE=sqlite:$work/state.db XDG_RUNTIME_DIR=

cat >bin/cnab-box <<'BOX'
#!/bin/bash
[[ ${1-} != --handles ]] || { echo 'box, oci' && exit; }
cat >"$BOX_DIR/operation.json"
tr ',' '\n' <<<"$CNAB_VARS" | grep -c . >"$BOX_DIR/variables"
echo "token $TOKEN on box ${BOX_TOKEN-withheld}"
mkdir -p "$CNAB_OUTPUT_DIR/cnab/app/outputs"
printf 'from the box' >"$CNAB_OUTPUT_DIR/cnab/app/outputs/said"
printf 'sentinel-made' >"$CNAB_OUTPUT_DIR/cnab/app/outputs/password"
exit "${BOX_STATUS-0}"
BOX
chmod +x bin/cnab-box
export BOX_DIR=$work

# make_plan SINK TYPE
make_plan() {
  jq -n -cS --arg sink "$1" --arg type "$2" '
{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install", installation: {namespace: "dev", name: "box"},
 tasks: [{id: "root", action: "install", needs: [], stage: 0,
   installation: {namespace: "dev", name: "box", labels: {}},
   bundle: {name: "box", version: "1.0.0", reference: "",
     parameters: {size: {type: "integer", required: true, sensitive: false, applyTo: [], destination: {env: "SIZE"}}},
     credentials: {token: {required: true, applyTo: [], destination: {env: "TOKEN", path: "/root/token"}}},
     outputs: {said: {type: "string", sensitive: false, applyTo: [], path: "/cnab/app/outputs/said"},
               password: {type: "string", sensitive: true, applyTo: [], path: "/cnab/app/outputs/password"}},
     invocationImages: [{image: "example.com/box:v1", imageType: $type, contentDigest: ("sha256:" + "1" * 64)}]},
   parameters: {size: {value: 7}}, credentials: {token: {secret: "env:BOX_TOKEN"}},
   outputs: {said: {path: "/cnab/app/outputs/said", type: "string", sensitive: false},
             password: ({path: "/cnab/app/outputs/password", type: "string", sensitive: true}
               + if $sink == "" then {} else {sink: $sink} end)}}],
 stages: [["root"]], outputs: {}, unmapped: {parameters: [], credentials: []}}' >body.json
  digest=$(jq '. + {digest: ("sha256:" + "0" * 64)}' body.json |
    "$run" --driver process:/bin/true --dry-run 2>&1 >/dev/null | grep -o 'sha256:[0-9a-f]*' | head -n 1)
  jq --arg digest "$digest" '. + {digest: $digest}' body.json
}
export BOX_TOKEN=sentinel-token

operation() {
  make_plan '' box >plan.json
  "$run" --driver box plan.json >out || return
  [[ $(jq -r '.tasks[0].outputs.said.value' out) == 'from the box' ]] || return
  [[ $("$run" logs "$(jq -r .id out)" root | tail -n 1) == 'token [redacted] on box withheld' ]] || return
  jq -e '.installation_name == "box" and .action == "install" and (.revision | length) == 26
    and .parameters == {size: 7} and .environment.SIZE == "7" and .environment.TOKEN == "sentinel-token"
    and .files["/root/token"] == "sentinel-token" and (.files["/cnab/claim.json"] | fromjson.action) == "install"
    and .outputs["/cnab/app/outputs/said"] == "said" and .Bundle.name == "box"
    and .image == {image: "example.com/box:v1", imageType: "box", contentDigest: ("sha256:" + "1" * 64)}' \
    operation.json || return
  [[ $(jq '.environment | length' operation.json) -eq $(<variables) ]]
}
report_check 'a command driver gets the operation that cnab-go gives' operation

failure() {
  ! BOX_STATUS=3 "$run" --driver box plan.json >out 2>err && jq -e '.tasks[0].exitCode == 3' out
}
report_check 'its exit status is the task'\''s' failure

other_type() {
  make_plan '' vm >vm.json
  ! "$run" --driver box vm.json >out 2>err && grep -q "runs images of type box, oci, and bundle 'box' has none" err
}
report_check 'an image of another type is not for it' other_type

sunk() {
  make_plan "file:$work/sink/dev/password" box >sunk.json
  "$run" --driver box sunk.json >out || return
  [[ $(<sink/dev/password) == sentinel-made && $(stat -c %a sink/dev/password) == 600 ]] || return
  [[ $(jq -r '.tasks[0].outputs.password.ref' out) == "file:$work/sink/dev/password" ]] || return
  [[ $("$run" outputs "$(jq -r .id out)" root password --reveal) == sentinel-made ]]
}
report_check 'a sensitive output goes to its sink, and is read from there' sunk

refused() {
  make_plan 'env:NOWHERE' box >refused.json
  "$run" --driver box refused.json >out 2>err
  [[ $? -eq 4 ]] && grep -q "takes no values" err
}
report_check 'what is no sink is refused before anything runs' refused

# Of a driver that starts the box in a session of its own: what is left of an
# attempt ends before the next one begins.
orphan() {
  local id process
  cat >bin/cnab-fork <<'FORK'
#!/bin/bash
[[ ${1-} != --handles ]] || { echo box && exit; }
mkdir -p "$CNAB_OUTPUT_DIR/cnab/app/outputs"
printf x | tee "$CNAB_OUTPUT_DIR/cnab/app/outputs/said" >"$CNAB_OUTPUT_DIR/cnab/app/outputs/password"
if [[ -e $BOX_DIR/forked ]]; then
  grep -q sleep "/proc/$(<"$BOX_DIR/forked")/cmdline" && touch "$BOX_DIR/both"
  exit 0
fi
setsid sleep 1000 &
echo $! >"$BOX_DIR/forked.part" && mv "$BOX_DIR/forked.part" "$BOX_DIR/forked"
wait
FORK
  chmod +x bin/cnab-fork
  "$run" --driver fork plan.json >out 2>err &
  process=$!
  until [[ -e forked ]]; do sleep 0.05; done
  kill -KILL "$process" && wait "$process"
  id=$("$run" list | jq -r '.[0].id')
  "$run" resume "$id" >out 2>err && [[ ! -e both ]]
}
report_check 'what a driver left running is ended before it runs again' orphan

nothing() {
  rm -f operation.json
  ! grep -rla 'sentinel-' --exclude-dir=sink --exclude-dir=bin .
}
report_check 'no secret is in the state or a log' nothing
report_end command_driver

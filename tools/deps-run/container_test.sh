#!/bin/bash
#
# deps-run with real containers: an image of busybox and a bundle are made and
# published to a registry on the loopback, planned and run. What a run tool gets,
# what is left when runner or container die, bundles that give trouble, and where
# no secret may be.
# Usage: container_test.sh DRIVER sqlite|postgres COMMAND…

set -uo pipefail

driver=$1
state=$2
shift 2
# shellcheck source=tests/report.sh
. tests/report.sh
# shellcheck source=tests/registry.sh
. tests/registry.sh
# shellcheck source=tests/containers.sh
. tests/containers.sh
# shellcheck source=tests/postgres.sh
. tests/postgres.sh

work=$(mktemp -d /tmp/deps-XXXXXX)
memory=$(mktemp -d /dev/shm/deps-XXXXXX)
runner=
# Ends the runner and removes all containers.
drop_runs() {
  [[ -z $runner ]] || {
    kill -KILL "$runner" && wait "$runner"
  } 2>/dev/null
  runner=
  case $driver in
    podman) podman rm --all --force --time=0 >/dev/null 2>&1 ;;
    docker) docker ps --all --quiet --filter name=deps-01 | xargs -r docker rm --force >/dev/null ;;
    runc)
      for folder in "$memory"/run/cnab-deps-*/runc/*/; do
        [[ ! -d $folder ]] || runc --root "${folder%/*/}" delete --force "$(basename "$folder")"
      done
      ;;
  esac
}
cleanup() {
  # A child that a signal ends before it has become a command has this trap, too.
  [[ $BASHPID -eq $$ ]] || return
  drop_runs
  stop_registry "$work/registry"
  stop_postgres
  [[ $driver != docker ]] || stop_docker "$work/docker"
  [[ ! -d $work/containers ]] || remove_containers "$work/containers"
  rm -rf "$work" "$memory"
}
trap cleanup EXIT

mkdir "$work/bin" "$work/tmp" "$work/cache" "$memory/run"
for command in "$@"; do
  ln -s "$(readlink -f "$command")" "$work/bin/${command##*/}"
done
PATH=$work/bin:$PATH
export DEPS_AGENT=$work/bin/deps-agent DEPS_STATE=sqlite:$work/state.db
export XDG_RUNTIME_DIR=$memory/run TMPDIR=$work/tmp XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/home
case $driver in
  podman) keep_containers_in "$work/containers" ;;
  docker) start_docker "$work/docker" || exit 1 ;;
esac
if [[ $state == postgres ]]; then
  # Where it is searched, too; the server is another user.
  chmod 711 "$work"
  POSTGRES_PARENT=$work start_postgres
  DEPS_STATE=$POSTGRES_URL
fi
registry=$(start_registry "$work/registry") || exit 1
cd "$work" || exit 1

# blob FILE: puts it into the layout and prints {"digest", "size"}.
blob() {
  local hex
  hex=$(sha256sum <"$1" | cut -d' ' -f1)
  cp "$1" "layout/blobs/sha256/$hex"
  jq -n --arg digest "sha256:$hex" --argjson size "$(stat -c %s "$1")" '{$digest, $size}'
}

# A layout with an image: busybox, and the run tool in a second layer.
make_image() {
  local config layers
  mkdir -p layout/blobs/sha256 one/bin one/etc one/cnab/app one/tmp two/cnab/app
  cp /bin/busybox one/bin/
  for name in sh cat sleep sha256sum touch id ln base64 kill tr head setsid grep cut; do
    ln -s busybox "one/bin/$name"
  done
  echo 'tool:x:1234:5678::/:/bin/sh' >one/etc/passwd
  echo 'old' >one/cnab/app/gone
  cp "$1" two/cnab/app/run
  chmod 755 two/cnab/app/run
  touch two/cnab/app/.wh.gone
  tar -C one --owner=0 --group=0 -czf one.tgz . && tar -C two --owner=0 --group=0 -cf two.tar cnab
  jq -n --arg one "$(gzip -dc one.tgz | sha256sum | cut -d' ' -f1)" \
    --arg two "$(sha256sum <two.tar | cut -d' ' -f1)" '{architecture: "amd64", os: "linux",
    config: {Env: ["PATH=/bin", "FROM_IMAGE=yes"], WorkingDir: "/tmp"},
    rootfs: {type: "layers", diff_ids: ["sha256:\($one)", "sha256:\($two)"]}}' >config.json
  config=$(blob config.json)
  layers="$(blob one.tgz | jq '.mediaType = "application/vnd.oci.image.layer.v1.tar+gzip"')
    $(blob two.tar | jq '.mediaType = "application/vnd.oci.image.layer.v1.tar"')"
  jq -s --argjson config "$config" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: ($config + {mediaType: "application/vnd.oci.image.config.v1+json"}), layers: .}' \
    <<<"$layers" >manifest.json
  blob manifest.json | jq '{schemaVersion: 2, manifests:
    [. + {mediaType: "application/vnd.oci.image.manifest.v1+json"}]}' >layout/index.json
  echo '{"imageLayoutVersion": "1.0.0"}' >layout/oci-layout
}

cat >run.sh <<'TOOL'
#!/bin/sh
[ "$GREETING" != wait ] || echo "start $(cat /proc/sys/kernel/random/uuid)"
echo "started $CNAB_ACTION of $CNAB_BUNDLE_NAME $CNAB_BUNDLE_VERSION as $CNAB_INSTALLATION_NAME"
echo "claims $CNAB_CLAIMS_VERSION revision ${#CNAB_REVISION} image $FROM_IMAGE in $PWD"
echo "token $TOKEN file $(cat /root/token) encoded $(echo -n "$TOKEN" | base64)"
[ ! -e /cnab/app/gone ] && [ -s /cnab/claim.json ] && [ -s /cnab/app/image-map.json ] && echo files
echo "bundle $(sha256sum </cnab/bundle.json)"
echo "filter of system calls $(grep '^Seccomp:' /proc/self/status | cut -f 2)"
[ "$PIN$(cat /etc/pass)" = "$(cat /etc/expected)" ] && echo "pin $PIN pass $(cat /etc/pass)"
printf '%s' "$GREETING" >/cnab/app/outputs/said
printf 'sentinel-%s' made-inside >/cnab/app/outputs/password
touch /cnab/app/outputs/ready
case $GREETING in
  wait) while [ ! -e /cnab/app/outputs/go ]; do sleep 0.05; done ;;
  fail) exit 3 ;;
  link) ln -sf /etc/passwd /cnab/app/outputs/said ;;
  folder) rm -rf /cnab/app/outputs/said; ln -s /etc /cnab/app/outputs/said ;;
  deaf) trap '' TERM
    while :; do sleep 0.05; done ;;
  fork) for n in 1 2 3 4 5; do setsid sleep 1000 & sleep 1000 & done ;;
  fill) head -c 400000000 /dev/zero >/cnab/app/outputs/large
    sleep 1000 ;;
  talk) head -c 40000000 /dev/zero | tr '\0' x ;;
  stop) trap 'echo asked to stop; printf saved >/cnab/app/outputs/said; exit 0' TERM
    while :; do sleep 0.05; done ;;
esac
echo done
TOOL
cat >bundle.json <<'BUNDLE'
{ "schemaVersion": "1.2.0", "name": "hello", "version": "1.0.0", "custom": {"com.example": "kept as it is"},
  "invocationImages": [{"imageType": "oci", "image": "example.com/hello:v1"}],
  "definitions": {"text": {"type": "string"}, "hidden": {"type": "string", "writeOnly": true}},
  "parameters": {"greeting": {"definition": "text", "destination": {"env": "GREETING"}, "required": true},
                 "pass": {"definition": "hidden", "destination": {"path": "/etc/pass"}},
                 "expected": {"definition": "hidden", "destination": {"path": "/etc/expected"}}},
  "credentials": {"token": {"required": true, "env": "TOKEN", "path": "/root/token"}, "pin": {"env": "PIN"}},
  "outputs": {"said": {"definition": "text", "path": "/cnab/app/outputs/said"},
              "password": {"definition": "hidden", "path": "/cnab/app/outputs/password"}}}
BUNDLE
make_image run.sh
published() {
  cnab-publish --layout invocation=layout bundle.json "$registry/hello:v1.0.0" >published.json
}
report_check 'the bundle is published' published

# What is searched for stands in memory only, and in no command line of a search.
# The token is this run's alone: whoever has it belongs to this test.
nonce=$(</proc/sys/kernel/random/uuid)
printf 'sentinel-token-%s' "$nonce" >"$memory/token"
printf 'sentinel-pass-%s' "$nonce" >"$memory/pass"
printf 'sentinel-pin-%ssentinel-pass-%s' "$nonce" "$nonce" >"$memory/expected"
HELLO_PIN=sentinel-pin-$nonce
export HELLO_PIN
# As they are, and as base64, which Porter's documents have.
for value in "token-$nonce" "pass-$nonce" "pin-$nonce" made-inside; do
  printf 'sentinel-%s\n' "$value"
  printf 'sentinel-%s' "$value" | base64 -w 0 | head -c 20
  echo
done >"$memory/secrets"
cat >credentials.yaml <<SET
schemaType: CredentialSet
schemaVersion: 1.0.1
name: hello
credentials:
  - {name: token, source: {path: $memory/token}}
  - {name: pin, source: {env: HELLO_PIN}}
SET
cat >parameters.yaml <<SET
schemaType: ParameterSet
schemaVersion: 1.1.0
name: hello
parameters:
  - {name: pass, source: {command: "cat $memory/pass"}}
  - {name: expected, source: {path: $memory/expected}}
SET

# make_plan GREETING [INSTALLATION]: plan-GREETING.json.
make_plan() {
  deps-graph "$registry/hello:v1.0.0" >graph.json && deps-solve graph.json >solution.json &&
    deps-plan --credential-set credentials.yaml --parameter-set parameters.yaml --param "root#greeting=$1" --namespace dev \
      --installation "${2-hello-$1}" solution.json >"plan-$1.json"
}

# await COMMAND…: until it succeeds, for at most ten seconds.
await() {
  local i
  for ((i = 0; i < 200; i++)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "waited in vain: $*"
  return 1
}
ready() { compgen -G "$memory/run/cnab-deps-*/root/cnab/app/outputs/ready"; }
go() { touch "$(echo "$memory"/run/cnab-deps-*/root/cnab/app/outputs)/go"; }
run_id() { deps-run list | jq -r --arg n "$1" '[.[] | select(.installation.name == $n)][0].id'; }
# Which containers there are.
containers() {
  case $driver in
    podman) podman ps --all --quiet ;;
    docker) docker ps --all --quiet --filter name=deps-01 ;;
    runc) find "$memory/run" -path '*/runc/*' -name state.json ;;
  esac
}
no_containers() { [[ -z $(containers) ]]; }
nothing_in_memory() { ! compgen -G "$memory/run/cnab-deps-*" && no_containers; }
nothing_on_disk() { ! compgen -G "$TMPDIR/[!t]*"; }

contract() {
  make_plan hello && deps-run --driver "$driver" plan-hello.json >out || return
  [[ $(jq -r '.tasks[0].outputs.said.value' out) == hello ]] || return
  id=$(jq -r .id out)
  config=$(jq -r '.manifests[0].digest' \
    <(curl -fs "http://$registry/v2/hello/manifests/$(jq -r .digest published.json)"))
  config=$(curl -fs -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
    "http://$registry/v2/hello/manifests/$config" | jq -r .config.digest)
  cat >expected <<LOG
started install of hello 1.0.0 as hello-hello
claims CNAB-Claims-1.0.0 revision 26 image yes in /tmp
token [redacted] file [redacted] encoded [redacted]
files
bundle ${config#sha256:}  -
filter of system calls 2
pin [redacted] pass [redacted]
done
LOG
  deps-run logs "$id" root | diff expected -
}
report_check 'a run tool gets what CNAB promises, and bundle.json as it was published' contract

sealed() {
  ! deps-run outputs "$id" root password 2>/dev/null &&
    [[ $(deps-run outputs "$id" root password --reveal) == sentinel-made-inside ]]
}
report_check 'a sensitive output is sealed, and shown on request' sealed

failure() {
  make_plan fail && ! deps-run --driver "$driver" plan-fail.json >out 2>err || return
  jq -e '.tasks[0] | .status == "failed" and .exitCode == 3 and .outputs.said.value == "fail"' out
}
report_check 'outputs are collected after a failure too' failure

link() {
  make_plan link && ! deps-run --driver "$driver" plan-link.json >out 2>err || return
  grep -q "output 'said' .*symbolic link" err
}
report_check 'an output that is a symbolic link is refused' link

folder() {
  make_plan folder && ! deps-run --driver "$driver" plan-folder.json >out 2>err || return
  grep -q "output 'said' .*symbolic link" err
}
report_check 'so is one that is a link to a folder' folder

deaf() {
  make_plan deaf || return
  deps-run --driver "$driver" --grace 1s plan-deaf.json >out 2>err &
  runner=$!
  await ready && kill -TERM "$runner"
  wait "$runner"
  local status=$?
  runner=
  [[ $status -eq 143 ]] && jq -e '.tasks[0].status == "canceled"' out && no_containers
}
forks() {
  make_plan fork && deps-run --driver "$driver" plan-fork.json >out && no_containers
}
fills() {
  make_plan fill && ! deps-run --driver "$driver" plan-fill.json >out 2>err || return
  jq -e '.tasks[0] | .reason == "output" and (.message | contains("256 MiB"))' out && no_containers
}
talks() {
  make_plan talk && deps-run --driver "$driver" plan-talk.json >out || return
  [[ $(deps-run logs "$(jq -r .id out)" root | wc -c) -lt 20000000 ]] &&
    [[ $(deps-run logs "$(jq -r .id out)" root | tail -n 1 | tail -c 5) == "done" ]]
}

# check_run NAME COMMAND: what a failed one left does not disturb the next.
check_run() {
  local before=$report_failed
  report_check "$@"
  [[ $report_failed -eq $before ]] || {
    drop_runs
    rm -rf "$memory"/run/cnab-deps-*
  }
}

check_run 'a container that ignores SIGTERM is killed after the grace' deaf
check_run 'what a container forks goes with it' forks
check_run 'a container that fills its outputs is stopped' fills
check_run 'the log of a container that talks much is bounded' talks

# Everything that can be asked about a run, as files.
tell() {
  local id=$1
  mkdir -p told
  deps-run list >told/list && deps-run show "$id" >told/show && deps-run events "$id" >told/events &&
    deps-run show --format html "$id" >told/page.html && deps-run logs "$id" >told/logs &&
    deps-run outputs "$id" >told/outputs && deps-run installations >told/installations &&
    deps-run resume --explain "$id" >told/explanation
}

# Where the secrets of a run may not be, asked while it runs and after it: the
# state with its log of changes, logs, temporary files, documents and what the
# engine keeps are below the folder of this test.
search() {
  local found=0 file process program
  grep -rla -f "$memory/secrets" "$work" && found=1
  for process in /proc/[0-9]*; do
    # Asked first: the tool's processes come and go, and what is gone has no name.
    program=$(readlink "$process/exe") || continue
    while read -r file; do
      # The run tool's own environment is where they belong, and the runner's and
      # this test's is where one of them comes from.
      if [[ $file != */environ || ($program != */busybox && $program != */deps-run &&
        $process != /proc/$$ && $process != /proc/$BASHPID) ]]; then
        echo "$file of $program: $(tr '\0' ' ' 2>/dev/null <"$process/cmdline")"
        found=1
      fi
    done < <(grep -la -f "$memory/secrets" "$process"/{cmdline,environ} 2>/dev/null)
  done
  case $driver in
    podman | docker)
      for file in $(containers); do
        "$driver" inspect "$file" | grep -f "$memory/secrets" && found=1
      done
      ;;
    runc) grep -la -f "$memory/secrets" "$memory"/run/cnab-deps-*/{container/config.json,runc/*/*} &&
      found=1 ;;
  esac
  return $found
}
sentinel() {
  make_plan wait || return
  deps-run --driver "$driver" plan-wait.json >out 2>err &
  runner=$!
  await ready || return
  ! no_containers || { echo 'no container runs' && return 1; }
  tell "$(run_id hello-wait)" && search || return
  # What the search would find: the run tool has it.
  grep -qa -f "$memory/secrets" /proc/[0-9]*/environ 2>/dev/null || {
    echo 'the search is blind' && return 1
  }
  go && wait "$runner" && runner= && tell "$(run_id hello-wait)" && search
}
check_run 'no secret is on a disk, in a command line or in what an engine tells' sentinel

# There is one attempt, and its log has all of it, each line once.
started_once() {
  [[ $(deps-run logs "$id" root | grep '^start ' | sort -u | wc -l) -eq 1 ]] || return
  [[ $(deps-run logs "$id" root | grep -c -e '^start ' -e '^done$') -eq 2 ]]
}
killed_while_running() {
  make_plan wait killed-while-running || return
  deps-run --driver "$driver" plan-wait.json >out 2>err &
  runner=$!
  await ready && kill -KILL "$runner"
  wait "$runner" 2>/dev/null
  id=$(run_id killed-while-running)
  deps-run resume "$id" >out 2>err &
  runner=$!
  sleep 0.3
  go && wait "$runner" || {
    cat err
    return 1
  }
  runner=
  [[ $(jq -r '.tasks[0].outputs.said.value' out) == wait ]] || {
    cat out err
    return 1
  }
  started_once
}
check_run 'a container whose runner is killed is attached to again' killed_while_running

killed_and_ended() {
  make_plan wait killed-and-ended || return
  deps-run --driver "$driver" plan-wait.json >out 2>err &
  runner=$!
  await ready && kill -KILL "$runner"
  wait "$runner" 2>/dev/null
  runner=
  id=$(run_id killed-and-ended)
  go && await compgen -G "$memory/run/cnab-deps-*/control/exit" || return
  deps-run resume "$id" >out 2>err || return
  started_once
}
check_run 'a container that ended without a runner is not started again' killed_and_ended

stopped() {
  make_plan stop || return
  deps-run --driver "$driver" plan-stop.json >out 2>err &
  runner=$!
  await ready && kill -TERM "$runner"
  wait "$runner"
  local status=$?
  runner=
  [[ $status -eq 143 ]] && jq -e '.tasks[0].status == "canceled"' out || return
  deps-run logs "$(run_id hello-stop)" root | grep -qx 'asked to stop'
}
check_run 'a container that is asked to stop may tidy up' stopped

# resumed POINT: it goes on with the run, which began once.
resumed() {
  deps-run -q resume "$id" >out 2>err || {
    echo "$1: resume: $?" && cat err
    return 1
  }
  [[ $(cat "$(logs_of "$id")"/* | grep -c '^started ') -eq 1 ]] || {
    echo "$1: started more than once" && head -n 50 "$(logs_of "$id")"/*
    return 1
  }
}
logs_of() { find "$work" -type d -path "*logs/$1"; }

# Killed at each point of the container's life; and so is what goes on with it.
killed_at() {
  local point again
  for point in prepared start started ended; do
    make_plan hello "killed-at-$point" || return
    DEPS_RUN_FAULT=1 DEPS_RUN_FAULT_AT=$point DEPS_RUN_FAULT_FILE=$PWD/points \
      deps-run-faults -q --driver "$driver" plan-hello.json >out 2>err
    [[ $? -eq 137 ]] || {
      echo "$point: it was not killed" && cat err
      return 1
    }
    id=$(run_id "killed-at-$point")
    for again in attached left; do
      DEPS_RUN_FAULT=1 DEPS_RUN_FAULT_AT=$again deps-run-faults -q resume "$id" >out 2>err
    done
    resumed "$point" || return
  done
  no_containers && search
}
check_run 'a run that is killed at any point of its container is gone on with' killed_at

# Killed at every point where the state is written, with containers.
swept() {
  local point status installation
  for ((point = 1; point < 100; ++point)); do
    installation=swept-$point
    make_plan hello "$installation" || return
    rm -f points
    DEPS_RUN_FAULT=$point DEPS_RUN_FAULT_FILE=$PWD/points \
      deps-run-faults -q --driver "$driver" plan-hello.json >out 2>err
    status=$?
    [[ -s points ]] || break
    id=$(run_id "$installation")
    [[ $id == null ]] || resumed "point $point, $(<points)" || return
  done
  echo "$status after $point points"
  [[ $status -eq 0 && $point -gt 15 ]] && search
}
[[ $driver != runc ]] || check_run 'a run that is killed at any point is gone on with' swept

# Layers as `podman push --compression-format zstd` makes them.
zstd() {
  skopeo --insecure-policy copy --quiet --dest-compress --dest-compress-format zstd oci:layout oci:layout-zstd &&
    [[ $(jq -r '.layers[].mediaType' "layout-zstd/blobs/$(jq -r '.manifests[0].digest' \
      layout-zstd/index.json | tr : /)" | sort -u) == *+zstd ]] || return
  cnab-publish --layout invocation=layout-zstd bundle.json "$registry/zstd:v1.0.0" >out || return
  deps-graph "$registry/zstd:v1.0.0" | deps-solve | deps-plan --credential-set credentials.yaml \
    --parameter-set parameters.yaml --param 'root#greeting=hello' --installation zstd >plan-zstd.json &&
    deps-run --driver "$driver" plan-zstd.json >out || return
  [[ $(jq -r '.tasks[0].outputs.said.value' out) == hello ]]
}
check_run 'an image with layers in zstd runs' zstd

report_check 'no secret is anywhere after all of that' search
report_check 'nothing is left in memory' nothing_in_memory
report_check 'nothing is left on the disk' nothing_on_disk
report_end "$driver-$state"

#!/bin/bash
#
# deps-run with real containers: an image of busybox and a bundle are made and
# published to a registry on the loopback, planned and run. What a run tool gets,
# what is left when runner or container die, and where no secret may be.
# Usage: container_test.sh DRIVER COMMAND…

set -uo pipefail

driver=$1
shift
# shellcheck source=tests/report.sh
. tests/report.sh
# shellcheck source=tests/registry.sh
. tests/registry.sh
# shellcheck source=tests/containers.sh
. tests/containers.sh

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
export XDG_RUNTIME_DIR=$memory/run TMPDIR=$work/tmp XDG_CACHE_HOME=$work/cache
[[ $driver != podman ]] || keep_containers_in "$work/containers"
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
  for name in sh cat sleep sha256sum touch id ln base64 kill tr head; do
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
printf '%s' "$GREETING" >/cnab/app/outputs/said
printf 'sentinel-%s' made-inside >/cnab/app/outputs/password
touch /cnab/app/outputs/ready
case $GREETING in
  wait) while [ ! -e /cnab/app/outputs/go ]; do sleep 0.05; done ;;
  fail) exit 3 ;;
  link) ln -sf /etc/passwd /cnab/app/outputs/said ;;
  stop) trap 'echo asked to stop; printf saved >/cnab/app/outputs/said; exit 0' TERM
    while :; do sleep 0.05; done ;;
esac
echo done
TOOL
cat >bundle.json <<'BUNDLE'
{ "schemaVersion": "1.2.0", "name": "hello", "version": "1.0.0", "custom": {"com.example": "kept as it is"},
  "invocationImages": [{"imageType": "oci", "image": "example.com/hello:v1"}],
  "definitions": {"text": {"type": "string"}, "hidden": {"type": "string", "writeOnly": true}},
  "parameters": {"greeting": {"definition": "text", "destination": {"env": "GREETING"}, "required": true}},
  "credentials": {"token": {"required": true, "env": "TOKEN", "path": "/root/token"}},
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
printf 'sentinel-%s\n' "token-$nonce" made-inside >"$memory/secrets"
cat >credentials.yaml <<SET
schemaType: CredentialSet
schemaVersion: 1.0.1
name: hello
credentials:
  - {name: token, source: {path: $memory/token}}
SET

# make_plan GREETING [INSTALLATION]: plan-GREETING.json.
make_plan() {
  deps-graph "$registry/hello:v1.0.0" >graph.json && deps-solve graph.json >solution.json &&
    deps-plan --credential-set credentials.yaml --param "root#greeting=$1" --namespace dev \
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

# check_run NAME COMMAND: what a failed one left does not disturb the next.
check_run() {
  local before=$report_failed
  report_check "$@"
  [[ $report_failed -eq $before ]] || {
    drop_runs
    rm -rf "$memory"/run/cnab-deps-*
  }
}

# Where the secrets of a run may not be, asked while it runs and after it.
search() {
  local found=0 file process program
  grep -rla -f "$memory/secrets" "$work" && found=1
  for process in /proc/[0-9]*; do
    # Asked first: the tool's processes come and go, and what is gone has no name.
    program=$(readlink "$process/exe") || continue
    while read -r file; do
      # The run tool's own environment is where the token belongs.
      if [[ $file != */environ || $program != */busybox ]]; then
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
  if [[ $driver == docker && -n ${DOCKER_ROOT-} ]]; then
    grep -rla -f "$memory/secrets" "$DOCKER_ROOT" && found=1
  fi
  return $found
}
sentinel() {
  make_plan wait || return
  deps-run --driver "$driver" plan-wait.json >out 2>err &
  runner=$!
  await ready || return
  ! no_containers || { echo 'no container runs' && return 1; }
  search || return
  # What the search would find: the run tool has it.
  grep -qa -f "$memory/secrets" /proc/[0-9]*/environ 2>/dev/null || {
    echo 'the search is blind' && return 1
  }
  go && wait "$runner" && runner= && search
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
  go && wait "$runner" || return
  runner=
  [[ $(jq -r '.tasks[0].outputs.said.value' out) == wait ]] || return
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

report_check 'nothing is left in memory' nothing_in_memory
report_check 'nothing is left on the disk' nothing_on_disk
report_end "$driver"

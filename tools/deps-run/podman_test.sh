#!/bin/bash
#
# deps-run with containers: builds an image of busybox, publishes it to a registry
# of its own and runs it as a bundle. Nothing is left behind.
# Usage: podman_test.sh DEPS_RUN DEPS_AGENT

set -uo pipefail

run=$PWD/$1
export DEPS_AGENT=$PWD/$2
work=$(mktemp -d)
registry=
cleanup() {
  [[ -z $registry ]] || kill "$registry"
  podman rm --all --force --time=0 >/dev/null 2>&1
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1

# vfs, runc and limits that are not raised work without a file system driver,
# cgroups or CAP_SYS_RESOURCE.
mkdir -m 700 containers runtime
cat >storage.conf <<CONF
[storage]
driver = "vfs"
graphroot = "$work/containers"
runroot = "$work/runtime/storage"
CONF
cat >containers.conf <<CONF
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "$work/runtime/libpod"
static_dir = "$work/containers/libpod"
volume_path = "$work/containers/volumes"
CONF
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
export DEPS_STATE=sqlite:$work/state.db

fail() {
  echo "FAILED: $1"
  cat err "$work"/state.db.logs/*/* 2>/dev/null
  exit 1
}

cat >config.yml <<CONFIG
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:0"}
CONFIG
docker-registry serve config.yml >registry.log 2>&1 </dev/null &
registry=$!
port=
for ((i = 0; i < 100 && ${#port} == 0; i++)); do
  sleep 0.05
  port=$(ss -Hltnp | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$registry,.*/\1/p")
done
[[ -n $port ]] || fail 'the registry does not listen'

cat >run.sh <<'TOOL'
#!/bin/sh
set -eu
echo "token $TOKEN, file $(cat /root/token), action $CNAB_ACTION"
[ -s /cnab/bundle.json ] && [ -s /cnab/claim.json ] && [ -s /cnab/app/image-map.json ]
printf '%s' "$GREETING" >/cnab/app/outputs/said
printf 'sentinel-%s' made-inside >/cnab/app/outputs/password
TOOL
container=$(buildah from scratch) &&
  buildah copy -q "$container" /bin/busybox /bin/busybox >/dev/null &&
  buildah copy -q "$container" /bin/busybox /bin/sh >/dev/null &&
  buildah copy -q "$container" /bin/busybox /bin/cat >/dev/null &&
  buildah copy -q --chmod 755 "$container" run.sh /cnab/app/run >/dev/null &&
  buildah config --env PATH=/bin "$container" &&
  buildah commit -q --rm "$container" "localhost:$port/hello" >/dev/null &&
  buildah push -q --tls-verify=false --digestfile digest "localhost:$port/hello" &&
  buildah rmi -a -f >/dev/null || fail 'no image'

jq -n -cS --arg image "localhost:$port/hello:v1" --arg digest "$(<digest)" '
{apiVersion: "cnab-deps/v1", kind: "Plan", action: "install", installation: {namespace: "dev", name: "hello"},
 tasks: [{id: "root", action: "install", needs: [], stage: 0,
   installation: {namespace: "dev", name: "hello", labels: {}},
   bundle: {name: "hello", version: "1.0.0", reference: ($image | sub(":v1$"; "@sha256:" + "0" * 64)),
     parameters: {greeting: {type: "string", required: true, sensitive: false, applyTo: [], destination: {env: "GREETING"}}},
     credentials: {token: {required: true, applyTo: [], destination: {env: "TOKEN", path: "/root/token"}}},
     outputs: {said: {type: "string", sensitive: false, applyTo: [], path: "/cnab/app/outputs/said"},
               password: {type: "string", sensitive: true, applyTo: [], path: "/cnab/app/outputs/password"}},
     invocationImages: [{image: "example.com/hello:v1", imageType: "docker", contentDigest: $digest}]},
   parameters: {greeting: {value: "hello, world"}}, credentials: {token: {secret: "env:HELLO_TOKEN"}},
   outputs: {said: {path: "/cnab/app/outputs/said", type: "string", sensitive: false},
             password: {path: "/cnab/app/outputs/password", type: "string", sensitive: true}}}],
 stages: [["root"]], outputs: {}, unmapped: {parameters: [], credentials: []}}' >body.json
digest=$(jq '. + {digest: ("sha256:" + "0" * 64)}' body.json |
  "$run" --driver process:/bin/true --dry-run 2>&1 >/dev/null | grep -o 'sha256:[0-9a-f]*')
jq --arg digest "$digest" '. + {digest: $digest}' body.json >plan.json

HELLO_TOKEN=sentinel-token "$run" plan.json >out 2>err || fail 'the run'
[[ $(jq -r '.tasks[0].outputs.said.value' out) == 'hello, world' ]] || fail 'the output'
id=$(jq -r .id out)
[[ $("$run" logs "$id" root 2>err | tail -n 1) == 'token [redacted], file [redacted], action install' ]] ||
  fail 'the log'
[[ $("$run" outputs "$id" root password --reveal 2>err) == sentinel-made-inside ]] ||
  fail 'the sensitive output'
if grep -rla sentinel-token . || grep -rla sentinel-made-inside .; then
  fail 'a secret is on the disk'
fi
[[ -z $(podman ps --all --quiet) ]] || fail 'a container is left'
echo 'ok: a bundle runs in a container, and its secrets touch no disk'

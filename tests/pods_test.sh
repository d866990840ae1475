#!/bin/bash
#
# deps-agent in pods of a cluster: what an attempt gets and leaves, that it starts
# once whatever starts its pod again, and what it says where it cannot start.
# Usage: pods_test.sh CLUSTER COMMAND…

set -uo pipefail

# shellcheck source=tests/cluster.sh
. tests/cluster.sh
# shellcheck source=tests/demo_plan.sh
. tests/demo_plan.sh
# shellcheck source=tests/report.sh
. tests/report.sh

cluster=$PWD/$1
shift
work=$(mktemp -d /tmp/pods-test.XXXXXX)
clean_up() {
  stop_cluster "$work/cluster"
  rm -rf "$work"
}
trap clean_up EXIT
mkdir -p "$work"/{bin,sink,agent}
for command in "$@"; do
  ln -s "$PWD/$command" "$work/bin/"
done
cp "$work/bin/deps-agent" "$work/agent/"
export PATH=$work/bin:$PATH XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

make_image "$work/image"
cp -rL testdata/demo/{run,app,infra,myenv,mysql} "$work/image/cnab/app/"
# An image whose user is not root, and who may write nowhere but in /tmp.
make_image "$work/nonroot"
cat >"$work/nonroot/cnab/app/run" <<'RUN'
#!/bin/sh
id -u
find /cnab /root /home -name bundle.json -o -name claim.json -o -type f -path '*/.kube/*' | sort
grep -q 'sesame$' /root/.kube/config && cat /home/user/.kube/size
RUN
chmod 755 "$work/nonroot/cnab/app/run"
chown -h 65532:65532 "$work/nonroot"
start_cluster "$cluster" "$work/cluster" --share "$work/sink" \
  --image "deps-agent:v1=$work/agent" --image "example.com/nonroot:1=$work/nonroot" \
  --image "*=$work/image" || exit 1
export KUBECONFIG=$work/cluster/kubeconfig-admin-token
printf 'open sesame' >"$work/token"
tell_cluster "$work/cluster" secret shop token "$work/token"

# plan NAMESPACE SECRET: the demo's plan; the token is a Secret of the cluster.
plan() {
  demo_plan "$1" "secret: 'kubernetes:deps/$2#token'" "file:$work/sink/$1" >"$work/$1.json"
}

run() { timeout 120 deps-run --engine argo "$1" >"$work/out" 2>"$work/err"; }

report_context=("$work/err")

# pod TASK: the name of the task's pod.
pod() {
  jq -r --arg task "$1" 'select(.metadata.annotations["cnab-deps/task"] == $task).metadata.name' \
    "$work"/cluster/etcd/pods/deps/*
}

# phase POD
phase() { jq -r .status.phase "$work/cluster/etcd/pods/deps/$1"; }

plan good shop
timeout 120 deps-run --engine argo --dry-run "$work/good.json" >"$work/out" 2>"$work/err"
expect 'a dry run asks the cluster, which would take the plan' '0 ' "$? $(<"$work/err")"
expect 'and keeps nothing' '' "$(ls "$work/cluster/etcd/workflows/deps" 2>/dev/null)"
run "$work/good.json"
expect 'a namespace that nobody prepared is told' 1 \
  "$(grep -c 'serviceaccount "deps-runner" not found' "$work/err")"
prepare_cluster "$work/cluster" || exit 1
run "$work/good.json"
expect 'a plan runs' '{"endpoint":{"value":"http://192.0.2.10:8080/shop"}}' "$(jq -c .outputs "$work/out")"

infra=$(pod root/infra)
before=$(jq -r .metadata.uid "$work/cluster/etcd/pods/deps/$infra")
tell_cluster "$work/cluster" again "$infra"
for ((wait = 0; wait < 200; ++wait)); do
  [[ $(phase "$infra") == Failed ]] && break
  sleep 0.1
done
expect 'a pod that is started again is another one' true \
  "$([[ $before != "$(jq -r .metadata.uid "$work/cluster/etcd/pods/deps/$infra")" ]] && echo true)"
expect 'and does not start its attempt again' true \
  "$(jq '.status.initContainerStatuses[] | select(.name == "deps-agent").state.terminated
         | .exitCode == 125 and (.message | test("started before"))' "$work/cluster/etcd/pods/deps/$infra")"

cat >"$work/nonroot.json" <<'BUNDLE'
{"schemaVersion": "1.2.0", "name": "nonroot", "version": "1.0.0",
 "invocationImages": [{"imageType": "docker", "image": "example.com/nonroot:1"}],
 "definitions": {"size": {"type": "integer", "default": 3}},
 "parameters": {"size": {"definition": "size", "destination": {"path": "/home/user/.kube/size"}}},
 "credentials": {"kubeconfig": {"required": true, "path": "/root/.kube/config"}}}
BUNDLE
demo_credentials "secret: 'kubernetes:deps/shop#token'" |
  sed 's/name: token/name: kubeconfig/' >"$work/kubeconfig.yaml"
deps-graph "$work/nonroot.json" | deps-solve --offline |
  deps-plan --credential-set "$work/kubeconfig.yaml" -o "$work/nonroot-plan.json"
run "$work/nonroot-plan.json"
expect 'an image whose user is not root has its files, wherever they are' \
  "65532
/cnab/bundle.json
/cnab/claim.json
/home/user/.kube/size
/root/.kube/config
3" "$(deps-run logs "$(jq -r .id "$work/out")" root)"

plan absent nothing
run "$work/absent.json"
expect 'a Secret that is not there is told by the task' true \
  "$(jq '.tasks[] | select(.id == "root/app")
         | .status == "failed" and (.message | test("there is no such Secret"))' "$work/out")"

no_secret_is_kept() {
  # The demo's own tool knows which token is the right one.
  grep -rlaF 'open sesame' "$work/cluster/node" "$work/cluster/etcd" "$work/state" |
    grep -v '/main.root/cnab/app/app/run$'
  [[ ${PIPESTATUS[1]} -eq 1 ]]
}
# mounts TASK: which proofs of identity its bundle could take for itself.
mounts() {
  jq -c '[.spec.containers[] | select(.name == "main").volumeMounts[].name
          | select(. == "deps-account" or . == "deps-identity")]' \
    "$work/cluster/etcd/pods/deps/$(pod "$1" | head -n 1)"
}
expect 'a bundle has no account of the cluster' '[]' "$(mounts root/infra)"
expect 'but where its task reads a Secret' '["deps-account"]' "$(mounts root/app)"
report_check 'no secret is on the disk of the node or in plain text in what the cluster keeps' \
  no_secret_is_kept
report_end pods

#!/bin/bash
#
# deps-engine-argo passes deps-engine-conformance on a cluster that really runs
# workflows, over Kubernetes alone and over an Argo Server, also where calls fail;
# its messages are as their schema asks, and nothing secret is in what the cluster
# keeps.
# Usage: argo_test.sh ENGINE CONFORMANCE CLUSTER AGENT VALIDATE COMMAND…

set -uo pipefail

engine=$PWD/$1
conformance=$PWD/$2
cluster=$PWD/$3
agent=$PWD/$4
validate=$PWD/$5
commands=("${@:6}")
# shellcheck source=tests/engine_messages.sh
. tests/engine_messages.sh
# shellcheck source=tests/cluster.sh
. tests/cluster.sh

work=$(mktemp -d /tmp/argo-test.XXXXXX)
clean_up() {
  stop_cluster "$work/cluster"
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  printf 'FAILED: %s\n' "$*"
  tail -n 5 "$work/cluster/log"
  # What the nodes of all workflows say.
  grep -rhoa '"message":"[^"]*"' "$work/cluster/etcd" | sort | uniq -c
  exit 1
}

mkdir "$work/bin"
for command in "$engine" "${commands[@]/#/$PWD/}"; do
  ln -s "$command" "$work/bin/"
done
export PATH=$work/bin:$PATH XDG_STATE_HOME=$work/state
make_image "$work/image"
ln -s "$work/kit/tool" "$work/image/cnab/app/run"
mkdir -p "$work"/{agent,kit}
cp "$agent" "$work/agent/deps-agent"
start_cluster "$cluster" "$work/cluster" --share "$work/kit" \
  --image "example.com/kit:1=$work/image" --image "deps-agent:v1=$work/agent" ||
  fail 'the cluster did not start'
prepare_cluster "$work/cluster" || fail 'the namespace could not be prepared'

record_messages "$engine" "$work/recorded"

# kit NAME CONFIG: the conformance kit with these settings.
kit() {
  printf '%s\n' "$2" >"$work/$1.json"
  rm -rf "${work:?}"/kit/*
  echo "== $1"
  "$conformance" --config "$work/$1.json" --folder "$work/kit" --image example.com/kit:1 \
    "$work/recorded/bin/${engine##*/}" | tee "$work/out"
  [[ ${PIPESTATUS[0]} -eq 0 ]] || fail "the conformance kit: $1"
}

# Now and then a call fails in one way or another.
for server in kubernetes argo; do
  tell_cluster "$work/cluster" fault "$server" status 5 /workflows GET 503 0 7
  tell_cluster "$work/cluster" fault "$server" lose-answer 3 /workflows POST 0 0 2
  tell_cluster "$work/cluster" fault "$server" drop 5 /workflows GET 0 0 19
  tell_cluster "$work/cluster" fault "$server" half 2 /workflows GET 0 0 31
done
# In the environment of whoever submits, where no pod may see it.
export SUBMITTER_SECRET=sentinel-5e0c21ab
kit kubernetes '{}'
kit argo-server "{\"server\": \"$ARGO_URL\", \"caFile\": \"$work/cluster/tls/cert.pem\"}"

check_messages "$work/recorded" "$validate" || fail 'a message is not as the schema asks'

stop_cluster "$work/cluster"
grep -rqaF 'does: say' "$work/cluster" || fail 'the logs of pods are not where they are looked for'
found=$(grep -rlaF -e "$SUBMITTER_SECRET" -e "$(<"$work/kit/token")" "$work/cluster")
[[ -z $found ]] || fail "a secret is in $found"
echo 'ok: no secret is in what the cluster keeps'

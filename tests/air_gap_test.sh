#!/bin/bash
#
# A bundle three levels deep is packed, published to a second registry, and
# installed from there by podman with every other registry stopped: by the names
# that it had.
# Usage: air_gap_test.sh COMMAND…

set -uo pipefail

# shellcheck source=tests/containers.sh
. tests/containers.sh
# shellcheck source=tests/demo_plan.sh
. tests/demo_plan.sh
# shellcheck source=tests/registry.sh
. tests/registry.sh
# shellcheck source=tests/report.sh
. tests/report.sh

work=$(mktemp -d /tmp/air-gap.XXXXXX)
clean_up() {
  stop_registry "$work/first"
  stop_registry "$work/second"
  remove_containers "$work/podman"
  rm -rf "$work"
}
trap clean_up EXIT
mkdir -p "$work"/{bin,home,cache,state,run,tmp}
for command in "$@"; do
  ln -s "$PWD/$command" "$work/bin/"
done
export PATH=$work/bin:$PATH HOME=$work/home TMPDIR=$work/tmp DEPS_AGENT=$work/bin/deps-agent
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/run
unset DEPS_STATE REGISTRY_AUTH_FILE
keep_containers_in "$work/podman"
printf 'open sesame' >"$work/token"
demo_credentials "path: $work/token" >"$work/credentials.yaml"

pack() {
  deps-graph "$first/myenv:v0.1.0" | deps-solve | oci-relocate pack -o "$work/myenv.tgz"
}
publish() {
  oci-relocate publish "$work/myenv.tgz" --registry "$second/shop" --mapping "$work/map.json" \
    -o "$work/relocation.json"
}
install() {
  deps-graph --mapping "$work/map.json" "$first/myenv:v0.1.0" |
    deps-solve --mapping "$work/map.json" -o "$work/solution.json" &&
    deps-plan --action install --credential-set "$work/credentials.yaml" -o "$work/plan.json" \
      "$work/solution.json" &&
    deps-run --driver podman --mapping "$work/map.json" -o "$work/run.json" "$work/plan.json"
}
# What the plan names is at home in the registry that is gone.
without_mapping() {
  deps-run --driver podman --state "sqlite:$work/state/none.db" -o "$work/none.json" \
    "$work/plan.json"
  [[ $? -eq 1 ]] && jq -r '.tasks[].message // empty' "$work/none.json" | grep -F "$first"
}

first=$(start_registry "$work/first") second=$(start_registry "$work/second") || exit 1
report_check 'the family is published' testdata/demo/publish "$first"
report_check 'it is packed' pack
stop_registry "$work/first"
podman rmi --all --force >/dev/null
report_check 'it is published elsewhere, its registry stopped' publish
expect 'each bundle is there' "$second/shop/mysql:v0.2.0
$second/shop/app:v1.2.3
$second/shop/infra:v0.1.0
$second/shop/myenv:v0.1.0" "$(jq -r '.bundles[].tag' "$work/relocation.json")"
report_check 'it is complete there' \
  oci-relocate verify "$work/myenv.tgz" --registry "$second/shop" -o "$work/verified.json"
report_check 'it is installed by its old names' install
expect 'each task has run' 'root succeeded
root/app succeeded
root/app/mysql succeeded
root/infra succeeded' "$(jq -r '.tasks[] | .id + " " + .status' "$work/run.json" | sort)"
expect 'images came from the second registry alone' "$second" \
  "$(podman images --format '{{.Repository}}' | cut -d/ -f1 | sort -u)"
podman rmi --all --force >/dev/null
report_check 'nothing can be had without the mapping' without_mapping
report_end air_gap

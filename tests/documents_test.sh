#!/bin/bash
#
# Every document that the commands write is as its schema says: those of a
# whole pipeline, and those that the cases expect.
# Usage: documents_test.sh VALIDATE COMMAND…

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh

validate=$PWD/$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
for command in "$@"; do
  ln -s "$(readlink -f "$command")" "$scratch/bin/${command##*/}"
done
export PATH=$scratch/bin:$PATH DEPS_STATE=sqlite:$scratch/state.db

# conforms KIND FILE
conforms() { "$validate" "lib/schema/$1.schema.json" "$2"; }

# The pipeline of README, each step's document in a file of its own.
write_documents() {
  local registry=(--offline --index testdata/registries/family.index.json)
  export SHOP_TOKEN='open sesame'
  deps-graph "${registry[@]}" -o "$scratch/graph" example.com/myenv:v0.1.0 &&
    deps-solve "${registry[@]}" --lock "$scratch/lock" -o "$scratch/solution" "$scratch/graph" &&
    deps-plan --action install --credential-set testdata/demo/credentials.yaml \
      -o "$scratch/plan" "$scratch/solution" &&
    deps-run --quiet --driver process:testdata/demo/run -o "$scratch/workflow" "$scratch/plan"
}

# And back again: what needs an output goes before what it is of.
take_away() {
  local registry=(--offline --index testdata/registries/family.index.json)
  deps-solve "${registry[@]}" "$scratch/graph" |
    deps-plan --action uninstall --credential-set testdata/demo/credentials.yaml |
    deps-run --quiet --driver process:testdata/demo/run -o "$scratch/uninstalled"
}

report_check 'the pipeline runs' write_documents
report_check 'what was installed can be uninstalled' take_away
report_check 'workflow of the uninstall' conforms workflow "$scratch/uninstalled"
for kind in graph lock solution plan workflow; do
  report_check "$kind of the pipeline" conforms "$kind" "$scratch/$kind"
done
report_check 'the index that stands for a registry' conforms index \
  testdata/registries/family.index.json
for stdout in tests/cases/*/stdout; do
  kind=$(jq -rs 'if length == 1 then .[0].kind? // empty else empty end' "$stdout" 2>/dev/null) || continue
  [[ -n $kind ]] || continue
  # Cases show REGISTRY and FOLDER for what differs from run to run.
  report_check "$stdout" conforms "${kind,,}" "$stdout"
done
report_end documents

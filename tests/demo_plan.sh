# shellcheck shell=bash
#
# The demo's plan with its secret and its sensitive output where a test wants them.
# To be sourced; the commands are on PATH.

# demo_credentials SOURCE: the credential set; SOURCE as "path: /run/token".
demo_credentials() {
  cat <<SET
schemaType: CredentialSet
schemaVersion: 1.0.1
name: shop
credentials:
  - name: token
    source: {$1}
SET
}

# demo_plan NAMESPACE SOURCE SINK
demo_plan() {
  local registry=(--offline --index testdata/registries/family.index.json)
  deps-graph "${registry[@]}" example.com/myenv:v0.1.0 |
    deps-solve "${registry[@]}" --namespace "$1" |
    deps-plan --action install --namespace "$1" --credential-set <(demo_credentials "$2") --sink "$3"
}

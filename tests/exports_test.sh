#!/bin/bash
#
# What deps-plan exports for GitHub Actions and GitLab CI is as validators of
# others ask (npm: @action-validator/cli, gitlab-ci-local), and holds no secret.
# The arguments are the commands.

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for command in "$@"; do
  ln -s "$PWD/$command" "$work/bin/"
done
export PATH=$work/bin:$PATH XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state SHOP_TOKEN=sentinel-52c0a7
source_tree=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
validators=$source_tree/.third_party/validators/node_modules/.bin

# export_as FORMAT: the plan of the demo
export_as() {
  local registry=(--offline --index testdata/registries/family.index.json)
  deps-graph "${registry[@]}" example.com/myenv:v0.1.0 |
    deps-solve "${registry[@]}" --namespace ci |
    deps-plan --action install --namespace ci --sink vault:kv/deps \
      --credential-set testdata/demo/credentials.yaml --format "$1"
}

# valid_for_github FILE
valid_for_github() { "$validators/action-validator" "$1"; }

# valid_for_gitlab FILE: the validator looks at the pipeline of a repository.
valid_for_gitlab() {
  local project
  project=$(mktemp -d "$work/project.XXXXXX")
  cp "$1" "$project/.gitlab-ci.yml"
  (cd "$project" && git init -q . && git config user.email ci@example.com &&
    git config user.name ci && git commit -q --allow-empty -m start &&
    git remote add origin git@gitlab.example.com:group/project.git &&
    "$validators/gitlab-ci-local" --list)
}

not() { ! "$@"; }

has_no_secret() { ! grep -F "$SHOP_TOKEN" "$work/github.yml" "$work/gitlab.yml"; }

for format in github gitlab; do
  export_as "$format" >"$work/$format.yml" || exit 1
  sed 's/^    needs:/    neds:/; s/^  needs:/  neds:/' "$work/$format.yml" >"$work/$format-bad.yml"
  report_check "$format: jobs need each other" not cmp -s "$work/$format.yml" "$work/$format-bad.yml"
  if [[ -d $validators ]]; then
    report_check "$format: is valid" "valid_for_$format" "$work/$format.yml"
    report_check "$format: a mistake is not" not "valid_for_$format" "$work/$format-bad.yml"
  else
    echo "skipped $format: scripts/setup found no npm for the validators"
  fi
done
report_check 'neither holds a secret' has_no_secret
report_end exports

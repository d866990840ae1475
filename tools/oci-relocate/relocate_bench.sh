#!/bin/bash
#
# Measures oci-relocate beside skopeo, on registries of this machine.
# Usage: relocate_bench.sh [--brief] OCI_RELOCATE

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/registry.sh
. "$here/tests/registry.sh"
# shellcheck source=tools/oci-relocate/made_bundle.sh
. "$here/tools/oci-relocate/made_bundle.sh"

layers=10 bytes=$((50 << 20)) runs=3
if [[ $1 == --brief ]]; then
  bytes=$((1 << 20)) runs=1
  shift
fi
command=$(realpath "$1")
# Memory where there is enough, so that no disk is measured.
base=/tmp
if [[ -w /dev/shm && $(df --output=avail -k /dev/shm | tail -n 1) -gt $((6 << 20)) ]]; then
  base=/dev/shm
fi
scratch=$(mktemp -d "$base/relocate-bench.XXXXXX")
export TMPDIR=$scratch/tmp HOME=$scratch
mkdir "$TMPDIR"
clean_up() {
  stop_registry "$scratch/registry"
  rm -rf "$scratch"
}
trap clean_up EXIT

registry=''
# A registry that nobody has seen before.
new_registry() {
  stop_registry "$scratch/registry"
  rm -rf "$scratch/registry"
  registry=$(start_registry "$scratch/registry")
}

# seconds COMMAND…: the time that it takes.
seconds() {
  local begin=$EPOCHREALTIME
  "$@" >/dev/null 2>"$scratch/err" || { cat "$scratch/err" >&2; exit 1; }
  awk "BEGIN { print $EPOCHREALTIME - $begin }"
}

# best SETUP COMMAND…: the least of several runs, each after SETUP.
best() {
  local i
  for ((i = 0; i < runs; ++i)); do
    "$1"
    seconds "${@:2}"
  done | sort -n | head -n 1
}

row() { printf '%-52s %10.3f s  %s\n' "$@"; }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }
publish() { "$command" publish "$1" --registry "$registry/$2"; }
to_registry() { publish "$scratch/packed.tgz" bench; }
with_skopeo() {
  skopeo copy -q --dest-tls-verify=false "oci:$scratch/thick/artifacts/layout:image" \
    "docker://$registry/skopeo:v1"
}
pack() { "$command" pack "$registry/bench/big:v1.0.0" -o "$scratch/again.tgz"; }
copy() {
  "$command" copy "$registry/bench/big:v1.0.0" --registry "$registry/copied"
}
copy_with_skopeo() {
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \
    "docker://$registry/bench/big@$image" "docker://$registry/skopeo/big:v1"
}
forget_copies() {
  rm -rf "$scratch/registry/content/docker/registry/v2/repositories/"{copied,skopeo}
  rm -rf "$scratch"/.local /var/lib/containers/cache/blob-info-cache-v1.boltdb
}
nothing() { :; }

made_bundle "$scratch" "$layers" "$bytes"
image=$(grep -o 'sha256:[0-9a-f]*' "$scratch/thick/artifacts/layout/index.json" | head -n 1)
new_registry
publish "$scratch/app.tgz" bench >/dev/null
pack >/dev/null
mv "$scratch/again.tgz" "$scratch/packed.tgz"

ours=$(best new_registry to_registry)
theirs=$(best new_registry with_skopeo)
mib=$((layers * bytes >> 20))
row "publish $mib MiB in $layers layers" "$ours" ''
row "  skopeo copy of the same image" "$theirs" "$(ratio "$theirs" "$ours") times as long"

new_registry
to_registry >/dev/null
row "publish it again" "$(best nothing to_registry)" ''
ours=$(best forget_copies copy)
row "copy within one registry" "$ours" ''
if theirs=$(best forget_copies copy_with_skopeo); then
  row "  skopeo copy of the same image" "$theirs" "$(ratio "$theirs" "$ours") times as long"
fi
ours=$(best nothing pack)
theirs=$(seconds sh -c "gzip -6 -c '$scratch/thick/artifacts/layout/blobs/sha256/'* >/dev/null")
row "pack it" "$ours" ''
row "  gzip -6 of the same bytes" "$theirs" "$(ratio "$theirs" "$ours") times as long"

mkdir "$scratch/many"
made_bundle "$scratch/many" 100 10000
publish "$scratch/many/app.tgz" many >/dev/null
again=$(best nothing publish "$scratch/many/app.tgz" many)
row "publish 100 blobs again" "$again" ''
if [[ -x /usr/bin/time ]]; then
  /usr/bin/time -f %M -o "$scratch/memory" "$command" publish "$scratch/packed.tgz" \
    --registry "$registry/memory" >/dev/null
  printf '%-52s %10d MiB\n' "most memory while publishing $mib MiB" \
    "$(($(<"$scratch/memory") >> 10))"
fi

#!/bin/bash
#
# Measures oci-relocate beside skopeo, and beside crane, oras and regctl where
# they are on PATH, on registries of this machine. The exit status is 1 where
# a target is missed; with --brief there are none.
# Usage: relocate_bench.sh [--brief] OCI_RELOCATE

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/registry.sh
. "$here/tests/registry.sh"
# shellcheck source=tools/oci-relocate/made_bundle.sh
. "$here/tools/oci-relocate/made_bundle.sh"

layers=10 bytes=$((50 << 20)) runs=5 targets=1
if [[ $1 == --brief ]]; then
  bytes=$((1 << 20)) runs=1 targets=''
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
  stop_registry "$scratch/second"
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

# best_of_both SETUP OURS THEIRS: the same of two commands in turn, so that both
# see the same machine; sets `ours` and `theirs`.
best_of_both() {
  local i
  : >"$scratch/ours"
  : >"$scratch/theirs"
  for ((i = 0; i < runs; ++i)); do
    "$1"
    seconds "$2" >>"$scratch/ours"
    "$1"
    seconds "$3" >>"$scratch/theirs"
  done
  ours=$(sort -n "$scratch/ours" | head -n 1)
  theirs=$(sort -n "$scratch/theirs" | head -n 1)
}

row() { printf '%-52s %10.3f s  %s\n' "$@"; }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

# target TEXT CONDITION: whether a measurement is what it should be.
status=0
target() {
  [[ -n $targets ]] || return 0
  if awk "BEGIN { exit !($2) }"; then
    printf '  %-50s reached\n' "$1"
  else
    printf '  %-50s MISSED\n' "$1"
    status=1
  fi
}

# beside NAME OURS SETUP COMMAND…: a row for another tool, where it is there.
beside() {
  local name=$1 ours=$2 theirs
  command -v "${name%% *}" >/dev/null || return 0
  theirs=$(best "${@:3}") || return 0
  row "  $name" "$theirs" "$(ratio "$theirs" "$ours") times as long"
}

publish() { "$command" publish "$1" --registry "$registry/$2"; }
to_registry() { publish "$scratch/packed.tgz" bench; }
with_skopeo() {
  skopeo copy -q --dest-tls-verify=false "oci:$scratch/thick/artifacts/layout:image" \
    "docker://$registry/skopeo:v1"
}
# As here, from an archive.
archive_with_skopeo() {
  skopeo copy -q --dest-tls-verify=false "oci-archive:$scratch/image.tgz:image" \
    "docker://$registry/skopeo:v1"
}
# The layout under the name of its image, as the tools spell it.
with_crane() {
  crane push --insecure --index=false "$scratch/thick/artifacts/layout" "$registry/crane:v1"
}
with_regctl() {
  regctl --host "reg=$registry,tls=disabled" image copy \
    "ocidir://$scratch/thick/artifacts/layout:image" "$registry/regctl:v1"
}
with_oras() {
  oras cp --from-oci-layout --to-plain-http "$scratch/thick/artifacts/layout:image" \
    "$registry/oras:v1"
}
# The blobs alone, with their uploads opened before: what sending them and the
# registry take, whoever sends.
uploads=()
open_uploads() {
  local blob location
  new_registry
  uploads=()
  for blob in "$scratch"/thick/artifacts/layout/blobs/sha256/*; do
    location=$(curl -sS -o /dev/null -w '%header{location}' -X POST \
      "http://$registry/v2/curl/blobs/uploads/")
    uploads+=(--next -sS --fail -o /dev/null -H Expect: -H 'Content-Type: application/octet-stream'
      -T "$blob" "$location&digest=sha256:${blob##*/}")
  done
}
with_curl() { curl -Z --no-progress-meter --parallel-max 6 "${uploads[@]:1}"; }
pack() { "$command" pack "$registry/bench/big:v1.0.0" -o "$scratch/again.tgz"; }
copy() { "$command" copy "$registry/bench/big:v1.0.0" --registry "$registry/copied"; }
copy_with_skopeo() {
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \
    "docker://$registry/bench/big@$image" "docker://$registry/skopeo/big:v1"
}
copy_with_crane() { crane copy --insecure "$registry/bench/big@$image" "$registry/crane/big:v1"; }
copy_with_regctl() {
  regctl --host "reg=$registry,tls=disabled" image copy "$registry/bench/big@$image" \
    "$registry/regctl/big:v1"
}
copy_with_oras() {
  oras cp --from-plain-http --to-plain-http "$registry/bench/big@$image" "$registry/oras/big:v1"
}
second=''
new_second() {
  stop_registry "$scratch/second"
  rm -rf "$scratch/second"
  second=$(start_registry "$scratch/second")
}
copy_to_second() { "$command" copy "$registry/bench/big:v1.0.0" --registry "$second"; }
second_with_skopeo() {
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \
    "docker://$registry/bench/big@$image" "docker://$second/big:v1"
}
second_with_crane() { crane copy --insecure "$registry/bench/big@$image" "$second/big:v1"; }
second_with_regctl() {
  regctl --host "reg=$registry,tls=disabled" --host "reg=$second,tls=disabled" image copy \
    "$registry/bench/big@$image" "$second/big:v1"
}
second_with_oras() {
  oras cp --from-plain-http --to-plain-http "$registry/bench/big@$image" "$second/big:v1"
}
forget_copies() {
  rm -rf "$scratch/registry/content/docker/registry/v2/repositories/"{copied,skopeo,crane,regctl,oras}
  rm -rf "$scratch"/.local /var/lib/containers/cache/blob-info-cache-v1.boltdb
}
nothing() { :; }

made_bundle "$scratch" "$layers" "$bytes"
image=$(grep -o 'sha256:[0-9a-f]*' "$scratch/thick/artifacts/layout/index.json" | head -n 1)
new_registry
publish "$scratch/app.tgz" bench >/dev/null
pack >/dev/null
mv "$scratch/again.tgz" "$scratch/packed.tgz"

mib=$((layers * bytes >> 20))
tar -C "$scratch/thick/artifacts/layout" -cf - . | gzip -1n >"$scratch/image.tgz"
best_of_both new_registry to_registry archive_with_skopeo
row "publish $mib MiB in $layers layers from an archive" "$ours" ''
row "  skopeo copy from an archive" "$theirs" "$(ratio "$theirs" "$ours") times as long"
beside "skopeo copy from an unpacked folder" "$ours" new_registry with_skopeo
# These begin with an unpacked folder, too.
beside "crane push" "$ours" new_registry with_crane
beside "regctl image copy" "$ours" new_registry with_regctl
beside "oras cp" "$ours" new_registry with_oras
bare=$(best open_uploads with_curl)
row "  curl -T of the same blobs, nothing read or verified" "$bare" \
  "$(ratio "$bare" "$ours") times as long"
target "skopeo takes at least 2.5 times as long" "$theirs >= 2.5 * $ours"
target "curl takes at least 0.6 times as long" "$bare >= 0.6 * $ours"

new_registry
to_registry >/dev/null
row "publish it again" "$(best nothing to_registry)" ''

ours=$(best forget_copies copy)
row "copy within one registry" "$ours" ''
theirs=$(best forget_copies copy_with_skopeo)
row "  skopeo copy of the same image" "$theirs" "$(ratio "$theirs" "$ours") times as long"
beside "crane copy" "$ours" forget_copies copy_with_crane
beside "regctl image copy" "$ours" forget_copies copy_with_regctl
beside "oras cp" "$ours" forget_copies copy_with_oras
target "blobs are mounted: below half a second" "$ours < 0.5"

ours=$(best new_second copy_to_second)
row "copy to another registry" "$ours" ''
theirs=$(best new_second second_with_skopeo)
row "  skopeo copy of the same image" "$theirs" "$(ratio "$theirs" "$ours") times as long"
beside "crane copy" "$ours" new_second second_with_crane
beside "regctl image copy" "$ours" new_second second_with_regctl
beside "oras cp" "$ours" new_second second_with_oras

ours=$(best nothing pack)
theirs=$(seconds sh -c "gzip -6 -c '$scratch/thick/artifacts/layout/blobs/sha256/'* >/dev/null")
row "pack it" "$ours" ''
row "  gzip -6 of the same bytes" "$theirs" "$(ratio "$theirs" "$ours") times as long"
target "gzip on one core takes longer" "$theirs > $ours"

mkdir "$scratch/many"
made_bundle "$scratch/many" 100 10000
publish "$scratch/many/app.tgz" many >/dev/null
again=$(best nothing publish "$scratch/many/app.tgz" many)
row "publish 100 blobs again" "$again" ''
target "below 0.1 s" "$again < 0.1"

/usr/bin/time -f %M -o "$scratch/memory" "$command" publish "$scratch/packed.tgz" \
  --registry "$registry/memory" >/dev/null
memory=$(($(<"$scratch/memory") >> 10))
printf '%-52s %10d MiB\n' "most memory while publishing $mib MiB" "$memory"
target "below 64 MiB" "$memory < 64"
exit "$status"

# shellcheck shell=bash
#
# Bundles of any size for tests and measurements. To be sourced.

# made_bundle DIR LAYERS BYTES: writes DIR/app.tgz, a bundle whose image has so
# many layers of random bytes of that size, and leaves its OCI layout in
# DIR/thick/artifacts/layout, where the image is called "image".
made_bundle() {
  local dir=$1 layers=$2 bytes=$3 layout=$1/thick/artifacts/layout i list='' digest config manifest
  local manifest_type=application/vnd.oci.image.manifest.v1+json
  mkdir -p "$layout/blobs/sha256"
  # keep FILE: takes it as a blob; prints the hexadecimal digest.
  keep() {
    local hex
    hex=$(sha256sum <"$1" | cut -d' ' -f1)
    mv "$1" "$layout/blobs/sha256/$hex"
    echo "$hex"
  }
  for ((i = 0; i < layers; ++i)); do
    head -c "$bytes" /dev/urandom >"$dir/blob"
    digest=$(keep "$dir/blob")
    list+=${list:+,}'{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:'
    list+="$digest\",\"size\":$bytes}"
  done
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$(grep -o '"sha256:[0-9a-f]*"' <<<"$list" | paste -sd,)" >"$dir/blob"
  local config_size manifest_size
  config_size=$(stat -c %s "$dir/blob")
  config=$(keep "$dir/blob")
  printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%s},"layers":[%s]}' \
    "$manifest_type" application/vnd.oci.image.config.v1+json "$config" "$config_size" "$list" \
    >"$dir/blob"
  manifest_size=$(stat -c %s "$dir/blob")
  manifest=$(keep "$dir/blob")
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","size":%s,"digest":"sha256:%s","annotations":{"org.opencontainers.image.ref.name":"image"}}]}' \
    "$manifest_type" "$manifest_size" "$manifest" >"$layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  printf '{"description":"","invocationImages":[{"contentDigest":"sha256:%s","image":"example.com/big-installer:v1.0.0","imageType":"oci","mediaType":"%s","size":%s}],"name":"big","schemaVersion":"1.0.0","version":"1.0.0"}' \
    "$manifest" "$manifest_type" "$manifest_size" >"$dir/thick/bundle.json"
  printf '{"example.com/big-installer:v1.0.0":"example.com/big@sha256:%s"}' "$manifest" \
    >"$dir/thick/relocation-mapping.json"
  tar --sort=name --owner=0 --group=0 --mtime=@0 -C "$dir/thick" -cf - . | gzip -1n >"$dir/app.tgz"
}

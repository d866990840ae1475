# shellcheck shell=bash
#
# Containers and images of podman and buildah in a folder of their own, for tests
# and the demo. To be sourced.

# keep_containers_in DIR: from here on images, containers and locks are below the
# new folder DIR, of at most 46 characters (podman takes no longer runroot). vfs,
# runc and limits that are not raised work without a file system driver, cgroups
# or CAP_SYS_RESOURCE. Podman's clean-up of a container looks for static_dir below
# graphroot and nowhere else.
keep_containers_in() {
  local dir=$1 nofile nproc
  [[ ${#dir} -le 46 ]] || {
    printf 'podman takes no path as long as %s\n' "$dir" >&2
    return 1
  }
  mkdir -m 700 "$dir" "$dir/graph" "$dir/tmp"
  nofile=$(hard_limit -Hn)
  nproc=$(hard_limit -Hu)
  cat >"$dir/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$dir/graph"
runroot = "$dir/run"
CONF
  cat >"$dir/containers.conf" <<CONF
[containers]
netns = "host"
default_ulimits = ["nofile=$nofile:$nofile", "nproc=$nproc:$nproc"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "$dir/tmp/libpod"
static_dir = "$dir/graph/libpod"
volume_path = "$dir/graph/volumes"
[network]
network_config_dir = "$dir/networks"
CONF
  export CONTAINERS_STORAGE_CONF=$dir/storage.conf CONTAINERS_CONF=$dir/containers.conf
  unset CONTAINER_HOST
}

# A hard limit of this process, at most 1024.
hard_limit() {
  local value
  value=$(ulimit "$1")
  [[ $value != unlimited && $value -lt 1024 ]] || value=1024
  echo "$value"
}

# remove_containers DIR: all that keep_containers_in put there.
remove_containers() {
  # Without root, what is in an image belongs to users that only podman can be.
  [[ $EUID -eq 0 || ! -d $1 ]] || podman unshare rm -rf "$1"
  rm -rf "$1"
}

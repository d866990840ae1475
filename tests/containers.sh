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

# start_docker DIR: a daemon of docker with all that it has in the new folder DIR.
# Without root, the one of this machine is used. vfs and no network of its own work
# without a file system driver and without packet filters.
start_docker() {
  local dir=$1 i
  if [[ $EUID -ne 0 ]]; then
    docker info >/dev/null
    return
  fi
  mkdir -m 700 "$dir"
  echo '{}' >"$dir/daemon.json"
  # It wants programs that are for root alone.
  PATH=$PATH:/usr/sbin:/sbin dockerd --config-file "$dir/daemon.json" --host "unix://$dir/socket" \
    --data-root "$dir/root" --exec-root "$dir/exec" --pidfile "$dir/pid" --storage-driver vfs \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false \
    </dev/null >"$dir/log" 2>&1 &
  echo $! >"$dir/process"
  export DOCKER_HOST=unix://$dir/socket
  for ((i = 0; i < 300; i++)); do
    ! docker info >/dev/null 2>&1 || return 0
    kill -0 "$(<"$dir/process")" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/log" >&2
  return 1
}

# stop_docker DIR: ends it; its files stay.
stop_docker() {
  local i process
  [[ -s $1/process ]] || return 0
  process=$(<"$1/process")
  kill "$process" 2>/dev/null
  for ((i = 0; i < 200; i++)); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$process" 2>/dev/null
  # A container in the machine's own network leaves it mounted here.
  umount "$1"/exec/netns/* 2>/dev/null
  return 0
}

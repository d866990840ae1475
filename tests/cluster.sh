# shellcheck shell=bash
#
# A cluster with Argo Workflows for tests: lib/engine/testing. To be sourced; needs
# root, for the namespaces of containers.

# make_image DIR: the files of an image with busybox, for --image REF=DIR.
make_image() {
  local dir=$1
  mkdir -p "$dir"/{bin,tmp,cnab/app}
  cp "$(command -v busybox)" "$dir/bin/busybox"
  /usr/sbin/chroot "$dir" /bin/busybox --install -s /bin
}

# start_cluster SERVER DIR ARG…: starts it with all it has in DIR, and sets
# KUBERNETES_URL and ARGO_URL.
start_cluster() {
  local server=$1 dir=$2 wait
  mkdir -p "$dir"
  mkfifo "$dir/commands"
  "$server" "${@:2}" <"$dir/commands" >"$dir/answers" 2>"$dir/log" &
  echo $! >"$dir/pid"
  # It ends with its input.
  exec {cluster_input}>"$dir/commands"
  for ((wait = 0; wait < 100; ++wait)); do
    read -r KUBERNETES_URL ARGO_URL <"$dir/answers" && export KUBERNETES_URL ARGO_URL && return
    sleep 0.1
  done
  cat "$dir/log"
  return 1
}

# tell_cluster DIR WORD…: one of the commands that its source lists; waits for the
# answer.
tell_cluster() {
  local dir=$1 before wait
  before=$(wc -l <"$dir/answers")
  echo "${*:2}" >&"$cluster_input"
  for ((wait = 0; wait < 100; ++wait)); do
    (($(wc -l <"$dir/answers") > before)) && return
    sleep 0.05
  done
  return 1
}

# prepare_cluster DIR: applies what deps-run asks the administrator of a namespace
# for, which is the same with every plan.
prepare_cluster() {
  local bundle='{"schemaVersion": "1.2.0", "name": "any", "version": "1.0.0",
    "invocationImages": [{"imageType": "docker", "image": "example.com/any:1"}]}'
  export KUBECONFIG=$1/kubeconfig-admin-token
  deps-graph - <<<"$bundle" | deps-solve --offline | deps-plan |
    deps-run --engine argo --dry-run | sed '1,/^==> manifests.yaml/d' >"$1/manifests.yaml"
  tell_cluster "$1" apply "$1/manifests.yaml" && [[ $(tail -n 1 "$1/answers") == ok ]]
}

# stop_cluster DIR: ends all that start_cluster has started.
stop_cluster() {
  [[ -e $1/pid ]] || return 0
  exec {cluster_input}>&-
  wait "$(<"$1/pid")" 2>/dev/null
}

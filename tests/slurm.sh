# shellcheck shell=bash
#
# A Slurm cluster of one node for tests: munged, slurmctld and slurmd of Debian's
# slurm-wlm on free ports of the loopback, all they keep in one folder. To be
# sourced; needs root.

# Where Debian has the daemons.
PATH=$PATH:/usr/sbin

# free_port: a port of the loopback that nobody listens on.
free_port() {
  local port
  while port=$((20000 + RANDOM % 20000)); do
    ss -Hltn "sport = :$port" | grep -q . || break
  done
  echo "$port"
}

# start_slurm DIR: starts one that keeps all it has in the new folder DIR, and
# sets SLURM_CONF. Jobs run as the user who submits. It forgets jobs that ended
# SLURM_MIN_JOB_AGE seconds ago, by default 300, and leaves a job that was put back
# alone for 6 (cred_expire, which takes no less than 5).
start_slurm() {
  local dir=$1 host wait
  host=$(hostname -s)
  mkdir -p "$dir"/{state,spool,munge}
  # munged refuses folders that others can write to, and those of other users.
  chmod 755 "$dir" && chmod 700 "$dir/munge"
  head -c 1024 /dev/urandom >"$dir/munge/key" && chmod 400 "$dir/munge/key"
  munged --force --foreground --key-file="$dir/munge/key" --socket="$dir/munge.socket" \
    --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed" --log-file="$dir/munge/log" \
    </dev/null >"$dir/munged.out" 2>&1 3>&- &
  echo $! >"$dir/munged.pid"
  cat >"$dir/slurm.conf" <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pidfile
SlurmdPidFile=$dir/slurmd.pidfile
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1
ReturnToService=2
MpiDefault=none
InactiveLimit=0
KillWait=2
MinJobAge=${SLURM_MIN_JOB_AGE:-300}
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=short Nodes=$host Default=YES MaxTime=60 State=UP OverSubscribe=FORCE:4
CONF
  export SLURM_CONF=$dir/slurm.conf
  for ((wait = 0; wait < 100; ++wait)); do
    [[ -S $dir/munge.socket ]] && break
    sleep 0.05
  done
  start_slurmctld "$dir"
  slurmd -D -f "$SLURM_CONF" </dev/null >"$dir/slurmd.out" 2>&1 3>&- &
  echo $! >"$dir/slurmd.pid"
  for ((wait = SECONDS; SECONDS < wait + 60;)); do
    [[ $(timeout 5 sinfo -h -o %T 2>/dev/null) == idle ]] && return
    sleep 0.1
  done
  tail -n 20 "$dir"/*.log "$dir"/*.out >&2
  stop_slurm "$dir"
  return 1
}

# start_slurmctld DIR: again, where it was stopped.
start_slurmctld() {
  slurmctld -D -f "$1/slurm.conf" </dev/null >>"$1/slurmctld.out" 2>&1 3>&- &
  echo $! >"$1/slurmctld.pid"
}

# stop_slurm DIR: stops the one of start_slurm DIR, as far as it runs.
stop_slurm() {
  local name pid
  for name in slurmd slurmctld munged; do
    [[ -f $1/$name.pid ]] || continue
    pid=$(<"$1/$name.pid")
    rm -f "$1/$name.pid"
    kill "$pid" 2>/dev/null || continue
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
  done
}

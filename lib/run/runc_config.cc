#include "lib/run/runc_config.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

constexpr std::string_view kPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Value Mount(std::string_view to, std::string_view type, std::string_view from,
            const std::vector<std::string>& options) {
  return Value::Object({{"destination", Value::String(to)},
                        {"type", Value::String(type)},
                        {"source", Value::String(from)},
                        {"options", Value::Strings(options)}});
}

Value Mounts(const ContainerConfig& config) {
  Value mounts = Value::Array({
      Mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      Mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      Mount("/dev/pts", "devpts", "devpts",
            config.rootless ? std::vector<std::string>{"nosuid", "noexec", "newinstance",
                                                       "ptmxmode=0666", "mode=0620"}
                            : std::vector<std::string>{"nosuid", "noexec", "newinstance",
                                                       "ptmxmode=0666", "mode=0620", "gid=5"}),
      Mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      Mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
  });
  // A new sysfs belongs to a network of one's own, which a container of a user
  // without rights on this one does not have.
  mounts.items.push_back(
      config.rootless ? Mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"})
                      : Mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
  for (const char* const file : {"/etc/resolv.conf", "/etc/hosts"}) {
    if (access(file, R_OK) == 0) {
      mounts.items.push_back(Mount(file, "bind", file, {"rbind", "ro"}));
    }
  }
  for (const ContainerMount& mount : config.mounts) {
    mounts.items.push_back(
        Mount(mount.to, "bind", mount.from, {"rbind", "rprivate", mount.writable ? "rw" : "ro"}));
  }
  return mounts;
}

Value Capabilities() {
  const Value names = Value::Strings({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
                                      "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",
                                      "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"});
  return Value::Object({{"bounding", names}, {"effective", names}, {"permitted", names}});
}

Value Process(const ContainerConfig& config) {
  Value groups = Value::Array();
  for (const int64_t group : config.user.more_groups) {
    groups.items.push_back(Value::Integer(group));
  }
  std::vector<std::string> environment = config.settings.environment;
  bool has_path = false;
  for (const std::string& variable : environment) {
    has_path = has_path || absl::StartsWith(variable, "PATH=");
  }
  if (!has_path) environment.emplace_back(kPath);
  return Value::Object(
      {{"terminal", Value::Boolean(false)},
       {"user", Value::Object({{"uid", Value::Integer(config.user.uid)},
                               {"gid", Value::Integer(config.user.gid)},
                               {"additionalGids", std::move(groups)}})},
       {"args", Value::Strings(config.arguments)},
       {"env", Value::Strings(environment)},
       {"cwd", Value::String(config.settings.folder.empty() ? "/" : config.settings.folder)},
       {"capabilities", Capabilities()}});
}

Value Fails(const std::vector<std::string>& calls, int64_t error) {
  return Value::Object({{"names", Value::Strings(calls)},
                        {"action", Value::String("SCMP_ACT_ERRNO")},
                        {"errnoRet", Value::Integer(error)}});
}

// What no bundle has to ask the kernel for: modules, the clock, other processes'
// memory, keys, mounts. The list is that of container engines; capabilities bar
// the way to most of it, too.
Value Seccomp() {
  Value rules =
      Value::Array({Fails({"_sysctl",
                           "acct",
                           "add_key",
                           "bpf",
                           "clock_adjtime",
                           "clock_settime",
                           "create_module",
                           "delete_module",
                           "fanotify_init",
                           "finit_module",
                           "fsconfig",
                           "fsmount",
                           "fsopen",
                           "fspick",
                           "get_kernel_syms",
                           "get_mempolicy",
                           "init_module",
                           "ioperm",
                           "iopl",
                           "kcmp",
                           "kexec_file_load",
                           "kexec_load",
                           "keyctl",
                           "lookup_dcookie",
                           "mbind",
                           "mount",
                           "mount_setattr",
                           "move_mount",
                           "move_pages",
                           "nfsservctl",
                           "open_by_handle_at",
                           "open_tree",
                           "perf_event_open",
                           "pivot_root",
                           "process_vm_readv",
                           "process_vm_writev",
                           "ptrace",
                           "query_module",
                           "quotactl",
                           "quotactl_fd",
                           "reboot",
                           "request_key",
                           "set_mempolicy",
                           "setns",
                           "settimeofday",
                           "stime",
                           "swapoff",
                           "swapon",
                           "sysfs",
                           "syslog",
                           "umount",
                           "umount2",
                           "unshare",
                           "uselib",
                           "userfaultfd",
                           "ustat",
                           "vhangup",
                           "vm86",
                           "vm86old"},
                          EPERM),
                    // Its flags cannot be seen from here: without it, a C library takes clone(2).
                    Fails({"clone3"}, ENOSYS)});
  for (const int64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                             CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    Value clone = Fails({"clone"}, EPERM);
    clone.Set("args", Value::Array({Value::Object({{"index", Value::Integer(0)},
                                                   {"value", Value::Integer(flag)},
                                                   {"valueTwo", Value::Integer(flag)},
                                                   {"op", Value::String("SCMP_CMP_MASKED_EQ")}})}));
    rules.items.push_back(std::move(clone));
  }
  return Value::Object(
      {{"defaultAction", Value::String("SCMP_ACT_ALLOW")}, {"syscalls", std::move(rules)}});
}

Value IdMapping(int64_t host) {
  return Value::Array({Value::Object({{"containerID", Value::Integer(0)},
                                      {"hostID", Value::Integer(host)},
                                      {"size", Value::Integer(1)}})});
}

Value Linux(const ContainerConfig& config) {
  Value namespaces = Value::Array();
  for (const char* const type : {"pid", "ipc", "uts", "mount", "user"}) {
    if (!config.rootless && std::string_view(type) == "user") continue;
    namespaces.items.push_back(Value::Object({{"type", Value::String(type)}}));
  }
  Value value = Value::Object(
      {{"namespaces", std::move(namespaces)},
       {"seccomp", Seccomp()},
       {"maskedPaths",
        Value::Strings({"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
                        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                        "/proc/sched_debug", "/proc/scsi", "/sys/firmware"})},
       {"readonlyPaths", Value::Strings({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                         "/proc/sysrq-trigger"})}});
  if (config.rootless) {
    value.Set("uidMappings", IdMapping(config.host_uid));
    value.Set("gidMappings", IdMapping(config.host_gid));
  } else {
    value.Set("resources",
              Value::Object({{"devices",
                              Value::Array({Value::Object({{"allow", Value::Boolean(false)},
                                                           {"access", Value::String("rwm")}})})}}));
  }
  return value;
}

}  // namespace

std::string FormatContainerConfig(const ContainerConfig& config) {
  return json::Format(
      Value::Object({{"ociVersion", Value::String("1.0.2")},
                     {"process", Process(config)},
                     {"root", Value::Object({{"path", Value::String(config.root)}})},
                     {"hostname", Value::String("cnab")},
                     {"mounts", Mounts(config)},
                     {"linux", Linux(config)}}),
      json::Style::kPretty);
}

}  // namespace deps

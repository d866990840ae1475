#include "lib/run/podman_driver.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/agent_frame.h"
#include "lib/run/child.h"
#include "lib/run/runtime_files.h"

namespace deps {
namespace {

constexpr std::string_view kAgentInContainer = "/.deps-agent";

void AppendLength(size_t size, SecretBuffer* frame) {
  for (int i = 0; i < 4; ++i) {
    const char byte = static_cast<char>(size >> (8 * i));
    frame->Append({&byte, 1});
  }
}

SecretBuffer MakeFrame(const std::map<std::string, SecretBuffer>& environment) {
  SecretBuffer frame({kAgentMagic, kAgentMagicSize});
  for (const auto& [name, value] : environment) {
    AppendLength(name.size(), &frame);
    frame.Append(name);
    AppendLength(value.size(), &frame);
    frame.Append(value.view());
  }
  AppendLength(0, &frame);
  return frame;
}

// A file that is in memory only and has no name.
absl::StatusOr<int> FrameDescriptor(const std::map<std::string, SecretBuffer>& environment) {
  const SecretBuffer frame = MakeFrame(environment);
  const int fd = memfd_create("deps-agent", MFD_CLOEXEC);
  std::string_view rest = frame.view();
  while (fd >= 0 && !rest.empty()) {
    const ssize_t count = write(fd, rest.data(), rest.size());
    if (count < 0 && errno != EINTR) break;
    if (count > 0) rest.remove_prefix(static_cast<size_t>(count));
  }
  if (rest.empty() && lseek(fd, 0, SEEK_SET) == 0) return fd;
  const int error = errno;
  if (fd >= 0) close(fd);
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("no file in memory: ", strerror(error))});
}

}  // namespace

bool IsLoopback(std::string_view image) {
  const std::string_view registry = image.substr(0, image.find('/'));
  return registry == "localhost" || absl::StartsWith(registry, "localhost:") ||
         absl::StartsWith(registry, "127.") || absl::StartsWith(registry, "[::1]");
}

absl::StatusOr<std::vector<std::string>> ImageCandidates(
    const Bundle& bundle, const std::map<std::string, std::string>& mapping) {
  for (const Image& image : bundle.invocation_images) {
    if (!image.image_type.empty() && image.image_type != "docker" && image.image_type != "oci") {
      continue;
    }
    std::vector<std::string> candidates;
    const auto add = [&candidates](std::string candidate) {
      // No option of podman.
      if (!candidate.empty() && candidate[0] != '-') candidates.push_back(std::move(candidate));
    };
    const size_t at = image.image.find('@');
    const std::string digest = !image.content_digest.empty() ? image.content_digest
                               : at != std::string::npos     ? image.image.substr(at + 1)
                                                             : "";
    if (const auto mapped = mapping.find(image.image); mapped != mapping.end()) {
      add(mapped->second);
    }
    if (digest.empty()) {
      add(image.image);
    } else {
      if (const auto mapped =
              mapping.find(absl::StrCat(RepositoryOfReference(image.image), "@", digest));
          mapped != mapping.end()) {
        add(mapped->second);
      }
      if (!bundle.reference.empty()) {
        add(absl::StrCat(RepositoryOfReference(bundle.reference), "@", digest));
      }
      add(absl::StrCat(RepositoryOfReference(image.image), "@", digest));
    }
    if (!candidates.empty()) return candidates;
  }
  return MakeError({.id = DiagnosticId::kBundleInvalid,
                    .message = absl::StrCat("bundle '", bundle.name,
                                            "' has no invocation image of type docker or oci")});
}

bool PodmanDriver::Has(const std::string& image, const RunWatch& watch) const {
  return OutputOf({podman_, "image", "exists", image}, watch).ok();
}

absl::StatusOr<std::string> PodmanDriver::Fetch(const Bundle& bundle, const RunWatch& watch) const {
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> candidates,
                        ImageCandidates(bundle, options_.mapping));
  for (const std::string& image : candidates) {
    if (Has(image, watch)) return image;
  }
  absl::Status first;
  for (const std::string& image : candidates) {
    std::vector<std::string> argv = {podman_, "pull", "--quiet"};
    if (IsLoopback(image)) argv.push_back("--tls-verify=false");
    argv.push_back(image);
    const absl::StatusOr<std::string> pulled = OutputOf(argv, watch);
    if (pulled.ok()) return image;
    if (first.ok()) first = WithContext(pulled.status(), absl::StrCat("image '", image, "'"));
  }
  return first;
}

absl::StatusOr<RunEnd> PodmanDriver::Run(const BundleRun& run, const RunWatch& watch) {
  DEPS_ASSIGN_OR_RETURN(const std::string image, Fetch(run.bundle, watch));
  DEPS_ASSIGN_OR_RETURN(const int frame, FrameDescriptor(run.environment));
  const absl::Cleanup closer = [frame] { close(frame); };
  // Podman's own logs would keep what the run tool prints, secrets included.
  ChildSpec spec = {
      .argv = {podman_, "run", "--rm", "--name", run.name, "--pull=never", "--log-driver=none",
               "--preserve-fds=1", "--entrypoint", std::string(kAgentInContainer)},
      .environment = InheritedEnvironment(),
      .inherited = frame,
      .container = run.name,
      .signal_group = false};
  const auto mount = [&spec](std::string_view from, std::string_view to, std::string_view mode) {
    spec.argv.push_back(absl::StrCat("--volume=", from, ":", to, ":", mode));
  };
  mount(options_.agent, kAgentInContainer, "ro");
  mount(absl::StrCat(run.root, "/cnab/app/outputs"), "/cnab/app/outputs", "rw");
  for (const std::string& path : run.files) {
    if (absl::StrContains(path, ':')) {
      return MakeError(
          {.id = DiagnosticId::kBundleInvalid,
           .message = absl::StrCat("podman takes no path with a colon: '", path, "'")});
    }
    mount(absl::StrCat(run.root, path), path, "rw");
  }
  spec.argv.push_back(image);
  absl::StatusOr<RunEnd> end = RunChild(spec, watch);
  if (!end.ok()) return end;
  if (end->kind != RunEnd::Kind::kExited) {
    // podman was killed with its container still there.
    DEPS_RETURN_IF_ERROR(CleanUp({.container = run.name}));
  } else if (end->exit_code == 125) {
    return MakeError({.id = DiagnosticId::kRunDriver,
                      .message = absl::StrCat("podman could not start image '", image,
                                              "'; the task's log tells why")});
  }
  return end;
}

absl::Status PodmanDriver::CleanUp(const Traces& traces) {
  if (traces.container.empty()) return absl::OkStatus();
  KillSession(traces.process, traces.start_time);
  return OutputOf({podman_, "rm", "--force", "--ignore", "--time=0", traces.container},
                  {.deadline = absl::Now() + absl::Minutes(1)})
      .status();
}

}  // namespace deps

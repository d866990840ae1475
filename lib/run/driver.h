// How a bundle's run tool is started: one small interface, one implementation
// each for containers and for plain processes.
#ifndef DEPS_LIB_RUN_DRIVER_H_
#define DEPS_LIB_RUN_DRIVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/model/bundle.h"
#include "lib/oci/registry_options.h"
#include "lib/secrets/provider.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// One run of a bundle's run tool.
struct BundleRun {
  std::string name;  // Unique; [a-zA-Z0-9_.-]
  Bundle bundle;
  // All variables of the CNAB runtime contract, parameters and credentials
  // among them: a driver passes them by memory only.
  std::map<std::string, SecretBuffer> environment;
  // Variables of this process that hold secrets of the plan: no program that a
  // driver starts gets them from this process's own environment.
  std::set<std::string> withheld;
  // Values that must not be seen in what the run tool prints.
  std::vector<SecretBuffer> redacted;
  // A folder in memory that holds the run tool's files: ROOT/cnab/bundle.json
  // becomes /cnab/bundle.json. ROOT/cnab/app/outputs takes the outputs.
  std::string root;
  std::vector<std::string> files;  // "/cnab/bundle.json", …
  // A folder in memory for deps-agent (lib/agent/control.h).
  std::string control;
};

// What is left behind where the runner dies.
struct Traces {
  std::string folder;      // In memory.
  int64_t process = 0;     // Its id, which is also that of its session.
  int64_t start_time = 0;  // Of the process.
  std::string container;
  bool operator==(const Traces&) const = default;
};
std::string FormatTraces(const Traces& traces);
absl::StatusOr<Traces> ParseTraces(const std::string& text);

// How a run is watched. All are called from the thread that called Run.
inline constexpr int kLeaveRunning = 3;  // A later runner attaches to it.
struct RunWatch {
  std::function<void(std::string_view)> output;  // What the run tool prints.
  // Called as soon as there is something to leave behind.
  std::function<absl::Status(int64_t process, int64_t start_time, const std::string& container)>
      started;
  // 0: go on; 1: ask it to stop; 2: stop it now; kLeaveRunning. Asked some ten
  // times a second.
  std::function<int()> stop;
  // By SteadyNow().
  absl::Time deadline = absl::InfiniteFuture();
  absl::Duration grace = absl::Seconds(30);  // Between asking and killing.
};

struct RunEnd {
  enum class Kind { kExited, kTimedOut, kStopped, kLeft };
  Kind kind = Kind::kExited;
  int exit_code = 0;  // 128 + N after signal N.
};

class Driver {
 public:
  virtual ~Driver() = default;
  // Whether it runs the bundles' images: then their registries can be asked.
  virtual bool UsesImages() const { return true; }
  // Refuses a bundle that it cannot run, as far as that is known without asking
  // anybody. Errors: bundle-invalid.
  virtual absl::Status CheckBundle(const Bundle&) const { return absl::OkStatus(); }
  // Whether Attach gives all that was printed; else only what the dead runner has
  // not read.
  virtual bool RepeatsOutput() const { return true; }
  // Runs the tool to its end. Errors: run-driver where it could not be started.
  virtual absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) = 0;
  // Goes on with a run whose runner died, to its end: it still runs, or has ended
  // and left how. `watch.output` gets all that it printed, as far as it is kept.
  // Absent where there is nothing to go on with: then CleanUp, and run it again.
  virtual absl::StatusOr<std::optional<RunEnd>> Attach(const Traces& traces,
                                                       const RunWatch& watch) = 0;
  // Ends what a dead runner left behind. Done also where nothing is left.
  virtual absl::Status CleanUp(const Traces& traces) = 0;
};

struct DriverOptions {
  std::map<std::string, std::string> mapping;  // Reference -> relocated reference.
  std::string agent;                           // Path of deps-agent.
  AccessOptions registry;                      // How a driver without an engine reaches images.
  Getenv getenv;
};

// The first of podman, docker and runc that is on PATH: those without a daemon are
// preferred to the one that has one, and an engine's images to images of our own.
// "podman" where there is none.
std::string DefaultDriver();

// "podman", "docker", "runc" or "process:PATH". Errors: usage for others, run-driver where PATH is
// no program.
absl::StatusOr<std::unique_ptr<Driver>> MakeDriver(const std::string& name,
                                                   const DriverOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_RUN_DRIVER_H_

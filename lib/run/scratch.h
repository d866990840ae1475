// A folder in memory for the files of one run: credentials and outputs never
// touch a disk.
#ifndef DEPS_LIB_RUN_SCRATCH_H_
#define DEPS_LIB_RUN_SCRATCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

class Scratch {
 public:
  // Where the folder of run `name` is: on a tmpfs, below $XDG_RUNTIME_DIR or
  // /dev/shm. Errors: run-driver where neither is one.
  static absl::StatusOr<std::string> PathFor(const std::string& name);
  // A new folder of mode 0700 at a path that PathFor gave; one that is left from
  // an earlier process is replaced. Errors: run-driver.
  static absl::StatusOr<Scratch> Create(const std::string& path);
  // One that Create made in an earlier process, which is now dead.
  // Errors: run-driver where it is not there, or is not this user's.
  static absl::StatusOr<Scratch> Adopt(const std::string& path);
  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&& other) = delete;
  ~Scratch();

  // Leaves the folder where it is: the object no longer stands for it.
  void Keep();

  const std::string& path() const { return path_; }
  // Stands for "/" of the run tool.
  std::string root() const { return path_ + "/root"; }
  // For deps-agent; any user of a container may write to it.
  std::string control() const { return path_ + "/control"; }

  // Makes the file that the run tool sees as `path` ("/cnab/bundle.json").
  // Errors: bundle-invalid for a path with "..", run-driver.
  absl::Status Put(std::string_view path, std::string_view content);
  // The file that the run tool wrote to `path`; absent where there is none.
  // Symbolic links are not followed: neither they nor pipes nor folders are read.
  // Errors: run-driver where it is no regular file or has more than `limit`
  // bytes.
  absl::StatusOr<std::optional<SecretBuffer>> Read(std::string_view path, size_t limit) const;
  // What the run has left in its outputs and for deps-agent, in bytes that it
  // takes from memory; counted until that is more than `enough`.
  int64_t LeftBytes(int64_t enough) const;

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}
  absl::Status MakeFolderOnce(const std::string& folder);

  std::string path_;
  std::set<std::string> folders_;  // Made by this object.
};

// Removes the folders whose names PathFor was given with this beginning, but for
// `kept`, which are paths.
void RemoveOtherScratches(const std::string& beginning, const std::set<std::string>& kept);

// Removes what an earlier process made by Scratch::Create. Ignores a path that
// is not of this form, or not this user's.
void RemoveScratch(const std::string& path);

}  // namespace deps

#endif  // DEPS_LIB_RUN_SCRATCH_H_

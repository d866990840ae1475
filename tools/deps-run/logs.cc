#include "tools/deps-run/logs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/attempt.h"
#include "tools/deps-run/remote_run.h"

namespace deps {
namespace {

// Between two looks; longer while nothing comes.
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kLastPause = absl::Seconds(2);

class LocalLogs : public LogSource {
 public:
  LocalLogs(Store& store, std::string workflow, std::string logs)
      : store_(store), workflow_(std::move(workflow)), logs_(std::move(logs)) {}

  absl::StatusOr<LogList> List() override {
    DEPS_ASSIGN_OR_RETURN(const Workflow workflow, store_.Document(workflow_));
    LogList list = {.ended = HasEnded(workflow.status)};
    for (const WorkflowTask& task : workflow.tasks) {
      for (int64_t attempt = 1; attempt <= std::max<int64_t>(task.attempt, 1); ++attempt) {
        list.parts.push_back({.task = task.id,
                              .name = LogPath(logs_, workflow_, task.id, attempt),
                              .heading = absl::StrCat(task.id, ", attempt ", attempt)});
      }
    }
    return list;
  }

  absl::Status Read(const LogPart& part, uint64_t offset,
                    const std::function<void(std::string_view)>& write) override {
    errno = 0;
    std::ifstream file(part.name, std::ios::binary);
    // The file is made with the first thing to write.
    if (!file.is_open() && errno == ENOENT) return absl::OkStatus();
    file.seekg(static_cast<std::streamoff>(offset));
    std::array<char, size_t{64} << 10> buffer;
    while (file.read(buffer.data(), buffer.size()) || file.gcount() > 0) {
      write({buffer.data(), static_cast<size_t>(file.gcount())});
    }
    if (file.eof()) return absl::OkStatus();
    return MakeError({.id = DiagnosticId::kFileRead,
                      .message = std::strerror(errno == 0 ? EIO : errno),
                      .location = {.file = part.name}});
  }

 private:
  Store& store_;
  const std::string workflow_;
  const std::string logs_;
};

class LogWriter {
 public:
  LogWriter(LogSource& source, std::string task, std::function<void(std::string_view)> write)
      : source_(source), task_(std::move(task)), write_(std::move(write)) {}

  // What has come since the last time; whether nothing more will.
  absl::StatusOr<bool> Write() {
    DEPS_ASSIGN_OR_RETURN(const LogList list, source_.List());
    std::vector<LogPart> parts;
    for (const LogPart& part : list.parts) {
      if (task_.empty() || part.task == task_) parts.push_back(part);
    }
    if (parts.empty() && !task_.empty()) {
      return MakeError({.id = DiagnosticId::kStateUnknownWorkflow,
                        .message = absl::StrCat("the workflow has no task '", task_, "'")});
    }
    const bool headings = task_.empty() || parts.size() > 1;
    for (const LogPart& part : parts) DEPS_RETURN_IF_ERROR(Write(part, headings));
    return list.ended;
  }

  void Finish() {
    if (!at_line_start_) write_("\n");
  }

 private:
  absl::Status Write(const LogPart& part, bool heading) {
    uint64_t& offset = written_[part.name];
    return source_.Read(part, offset, [&](std::string_view text) {
      if (last_ != part.name) {
        Finish();
        if (heading) write_(absl::StrCat("==> ", part.heading, " <==\n"));
        last_ = part.name;
      }
      write_(text);
      offset += text.size();
      at_line_start_ = text.back() == '\n';
    });
  }

  LogSource& source_;
  const std::string task_;
  const std::function<void(std::string_view)> write_;
  std::map<std::string, uint64_t> written_;  // Bytes of each log.
  std::string last_;
  bool at_line_start_ = true;
};

}  // namespace

std::unique_ptr<LogSource> MakeLocalLogs(Store& store, std::string workflow, std::string logs) {
  return std::make_unique<LocalLogs>(store, std::move(workflow), std::move(logs));
}

absl::Status WriteLogs(LogSource& source, const std::string& task, bool follow,
                       const std::function<void(std::string_view)>& write) {
  bool came = false;
  LogWriter writer(source, task, [&](std::string_view text) {
    came = true;
    write(text);
  });
  absl::Duration pause = kFirstPause;
  while (true) {
    came = false;
    DEPS_ASSIGN_OR_RETURN(const bool ended, writer.Write());
    if (ended || !follow) break;
    pause = came ? kFirstPause : std::min(pause * 1.3, kLastPause);
    absl::SleepFor(pause);
  }
  writer.Finish();
  return absl::OkStatus();
}

}  // namespace deps

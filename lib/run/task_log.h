// The log of one attempt.
#ifndef DEPS_LIB_RUN_TASK_LOG_H_
#define DEPS_LIB_RUN_TASK_LOG_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "lib/secrets/redactor.h"

namespace deps {

// A file with a redactor before it, mode 0600. It is made when there is something
// to write; of more than 16 MiB, the beginning and the end are kept. One that
// cannot be written does not stop the bundle that is running.
class TaskLog {
 public:
  TaskLog(std::string path, bool append);
  TaskLog(const TaskLog&) = delete;
  TaskLog& operator=(const TaskLog&) = delete;
  ~TaskLog();

  Redactor& redactor() { return redactor_; }
  void Write(std::string_view text);

 private:
  void Put(std::string_view text);
  void Append(std::string_view text);
  void Open();

  const std::string path_;
  const bool append_;
  int fd_ = -1;
  bool failed_ = false;
  size_t head_ = 0;
  size_t left_out_ = 0;
  std::string end_;
  Redactor redactor_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_TASK_LOG_H_

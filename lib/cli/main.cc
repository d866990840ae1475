#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <streambuf>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/cli/command.h"

namespace deps {
namespace {

// Standard output. Unlike std::filebuf it keeps the errno of the first write
// that failed, and sets it again at each flush, for the message.
class OutputBuffer : public std::streambuf {
 public:
  explicit OutputBuffer(int fd) : fd_(fd) { setp(buffer_.data(), buffer_.data() + buffer_.size()); }

 protected:
  int_type overflow(int_type c) override {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      *pptr() = traits_type::to_char_type(c);
      pbump(1);
    }
    return traits_type::not_eof(c);
  }

  int sync() override {
    const char* next = pbase();
    while (error_ == 0 && next < pptr()) {
      const ssize_t written = write(fd_, next, static_cast<size_t>(pptr() - next));
      if (written >= 0) {
        next += written;
      } else if (errno != EINTR) {
        error_ = errno;
      }
    }
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    errno = error_;
    return error_ == 0 ? 0 : -1;
  }

 private:
  int fd_;
  int error_ = 0;
  std::array<char, size_t{64} << 10> buffer_;
};

// A standard stream that was closed would be the next file that is opened, and
// that file would be written over. In its place stands one that only fails.
void OccupyClosedStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
  }
}

std::optional<std::string> GetEnvironment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

std::string CommandName(int argc, char** argv) {
  const std::string path = argc > 0 ? argv[0] : "";
  return path.substr(path.rfind('/') + 1);
}

int Fail(const std::string& command, const Diagnostic& diagnostic, ExitCode code) {
  std::cerr << FormatDiagnostic(diagnostic, {.command = command}) << std::flush;
  return static_cast<int>(code);
}

int FailInternally(const std::string& command, std::string_view what) {
  return Fail(command, {.id = DiagnosticId::kInternal, .message = std::string(what)},
              ExitCode::kBug);
}

}  // namespace

int Main(int argc, char** argv,
         ExitCode (*run)(absl::Span<const std::string> args, const Env& env)) {
  OccupyClosedStreams();
  // A caller may have it ignored, as Python does; `| head -1` ends us quietly.
  std::signal(SIGPIPE, SIG_DFL);
  std::ios::sync_with_stdio(false);
  const std::string command = CommandName(argc, argv);
  try {
    OutputBuffer buffer(STDOUT_FILENO);
    std::ostream out(&buffer);
    const Env env = {.in = &std::cin,
                     .out = &out,
                     .err = &std::cerr,
                     .getenv = GetEnvironment,
                     .in_is_terminal = isatty(STDIN_FILENO) == 1,
                     .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                     .err_is_terminal = isatty(STDERR_FILENO) == 1};
    const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
    const ExitCode code = run(args, env);
    // Where the command failed, it has said why.
    if (out.flush().good() || (code != ExitCode::kOk && code != ExitCode::kNo)) {
      return static_cast<int>(code);
    }
    return Fail(command,
                {.id = DiagnosticId::kFileWrite,
                 .message = absl::StrCat("cannot be written: ", std::strerror(errno)),
                 .location = {.file = "<stdout>"}},
                ExitCode::kEnvironment);
  } catch (const std::bad_alloc&) {
    return FailInternally(command, "out of memory");
  } catch (const std::exception& error) {
    return FailInternally(command, error.what());
  }
}

}  // namespace deps

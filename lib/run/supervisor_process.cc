#include "lib/run/supervisor_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "lib/secrets/redactor.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {
namespace {

constexpr size_t kMaxLog = size_t{8} << 20;
constexpr size_t kMaxMessage = size_t{64} << 20;
constexpr size_t kHeader = 4;

// Clock ticks since the machine started, as in field 22 of /proc/PID/stat.
int64_t Ticks() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  static const int64_t per_second = sysconf(_SC_CLK_TCK);
  return now.tv_sec * per_second + now.tv_nsec * per_second / 1000000000;
}

// Without malloc and locale: also between vfork and exec.
char* PutNumber(char* out, int64_t number) {
  char digits[24];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (count > 0) *out++ = digits[--count];
  return out;
}

uint32_t NumberAt(std::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = 0; i < kHeader; ++i) {
    number |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return number;
}

// What is to be run, as it lies in the message.
struct Request {
  SecretBuffer message;
  const char* control = nullptr;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::vector<std::string_view> redacted;
};

// Each part ends with a NUL, so that it can be used where it lies.
bool Parse(Request* request) {
  std::string_view rest = request->message.view();
  bool good = true;
  const auto number = [&]() -> uint32_t {
    if (rest.size() < kHeader) good = false;
    if (!good) return 0;
    const uint32_t value = NumberAt(rest);
    rest.remove_prefix(kHeader);
    return value;
  };
  const auto part = [&]() -> std::string_view {
    const uint32_t size = number();
    if (size == 0 || size > rest.size() || rest[size - 1] != '\0') good = false;
    if (!good) return "";
    const std::string_view text = rest.substr(0, size - 1);
    rest.remove_prefix(size);
    return text;
  };
  request->control = part().data();
  for (uint32_t count = number(); good && count > 0; --count) {
    request->argv.push_back(const_cast<char*>(part().data()));
  }
  for (uint32_t count = number(); good && count > 0; --count) {
    request->environment.push_back(const_cast<char*>(part().data()));
  }
  while (good && !rest.empty()) request->redacted.push_back(part());
  good = good && !request->argv.empty();
  request->argv.push_back(nullptr);
  request->environment.push_back(nullptr);
  return good;
}

// Makes a file that is there with all of its text or not at all: whoever attaches
// reads it at any time. Where there is one already, it stays as it is. Nothing but
// system calls.
bool Place(const char* part, const char* path, std::string_view text) {
  const int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
}

// Where the process leaves who it is.
struct PidFile {
  explicit PidFile(const std::string& control)
      : part(control + "/pid.part"), path(control + "/pid") {}
  const std::string part;
  const std::string path;
};

// Runs after vfork, in the memory of the supervisor: nothing but system calls.
[[noreturn]] void Become(const Request& request, const PidFile& pid_file, int out, int64_t before,
                         volatile int* error) {
  setsid();
  // 0 is /dev/null already.
  dup2(out, 1);
  dup2(out, 2);
  syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  for (const int usual : {SIGINT, SIGHUP, SIGPIPE}) signal(usual, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  char text[80];
  char* end = PutNumber(text, getpid());
  *end++ = ' ';
  end = PutNumber(end, before);
  *end++ = ' ';
  end = PutNumber(end, Ticks());
  *end++ = '\n';
  // The file is there before the program begins, whatever dies meanwhile.
  if (Place(pid_file.part.c_str(), pid_file.path.c_str(),
            {text, static_cast<size_t>(end - text)})) {
    execve(request.argv[0], request.argv.data(), request.environment.data());
  }
  *error = errno;
  _exit(127);
}

// A connection of the runner, and what it asked for.
struct Connection {
  int socket = -1;    // -1 once the runner is gone.
  int output = -1;    // The reading end.
  pid_t process = 0;  // 0 where nothing runs.
  std::string control;
  std::unique_ptr<Redactor> redactor;  // For output that no runner reads.
  int log = -1;
  size_t logged = 0;
};

class Server {
 public:
  explicit Server(int socket) : socket_(socket) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, nullptr);
    signals_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  void Serve() {
    while (socket_ >= 0 || Running()) {
      std::vector<pollfd> waiting = {{.fd = signals_, .events = POLLIN, .revents = 0},
                                     {.fd = socket_, .events = POLLIN, .revents = 0}};
      std::vector<Connection*> order;
      for (Connection& connection : connections_) {
        const int fd = connection.socket >= 0 ? connection.socket : connection.output;
        waiting.push_back({.fd = fd, .events = POLLIN, .revents = 0});
        order.push_back(&connection);
      }
      if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
      if (waiting[1].revents != 0) Accept();
      for (size_t i = 0; i < order.size(); ++i) {
        if (waiting[i + 2].revents != 0) Attend(*order[i]);
      }
      if (waiting[0].revents != 0) Reap();
      connections_.remove_if([](const Connection& connection) {
        return connection.socket < 0 && connection.process == 0;
      });
    }
  }

 private:
  bool Running() const {
    return std::any_of(connections_.begin(), connections_.end(),
                       [](const Connection& connection) { return connection.process != 0; });
  }

  // A byte, with the descriptors that come with it.
  static ssize_t Receive(int socket, char* byte, std::array<int, 2>* descriptors) {
    iovec part = {.iov_base = byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* const header = count > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      const size_t size = header->cmsg_len - CMSG_LEN(0);
      memcpy(descriptors->data(), CMSG_DATA(header), std::min(size, sizeof(*descriptors)));
    }
    return count;
  }

  void Accept() {
    char byte = 0;
    std::array<int, 2> descriptors = {-1, -1};
    const ssize_t count = Receive(socket_, &byte, &descriptors);
    if (count > 0 && descriptors[0] >= 0) {
      connections_.emplace_back().socket = descriptors[0];
    } else if (count == 0 || (count < 0 && errno != EINTR)) {
      close(socket_);
      socket_ = -1;
    }
  }

  void Attend(Connection& connection) {
    if (connection.socket < 0) return Keep(connection);
    if (connection.process == 0) return Begin(connection);
    char order = 0;
    const ssize_t count = recv(connection.socket, &order, 1, 0);
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) return Orphan(connection);
    kill(-connection.process, order == kKill ? SIGKILL : SIGTERM);
  }

  // The runner is gone: from here on its part is done here.
  static void Orphan(Connection& connection) {
    close(connection.socket);
    connection.socket = -1;
    if (connection.redactor == nullptr) return;
    const std::string path = connection.control + "/log";
    connection.log =
        open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    Keep(connection);
  }

  // Writes down what there is to read.
  static void Keep(Connection& connection) {
    std::array<char, 16384> chunk;
    pollfd waiting = {.fd = connection.output, .events = POLLIN, .revents = 0};
    while (connection.output >= 0 && poll(&waiting, 1, 0) > 0) {
      const ssize_t count = read(connection.output, chunk.data(), chunk.size());
      if (count > 0) {
        Log(connection, connection.redactor->Write({chunk.data(), static_cast<size_t>(count)}));
      } else if (count == 0 || errno != EINTR) {
        close(connection.output);
        connection.output = -1;
      }
    }
  }

  static void Log(Connection& connection, std::string_view text) {
    text = text.substr(0, kMaxLog - std::min(kMaxLog, connection.logged));
    connection.logged += text.size();
    while (connection.log >= 0 && !text.empty()) {
      const ssize_t count = write(connection.log, text.data(), text.size());
      if (count < 0 && errno != EINTR) return;
      if (count > 0) text.remove_prefix(static_cast<size_t>(count));
    }
  }

  void Begin(Connection& connection) {
    Request request;
    std::array<int, 2> output = {-1, -1};
    SupervisorAnswer answer;
    if (!Read(connection, &request, &output)) {
      for (const int fd : output) {
        if (fd >= 0) close(fd);
      }
      return Orphan(connection);
    }
    connection.control = request.control;
    connection.output = output[0];
    connection.redactor = std::make_unique<Redactor>();
    for (const std::string_view value : request.redacted) connection.redactor->Add(value);
    const PidFile pid_file(connection.control);
    const int64_t before = Ticks();
    volatile int error = 0;
    const pid_t process = vfork();
    if (process == 0) Become(request, pid_file, output[1], before, &error);
    if (process < 0) error = errno;
    close(output[1]);
    if (error == 0) {
      connection.process = process;
      return;
    }
    if (process > 0) waitpid(process, nullptr, 0);
    answer.error = error;
    Answer(connection, answer);
  }

  static bool Read(Connection& connection, Request* request, std::array<int, 2>* output) {
    char header[kHeader];
    if (Receive(connection.socket, header, output) != 1 || (*output)[1] < 0) return false;
    if (!Fill(connection.socket, header + 1, kHeader - 1)) return false;
    const uint32_t size = NumberAt({header, kHeader});
    if (size > kMaxMessage) return false;
    request->message.Resize(size);
    return Fill(connection.socket, request->message.data(), size) && Parse(request);
  }

  static bool Fill(int socket, char* bytes, size_t size) {
    while (size > 0) {
      const ssize_t count = recv(socket, bytes, size, 0);
      if (count == 0 || (count < 0 && errno != EINTR)) return false;
      if (count < 0) continue;
      bytes += count;
      size -= static_cast<size_t>(count);
    }
    return true;
  }

  static void Finish(Connection& connection) {
    Keep(connection);
    Log(connection, connection.redactor->Finish());
  }

  static void Answer(Connection& connection, const SupervisorAnswer& answer) {
    if (connection.socket >= 0 &&
        send(connection.socket, &answer, sizeof(answer), MSG_NOSIGNAL) < 0) {
      Orphan(connection);
      Finish(connection);
    }
    connection.process = 0;
    if (connection.output >= 0) close(connection.output);
    if (connection.log >= 0) close(connection.log);
    connection.output = connection.log = -1;
    connection.redactor.reset();
  }

  void Reap() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof(info)) > 0) {
    }
    while (true) {
      siginfo_t ended = {};
      if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
      // As long as it is not reaped, its number is no other group's.
      const auto connection =
          std::find_if(connections_.begin(), connections_.end(),
                       [&](const Connection& item) { return item.process == ended.si_pid; });
      if (connection != connections_.end()) kill(-ended.si_pid, SIGKILL);
      int status = 0;
      waitpid(ended.si_pid, &status, 0);
      if (connection != connections_.end()) End(*connection, status);
    }
  }

  static void End(Connection& connection, int status) {
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    // Whoever finds the end finds all that was printed.
    if (connection.socket < 0) Finish(connection);
    const std::string path = connection.control + "/exit";
    char text[16];
    char* const end = PutNumber(text, code);
    *end = '\n';
    // Where this fails nobody can be told but the runner, which is next.
    Place((path + ".part").c_str(), path.c_str(), {text, static_cast<size_t>(end - text) + 1});
    Answer(connection, {.exit_code = code});
  }

  int socket_;
  int signals_ = -1;
  std::list<Connection> connections_;
};

}  // namespace

void Supervise(int socket) {
  // Signals of the terminal are the runner's; so are its streams.
  setsid();
  prctl(PR_SET_NAME, "deps-supervisor");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int ignored : {SIGINT, SIGHUP, SIGPIPE}) signal(ignored, SIG_IGN);
  signal(SIGTERM, SIG_DFL);
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(input, 0);
  const int output = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (const int fd : {1, 2}) dup2(output, fd);
  const int kept = dup2(socket, 3);
  fcntl(kept, F_SETFD, FD_CLOEXEC);
  syscall(SYS_close_range, 4U, ~0U, 0U);
  Server(kept).Serve();
  _exit(0);
}

}  // namespace deps

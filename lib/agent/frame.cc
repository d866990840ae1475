#include "lib/agent/frame.h"

#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr std::string_view kMagic = "deps-agent 2\n";
constexpr size_t kMaxFrame = size_t{64} << 20;

void AppendText(std::string_view text, SecretBuffer* frame) {
  char length[4];
  for (int i = 0; i < 4; ++i) length[i] = static_cast<char>(text.size() >> (8 * i));
  frame->Append({length, 4});
  frame->Append(text);
}

void AppendRecord(char type, std::initializer_list<std::string_view> texts, SecretBuffer* frame) {
  frame->Append({&type, 1});
  for (const std::string_view text : texts) AppendText(text, frame);
}

absl::Status Broken(std::string_view why) {
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("what deps-agent was handed cannot be read: ", why)});
}

class FrameReader {
 public:
  explicit FrameReader(int fd) : fd_(fd) {}

  absl::StatusOr<SecretBuffer> Bytes(size_t size) {
    if (size > left_) return Broken("it is too large");
    left_ -= size;
    SecretBuffer bytes;
    bytes.Resize(size);
    for (size_t done = 0; done < size;) {
      const ssize_t count = read(fd_, bytes.data() + done, size - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Broken(strerror(errno));
      if (count == 0) return Broken("it ends too early");
      done += static_cast<size_t>(count);
    }
    return bytes;
  }

  absl::StatusOr<SecretBuffer> Text() {
    DEPS_ASSIGN_OR_RETURN(const SecretBuffer length, Bytes(4));
    uint32_t size = 0;
    for (size_t i = 0; i < 4; ++i) {
      size |= uint32_t{static_cast<unsigned char>(length.view()[i])} << (8 * i);
    }
    return Bytes(size);
  }

 private:
  const int fd_;
  size_t left_ = kMaxFrame;
};

absl::Status ReadRecord(char type, FrameReader& reader, AgentRun* run) {
  DEPS_ASSIGN_OR_RETURN(SecretBuffer text, reader.Text());
  switch (type) {
    case 'E': {
      DEPS_ASSIGN_OR_RETURN(run->environment[std::string(text.view())], reader.Text());
      return absl::OkStatus();
    }
    case 'R':
      run->redacted.push_back(std::move(text));
      return absl::OkStatus();
    case 'C':
      run->control = std::string(text.view());
      return absl::OkStatus();
    case 'P':
      run->program = std::string(text.view());
      return absl::OkStatus();
    default:
      return Broken("a record of an unknown kind");
  }
}

}  // namespace

SecretBuffer EncodeFrame(const AgentRun& run) {
  SecretBuffer frame(kMagic);
  for (const auto& [name, value] : run.environment) {
    AppendRecord('E', {name, value.view()}, &frame);
  }
  for (const SecretBuffer& value : run.redacted) AppendRecord('R', {value.view()}, &frame);
  AppendRecord('C', {run.control}, &frame);
  AppendRecord('P', {run.program}, &frame);
  AppendRecord('.', {}, &frame);
  return frame;
}

absl::StatusOr<AgentRun> ReadFrame(int fd) {
  FrameReader reader(fd);
  DEPS_ASSIGN_OR_RETURN(const SecretBuffer magic, reader.Bytes(kMagic.size()));
  if (magic.view() != kMagic) return Broken("it is of another version");
  AgentRun run;
  while (true) {
    DEPS_ASSIGN_OR_RETURN(const SecretBuffer type, reader.Bytes(1));
    if (type.view()[0] == '.') return run;
    DEPS_RETURN_IF_ERROR(ReadRecord(type.view()[0], reader, &run));
  }
}

}  // namespace deps

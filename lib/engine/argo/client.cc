#include "lib/engine/argo/client.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/secrets/secret_json.h"

namespace deps {
namespace {

using json::Value;

constexpr int kTries = 5;
constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
// A server that wants a longer pause is told as unavailable: nobody waits for it
// without saying so.
constexpr absl::Duration kLongestPause = absl::Seconds(10);
// Less than any silence that streams are asked to bear.
constexpr int kStreamConnectSeconds = 5;
constexpr size_t kMaxAnswer = size_t{32} << 20;
constexpr size_t kMaxLine = size_t{16} << 20;

bool IsBusy(int status) { return status == 429 || status >= 500; }

// An error of lib/http as one of an engine.
absl::Status OfEngine(const absl::Status& status) {
  if (!HasId(status, DiagnosticId::kRegistryUnreachable) &&
      !HasId(status, DiagnosticId::kRegistryProtocol) && !HasId(status, DiagnosticId::kFileRead)) {
    return status;
  }
  const bool unreachable = HasId(status, DiagnosticId::kRegistryUnreachable);
  Diagnostic first = DiagnosticsOf(status).front();
  first.id = unreachable ? DiagnosticId::kEngineUnavailable : DiagnosticId::kEngineRefused;
  // Its hints are for options that this program does not have.
  first.hint.clear();
  return MakeError(std::move(first));
}

absl::Duration PauseAskedFor(const http::Response& response, int tries) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(response.Header("retry-after"), &seconds) && seconds >= 0) {
    return absl::Seconds(seconds);
  }
  return ArgoClient::Pause(tries);
}

Value Parsed(std::string text) {
  absl::StatusOr<Value> value = json::Parse({"", std::move(text)});
  return value.ok() ? *std::move(value) : Value();
}

// Cuts a stream into lines.
class LineCutter {
 public:
  explicit LineCutter(const std::function<absl::Status(std::string_view)>& line) : line_(line) {}

  absl::Status Add(std::string_view piece) {
    while (true) {
      const size_t end = piece.find('\n');
      if (rest_.size() + std::min(end, piece.size()) > kMaxLine) {
        return MakeError({.id = DiagnosticId::kEngineRefused,
                          .message = absl::StrCat("the server sends a line of more than ",
                                                  kMaxLine >> 20, " MiB")});
      }
      rest_.append(piece.substr(0, end));
      if (end == std::string_view::npos) return absl::OkStatus();
      piece.remove_prefix(end + 1);
      DEPS_RETURN_IF_ERROR(Finish());
    }
  }

  // Gives what is left as a line.
  absl::Status Finish() {
    std::string text;
    text.swap(rest_);
    if (!text.empty() && text.back() == '\r') text.pop_back();
    return text.empty() ? absl::OkStatus() : line_(text);
  }

 private:
  const std::function<absl::Status(std::string_view)>& line_;
  std::string rest_;
};

}  // namespace

ArgoClient::ArgoClient(ArgoEndpoint endpoint)
    : endpoint_(std::move(endpoint)), client_(endpoint_.http) {}

absl::Duration ArgoClient::Pause(int tries) {
  const absl::Duration whole = std::min(
      kFirstPause * static_cast<double>(int64_t{1} << std::min(tries - 1, 10)), kLongestPause);
  // Clients that failed together come back one by one.
  const int64_t share = absl::ToUnixNanos(absl::Now()) % 512;
  return whole / 2 + whole * share / 1024;
}

absl::StatusOr<http::Response> ArgoClient::Send(http::Client& client, http::Request request) {
  const size_t others = request.headers.size();
  for (bool refused = false;; refused = true) {
    DEPS_ASSIGN_OR_RETURN(const SecretBuffer authorization, endpoint_.authorization(refused));
    if (!authorization.empty()) {
      request.headers.emplace_back("Authorization", std::string(authorization.view()));
    }
    absl::StatusOr<http::Response> response = client.Send(request);
    if (request.headers.size() > others) {
      Wipe(&request.headers.back().second);
      request.headers.pop_back();
    }
    if (refused || !response.ok() || response->status != 401) return response;
  }
}

absl::StatusOr<ArgoAnswer> ArgoClient::Ask(const ArgoCall& call) {
  http::Request request = {.method = call.method,
                           .url = endpoint_.url + call.path,
                           .headers = {{"Accept", "application/json"}},
                           .max_body_bytes = kMaxAnswer};
  if (!call.body.empty()) {
    request.headers.emplace_back("Content-Type", call.content_type);
    request.body = std::string_view(call.body);
  }
  for (int tries = 1;; ++tries) {
    absl::StatusOr<http::Response> response = Send(client_, request);
    if (!response.ok()) {
      if (!http::IsTransient(response.status()) || tries == kTries) {
        return OfEngine(response.status());
      }
      Sleep(Pause(tries));
      continue;
    }
    ArgoAnswer answer = {.status = response->status, .body = Parsed(std::move(response->body))};
    if (!IsBusy(answer.status)) return answer;
    const absl::Duration pause = PauseAskedFor(*response, tries);
    if (tries == kTries || pause > kLongestPause) return ErrorOf(answer);
    Sleep(pause);
  }
}

absl::StatusOr<Value> ArgoClient::Need(const ArgoCall& call) {
  DEPS_ASSIGN_OR_RETURN(ArgoAnswer answer, Ask(call));
  if (answer.status >= 200 && answer.status < 300) return std::move(answer.body);
  return ErrorOf(answer);
}

absl::StatusOr<ArgoAnswer> ArgoClient::Stream(
    const std::string& path, std::string_view accept, absl::Duration silence,
    const std::function<absl::Status(std::string_view)>& line) {
  http::ClientOptions options = endpoint_.http;
  options.stall_timeout_seconds = static_cast<int>(absl::ToInt64Seconds(silence));
  options.connect_timeout_seconds = kStreamConnectSeconds;
  http::Client client(options);
  LineCutter lines(line);
  absl::Status failure;
  const absl::Time start = absl::Now();
  absl::StatusOr<http::Response> response =
      Send(client, {.url = endpoint_.url + path,
                    .headers = {{"Accept", std::string(accept)}},
                    .sink = [&](std::string_view piece) { return failure = lines.Add(piece); }});
  if (!failure.ok()) return failure;
  if (!response.ok()) {
    // An Argo Server sends not even headers before it has something to tell.
    const bool silent = absl::Now() - start >= silence;
    if (silent || http::IsTransient(response.status())) return ArgoAnswer{};
    return OfEngine(response.status());
  }
  DEPS_RETURN_IF_ERROR(lines.Finish());
  return ArgoAnswer{.status = response->status, .body = Parsed(std::move(response->body))};
}

absl::Status ErrorOf(const ArgoAnswer& answer) {
  std::string says = TextIn(answer.body, {"message"});
  // As an event of a stream, Argo Server has it one level further in.
  if (says.empty()) says = TextIn(answer.body, {"error", "message"});
  if (says.empty()) says = absl::StrCat("the server answers with status ", answer.status);
  says.resize(std::min<size_t>(says.size(), 2000));
  Diagnostic diagnostic = {.id = DiagnosticId::kEngineRefused, .message = std::move(says)};
  if (answer.status == 401 || answer.status == 403) {
    diagnostic.id = DiagnosticId::kEngineDenied;
  } else if (answer.status == 404) {
    diagnostic.id = DiagnosticId::kEngineUnknownRun;
  } else if (answer.status == 409) {
    diagnostic.id = DiagnosticId::kEngineConflict;
  } else if (IsBusy(answer.status)) {
    diagnostic.id = DiagnosticId::kEngineUnavailable;
  }
  return MakeError(std::move(diagnostic));
}

const Value* MemberIn(const Value& value, const std::vector<std::string_view>& path) {
  const Value* found = &value;
  for (const std::string_view step : path) {
    if (found != nullptr) found = found->Find(step);
  }
  return found;
}

std::string TextIn(const Value& value, const std::vector<std::string_view>& path) {
  const Value* const found = MemberIn(value, path);
  return found != nullptr && found->IsString() ? found->text : "";
}

std::string UrlEncoded(std::string_view text) {
  std::string url;
  for (const unsigned char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      url += static_cast<char>(c);
    } else {
      absl::StrAppend(&url, "%",
                      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(c, absl::kZeroPad2))));
    }
  }
  return url;
}

}  // namespace deps

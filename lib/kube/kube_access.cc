#include "lib/kube/kube_access.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/kube/exec_credential.h"
#include "lib/kube/kubeconfig.h"

namespace deps {
namespace {

constexpr char kAccount[] = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr size_t kMaxFile = size_t{1} << 20;
// A token that ends within this time is as good as expired.
constexpr absl::Duration kTooShort = absl::Seconds(10);

// A file that is in memory only; it goes with the object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(memfd_create("deps-kube", MFD_CLOEXEC)) {
    while (fd_ >= 0 && !content.empty()) {
      const ssize_t count = write(fd_, content.data(), content.size());
      if (count < 0 && errno != EINTR) return;
      if (count > 0) content.remove_prefix(static_cast<size_t>(count));
    }
  }
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  int fd_;
};

absl::StatusOr<SecretBuffer> FileContent(const std::string& path) {
  absl::StatusOr<Source> source = ReadFile(path, kMaxFile);
  if (!source.ok()) {
    return MakeError({.id = DiagnosticId::kSecretUnavailable,
                      .message = absl::StrCat("cannot read '", path, "'")});
  }
  SecretBuffer content = SecretBuffer::Take(&source->text);
  content.Truncate(absl::StripTrailingAsciiWhitespace(content.view()).size());
  return content;
}

class FoundAccess : public KubeAccess {
 public:
  explicit FoundAccess(const http::GetEnv& getenv) : http_(http::ProxiesFrom(getenv)) {}

  absl::Status OpenInPod(const std::string& host, const http::GetEnv& getenv);
  absl::Status OpenConfig(const std::string& files, const std::string& context,
                          absl::Time deadline);

  const std::string& server() const override { return context_.server; }
  const std::string& name_space() const override { return context_.name_space; }
  const http::ClientOptions& http() const override { return http_; }
  absl::StatusOr<SecretBuffer> Authorization(bool refused, absl::Time deadline) override;

 private:
  std::string PathOf(const KubePem& pem);
  absl::StatusOr<ExecCredential> Ask(absl::Time deadline);

  KubeContext context_;
  http::ClientOptions http_;
  std::deque<MemoryFile> files_;  // What `http_` names.
  absl::Time expires_ = absl::InfiniteFuture();
};

absl::Status FoundAccess::OpenInPod(const std::string& host, const http::GetEnv& getenv) {
  const bool bare_v6 = absl::StrContains(host, ':');
  context_.server = absl::StrCat("https://", bare_v6 ? "[" : "", host, bare_v6 ? "]" : "", ":",
                                 getenv("KUBERNETES_SERVICE_PORT").value_or("443"));
  const std::string folder = getenv("DEPS_SERVICE_ACCOUNT_FOLDER").value_or(kAccount);
  http_.ca_file = absl::StrCat(folder, "/ca.crt");
  context_.token_file = absl::StrCat(folder, "/token");
  DEPS_RETURN_IF_ERROR(FileContent(context_.token_file).status());
  const absl::StatusOr<SecretBuffer> name = FileContent(absl::StrCat(folder, "/namespace"));
  context_.name_space = name.ok() ? std::string(name->view()) : "default";
  return absl::OkStatus();
}

std::string FoundAccess::PathOf(const KubePem& pem) {
  if (pem.content.empty()) return pem.path;
  return files_.emplace_back(pem.content.view()).path();
}

absl::StatusOr<ExecCredential> FoundAccess::Ask(absl::Time deadline) {
  DEPS_ASSIGN_OR_RETURN(ExecCredential credential, AskForCredential(context_, deadline));
  context_.token = credential.token.Copy();
  expires_ = credential.expires;
  return credential;
}

absl::Status FoundAccess::OpenConfig(const std::string& files, const std::string& context,
                                     absl::Time deadline) {
  DEPS_ASSIGN_OR_RETURN(context_, ReadKubeconfig(files, context));
  if (context_.name_space.empty()) context_.name_space = "default";
  if (!context_.program.words.empty()) {
    DEPS_ASSIGN_OR_RETURN(ExecCredential credential, Ask(deadline));
    if (!credential.certificate.empty()) {
      context_.certificate = {.content = std::move(credential.certificate)};
      context_.key = {.content = std::move(credential.key)};
    }
  }
  if (!context_.proxy.empty()) http_.http_proxy = http_.https_proxy = context_.proxy;
  http_.ca_file = PathOf(context_.authority);
  http_.client_certificate_file = PathOf(context_.certificate);
  http_.client_key_file = PathOf(context_.key);
  return absl::OkStatus();
}

absl::StatusOr<SecretBuffer> FoundAccess::Authorization(bool refused, absl::Time deadline) {
  const bool by_program = !context_.program.words.empty() && !context_.token.empty();
  if (by_program && (refused || absl::Now() + kTooShort > expires_)) {
    DEPS_RETURN_IF_ERROR(Ask(deadline).status());
  }
  SecretBuffer token = context_.token.Copy();
  if (token.empty() && !context_.token_file.empty()) {
    DEPS_ASSIGN_OR_RETURN(token, FileContent(context_.token_file));
  }
  SecretBuffer header;
  if (token.empty()) return header;
  header.Append("Bearer ");
  header.Append(token.view());
  return header;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KubeAccess>> KubeAccess::Find(const KubeOptions& options,
                                                             const http::GetEnv& getenv,
                                                             absl::Time deadline) {
  auto access = std::make_unique<FoundAccess>(getenv);
  std::string files = options.kubeconfig;
  if (files.empty()) files = getenv("KUBECONFIG").value_or("");
  const std::string host = getenv("KUBERNETES_SERVICE_HOST").value_or("");
  if (files.empty() && options.context.empty() && !host.empty()) {
    DEPS_RETURN_IF_ERROR(access->OpenInPod(host, getenv));
    return std::unique_ptr<KubeAccess>(std::move(access));
  }
  if (files.empty()) files = absl::StrCat(getenv("HOME").value_or(""), "/.kube/config");
  DEPS_RETURN_IF_ERROR(access->OpenConfig(files, options.context, deadline));
  return std::unique_ptr<KubeAccess>(std::move(access));
}

}  // namespace deps

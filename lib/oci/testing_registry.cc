#include "lib/oci/testing_registry.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace deps {
namespace {

// Of the password "secret", by bcrypt.
constexpr char kHtpasswd[] = "ada:$2y$04$xTvjmv1CNWovJSY1WgACsemTLrxcW2TO8R7PII2EA1nJkDRRoRnji\n";

[[noreturn]] void Abort(std::string_view what) {
  std::fprintf(stderr, "testing registry: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Abort("no free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

bool Listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

void Write(const std::string& path, std::string_view text) {
  if (!WriteFile(path, text).ok()) Abort(absl::StrCat("cannot write ", path));
}

using Auth = TestingRegistry::Auth;

// NAME.pem and NAME-key.pem, signed by ca.pem.
std::string SignedCommand(std::string_view name, std::string_view alternative, int days) {
  return absl::StrCat(
      " && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
      "-subj /CN=",
      name, " -addext subjectAltName=", alternative, " -keyout ", name, "-key.pem -out ", name,
      ".csr && openssl x509 -req -in ", name,
      ".csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -copy_extensions copy "
      "-days ",
      days, " -out ", name, ".pem");
}

void MakeCertificates(const std::string& folder, Auth auth) {
  const std::string alternative =
      auth == Auth::kOtherHost ? "DNS:registry.test" : "IP:127.0.0.1,DNS:localhost";
  const std::string command = absl::StrCat(
      "cd ", folder,
      " && (openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=tests -keyout ca-key.pem -out ca.pem",
      SignedCommand("cert", alternative, auth == Auth::kExpired ? -1 : 2),
      SignedCommand("client", "DNS:client", 2), ") >openssl.log 2>&1");
  if (std::system(command.c_str()) != 0) Abort("openssl makes no certificates");
}

bool HasTls(Auth auth) {
  return auth == Auth::kTls || auth == Auth::kExpired || auth == Auth::kOtherHost ||
         auth == Auth::kClientCertificate || auth == Auth::kTokenOverTls ||
         auth == Auth::kUploadsWithoutTls || auth == Auth::kBlobsWithoutTls;
}

std::string Config(const std::string& folder, const std::string& host, Auth auth,
                   const std::string& realm, const std::string& signer) {
  std::string config = absl::StrCat(
      "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ", folder,
      "/storage\n  delete:\n    enabled: true\nvalidation:\n  manifests:\n    urls:\n      "
      "allow:\n        - ^https://\nhttp:\n  addr: ",
      host, "\n");
  if (auth == Auth::kPassword) {
    Write(absl::StrCat(folder, "/htpasswd"), kHtpasswd);
    absl::StrAppend(&config, "auth:\n  htpasswd:\n    realm: tests\n    path: ", folder,
                    "/htpasswd\n");
  }
  if (auth == Auth::kUploadsWithoutTls) absl::StrAppend(&config, "  host: http://", host, "\n");
  if (HasTls(auth)) {
    absl::StrAppend(&config, "  tls:\n    certificate: ", folder, "/cert.pem\n    key: ", folder,
                    "/cert-key.pem\n");
  }
  if (auth == Auth::kClientCertificate) {
    absl::StrAppend(&config, "    clientcas:\n      - ", folder, "/ca.pem\n");
  }
  if (auth == Auth::kToken || auth == Auth::kTokenOverTls) {
    absl::StrAppend(&config, "auth:\n  token:\n    realm: ", realm,
                    "\n    service: tests\n    issuer: tests\n    rootcertbundle: ", signer, "\n");
  }
  if (auth == Auth::kBlobsWithoutTls) {
    absl::StrAppend(&config,
                    "middleware:\n  storage:\n    - name: redirect\n      options:\n        "
                    "baseurl: http://",
                    host, "/\n");
  }
  return config;
}

TemporaryFolder NewFolder() {
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("registry");
  if (!folder.ok()) Abort("no temporary folder");
  return *std::move(folder);
}

// Ends with this process, whatever becomes of it.
pid_t Start(const std::string& config, const std::string& log) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  dup2(out, 1);
  dup2(out, 2);
  execlp("docker-registry", "docker-registry", "serve", config.c_str(), nullptr);
  _exit(127);
}

}  // namespace

TestingRegistry::TestingRegistry(Auth auth, const std::string& realm, const std::string& signer)
    : folder_(NewFolder()) {
  if (HasTls(auth)) MakeCertificates(folder_.path(), auth);
  const std::string config = absl::StrCat(folder_.path(), "/config.yml");
  // Another process may take the port between finding it and using it.
  for (int attempt = 0; attempt < 5; ++attempt) {
    const int port = FreePort();
    host_ = absl::StrCat("127.0.0.1:", port);
    Write(config, Config(folder_.path(), host_, auth, realm, signer));
    pid_ = Start(config, absl::StrCat(folder_.path(), "/log"));
    for (int wait = 0; wait < 1000; ++wait) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      if (Listens(port)) return;
      absl::SleepFor(absl::Milliseconds(10));
    }
  }
  Abort("docker-registry does not start");
}

TestingRegistry::~TestingRegistry() { Stop(); }

void TestingRegistry::Stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::vector<std::string> TestingRegistry::Requests() const {
  const absl::StatusOr<Source> log = ReadFile(absl::StrCat(folder_.path(), "/log"));
  if (!log.ok()) Abort("no log");
  std::vector<std::string> requests;
  for (const std::string_view line : absl::StrSplit(log->text, '\n')) {
    const size_t end = line.find(" HTTP/1.1\"");
    if (end == std::string_view::npos) continue;
    const size_t begin = line.rfind('"', end);
    requests.emplace_back(line.substr(begin + 1, end - begin - 1));
  }
  return requests;
}

int TestingRegistry::Writes() const {
  int writes = 0;
  for (const std::string& request : Requests()) {
    if (!absl::StartsWith(request, "GET ") && !absl::StartsWith(request, "HEAD ")) ++writes;
  }
  return writes;
}

namespace {

std::string DataOf(const std::string& folder, std::string_view digest) {
  const std::string_view hex = digest.substr(digest.find(':') + 1);
  return absl::StrCat(folder, "/storage/docker/registry/v2/blobs/sha256/", hex.substr(0, 2), "/",
                      hex, "/data");
}

}  // namespace

void TestingRegistry::Remove(std::string_view digest) const {
  if (unlink(DataOf(folder_.path(), digest).c_str()) != 0) Abort("no such blob");
}

void TestingRegistry::Damage(std::string_view digest) const {
  const std::string path = DataOf(folder_.path(), digest);
  absl::StatusOr<Source> source = ReadFile(path);
  if (!source.ok() || source->text.empty()) Abort("no such blob");
  source->text.back() ^= 1;
  Write(path, source->text);
}

Reference TestingRegistry::Ref(std::string_view rest) const {
  const absl::StatusOr<Reference> reference = Reference::Parse(absl::StrCat(host_, "/", rest));
  if (!reference.ok()) Abort(reference.status().message());
  return *reference;
}

std::unique_ptr<Registry> TestingRegistry::Client(std::string_view config_json) const {
  AccessOptions options;
  if (!config_json.empty()) {
    options.registry_config = absl::StrCat(folder_.path(), "/config.json");
    Write(options.registry_config, config_json);
  }
  absl::StatusOr<std::unique_ptr<Registry>> registry =
      Registry::Create(options, EmptyEnvironment, {.first_wait = absl::Milliseconds(1)});
  if (!registry.ok()) Abort(registry.status().message());
  return *std::move(registry);
}

std::optional<std::string> EmptyEnvironment(std::string_view name) {
  if (name != "PATH") return std::nullopt;
  const char* path = std::getenv("PATH");
  return path == nullptr ? "/usr/bin:/bin" : path;
}

}  // namespace deps

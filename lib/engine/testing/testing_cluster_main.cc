// A TestingCluster for tests in shell:
//
//   testing_cluster FOLDER [--image REF=DIR]… [--share DIR]… [--ports K,A]
//
// Prints a line "KUBERNETES_URL ARGO_URL" when it answers, and leaves kubeconfigs
// of the two tokens in FOLDER. Then it takes commands from standard input, a line
// each, answers each with a line, and ends with its input or a signal:
//
//   fault SERVER KIND TIMES PATH [METHOD [STATUS [RETRY_AFTER [SKIP]]]]
//       SERVER: kubernetes, argo; KIND: status, drop, lose-answer, half, hang
//   drop-streams     all watches and logs break off
//   compact          older versions are gone: 410
//   evict POD        the node runs out of memory
//   vanish POD       it is gone, as with its node
//   again POD        it is started a second time, as by a stale cache
//   secret NAME KEY FILE
//   apply FILE       accounts and Secrets of a file of manifests are there
//   requests SERVER  a line with the number, then that many
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/engine/testing/testing_cluster.h"
#include "lib/io/file.h"
#include "lib/yaml/yaml.h"

namespace deps {
namespace {

using json::Value;
using Words = std::vector<std::string>;

int NumberAt(const Words& words, size_t at, int otherwise) {
  int number = 0;
  return at < words.size() && absl::SimpleAtoi(words[at], &number) ? number : otherwise;
}

std::string Inject(TestingCluster& cluster, const Words& words) {
  static const auto* const kinds =
      new std::map<std::string, Fault::Kind>{{"status", Fault::Kind::kStatus},
                                             {"drop", Fault::Kind::kDrop},
                                             {"lose-answer", Fault::Kind::kLoseAnswer},
                                             {"half", Fault::Kind::kHalf},
                                             {"hang", Fault::Kind::kHang}};
  if (words.size() < 5 || !kinds->contains(words[2])) return "no such fault";
  HttpServer& server = words[1] == "argo" ? cluster.argo() : cluster.kubernetes();
  server.Inject({.kind = kinds->at(words[2]),
                 .method = words.size() > 5 ? words[5] : "",
                 .path = words[4],
                 .status = NumberAt(words, 6, 500),
                 .retry_after = NumberAt(words, 7, 0),
                 .skip = NumberAt(words, 8, 0),
                 .times = NumberAt(words, 3, 1)});
  return "ok";
}

// The pod of this name runs once more, whatever became of it.
std::string StartAgain(TestingCluster& cluster, const ObjectKey& key) {
  const auto pod = cluster.store().Get(key);
  if (!pod) return "no such pod";
  Value again = *pod;
  cluster.kubelet().Vanish(key);
  again.Set("status", Value::Object({{"phase", Value::String("Pending")}}));
  Value stored;
  return cluster.store().Create(key, again, &stored) == StoreResult::kDone ? "ok" : "exists";
}

std::string PutSecret(TestingCluster& cluster, const std::string& name_space, const Words& words) {
  const absl::StatusOr<Source> content = ReadFile(words[3]);
  if (!content.ok()) return "no such file";
  Value stored;
  cluster.store().Create(
      {"secrets", name_space, words[1]},
      Value::Object(
          {{"apiVersion", Value::String("v1")},
           {"kind", Value::String("Secret")},
           {"data",
            Value::Object({{words[2], Value::String(absl::Base64Escape(content->text))}})}}),
      &stored);
  return "ok";
}

// What the API server's admission and controllers look at; the rest is as good as
// applied.
std::string Apply(TestingCluster& cluster, const std::string& name_space, const Words& words) {
  const absl::StatusOr<Source> file = ReadFile(words[1]);
  if (!file.ok()) return "no such file";
  for (const std::string_view text : absl::StrSplit(file->text, "---\n")) {
    const absl::StatusOr<Value> object =
        yaml::Parse({.name = file->name, .text = std::string(text)});
    if (!object.ok()) return "not YAML";
    const std::string kind = TextAt(*object, {"kind"});
    const std::string name = TextAt(*object, {"metadata", "name"});
    Value stored;
    if (kind == "ServiceAccount") {
      cluster.store().Create({"serviceaccounts", name_space, name}, *object, &stored);
    } else if (kind == "Secret") {
      const std::string account =
          TextAt(*object, {"metadata", "annotations", "kubernetes.io/service-account.name"});
      if (TextAt(*object, {"type"}) != "kubernetes.io/service-account-token" ||
          !cluster.store().Get({"serviceaccounts", name_space, account})) {
        return "a token of no account";
      }
      Value secret = *object;
      secret.Set("data", Value::Object({{"token", Value::String(absl::Base64Escape(name))}}));
      cluster.store().Create({"secrets", name_space, name}, secret, &stored);
    }
  }
  return "ok";
}

std::string Obey(TestingCluster& cluster, const std::string& name_space, const Words& words) {
  const std::string& verb = words[0];
  if (verb == "fault") return Inject(cluster, words);
  if (verb == "drop-streams") {
    cluster.kubernetes().DropStreams();
    cluster.argo().DropStreams();
    return "ok";
  }
  if (verb == "compact") {
    cluster.store().Compact();
    return "ok";
  }
  if (verb == "requests" && words.size() == 2) {
    const auto requests = (words[1] == "argo" ? cluster.argo() : cluster.kubernetes()).requests();
    std::string answer = absl::StrCat(requests.size());
    for (const std::string& request : requests) absl::StrAppend(&answer, "\n", request);
    return answer;
  }
  if (verb == "secret" && words.size() == 4) return PutSecret(cluster, name_space, words);
  if (words.size() != 2) return "no such command";
  if (verb == "apply") return Apply(cluster, name_space, words);
  const ObjectKey key = {"pods", name_space, words[1]};
  if (verb == "evict") {
    cluster.kubelet().Evict(key, "The node was low on resource: memory.");
  } else if (verb == "vanish") {
    cluster.kubelet().Vanish(key);
  } else if (verb == "again") {
    return StartAgain(cluster, key);
  } else {
    return "no such command";
  }
  return "ok";
}

int Run(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  TestingClusterOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      options.folder = word;
    } else if (++i == argc) {
      return 2;
    } else if (word == "--image") {
      const std::pair<std::string, std::string> image =
          absl::StrSplit(argv[i], absl::MaxSplits('=', 1));
      options.images.insert(image);
    } else if (word == "--share") {
      options.shared.emplace_back(argv[i]);
    } else if (word == "--ports") {
      const Words ports = absl::StrSplit(argv[i], ',');
      options.kubernetes_port = NumberAt(ports, 0, 0);
      options.argo_port = NumberAt(ports, 1, 0);
    } else {
      return 2;
    }
  }
  if (options.folder.empty()) return 2;
  // A signal ends the input, and so everything in order.
  static int stop[2];
  if (pipe(stop) != 0) return 1;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    signal(number, [](int) {
      if (write(stop[1], "x", 1) < 0) _exit(1);
    });
  }
  TestingCluster cluster(options);
  cluster.WriteKubeconfig(TestingCluster::kAdminToken);
  cluster.WriteKubeconfig(TestingCluster::kReaderToken);
  std::cout << cluster.kubernetes_url() << " " << cluster.argo_url() << std::endl;
  std::string input;
  while (true) {
    pollfd waiting[2] = {{0, POLLIN, 0}, {stop[0], POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) continue;
    if (waiting[1].revents != 0) return 0;
    char buffer[4096];
    const ssize_t count = read(0, buffer, sizeof(buffer));
    if (count <= 0) return 0;
    input.append(buffer, static_cast<size_t>(count));
    for (size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
      const Words words = absl::StrSplit(input.substr(0, end), ' ', absl::SkipEmpty());
      input.erase(0, end + 1);
      if (!words.empty()) std::cout << Obey(cluster, options.name_space, words) << std::endl;
    }
  }
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) { return deps::Run(argc, argv); }

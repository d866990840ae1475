// A registry for tests that holds to the letter of distribution-spec 1.1, and
// misbehaves where a test says so.
#ifndef DEPS_LIB_OCI_STRICT_REGISTRY_H_
#define DEPS_LIB_OCI_STRICT_REGISTRY_H_

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http/testing_host.h"

namespace deps {

// What happens to some requests instead of a good answer.
struct Fault {
  std::string method;  // "" is any.
  std::string part;    // Of the target.
  int first = 1;       // Of the requests that match so, from 1.
  int count = 1'000'000;
  TestingReply reply;
  bool to_head = false;  // Sent before the body has come.
  // Where it is given, what was asked is done, and this makes the reply of the good one.
  std::function<TestingReply(TestingReply good)> change = {};
};

class StrictRegistry {
 public:
  struct Options {
    bool referrers = true;  // Else a request for them is answered with 404.
    int page = 1000;        // Entries on a page of tags or referrers.
    bool ipv6 = false;
    std::string password;  // With it Basic authorization is asked for, of "ada".
    // With it a Bearer token that begins so, from /token, which a Fault may give.
    std::string token;
  };

  // A manifest is taken only when all that it names is there; blobs only under
  // their digest; parts of an upload only in order. What was not promised by the
  // specification is not done.
  StrictRegistry() : StrictRegistry(Options()) {}
  explicit StrictRegistry(Options options);

  std::string host() const { return host_.host(); }
  void Misbehave(Fault fault);
  // "METHOD /PATH?QUERY", as they came.
  std::vector<std::string> requests() const;
  // The values of Authorization, each once.
  std::set<std::string> authorizations() const;
  bool HasManifest(const std::string& repository, const std::string& name) const;
  // Of uploads that were neither finished nor ended.
  size_t open_uploads() const;

 private:
  struct Repository {
    std::set<std::string> blobs;
    std::map<std::string, std::string> types;  // Digest of a manifest -> its media type.
    std::map<std::string, std::string> tags;
    std::map<std::string, std::string> subjects;  // Digest of a manifest -> that of its subject.
  };
  struct Upload {
    std::string repository;
    std::string bytes;
  };

  std::optional<TestingReply> AnswerToHead(const TestingRequest& request);
  TestingReply Answer(const TestingRequest& request);
  const Fault* FaultFor(const TestingRequest& request, bool to_head);
  TestingReply Do(const TestingRequest& request);
  TestingReply DoIn(const TestingRequest& request, const std::string& name, std::string_view what,
                    std::string_view rest);
  TestingReply Tags(const TestingRequest& request, const Repository& repository,
                    const std::string& name) const;
  TestingReply Referrers(const TestingRequest& request, const Repository& repository,
                         std::string_view digest) const;
  TestingReply GetContent(const TestingRequest& request, const std::string& digest,
                          const std::string& type) const;
  TestingReply Manifest(const TestingRequest& request, Repository& repository,
                        const std::string& name);
  TestingReply PutManifest(const TestingRequest& request, Repository& repository,
                           const std::string& name);
  TestingReply OpenUpload(const TestingRequest& request, const std::string& name);
  TestingReply GoOn(const TestingRequest& request, const std::string& id);
  TestingReply Finish(const TestingRequest& request, const std::string& id);

  const Options options_;
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::vector<int> matches_;  // How many requests each fault has seen.
  std::vector<std::string> requests_;
  std::set<std::string> authorizations_;
  std::map<std::string, std::string> content_;  // By digest.
  std::map<std::string, Repository> repositories_;
  std::map<std::string, Upload> uploads_;
  int next_upload_ = 1;
  TestingHost host_;  // The last member: it calls the others.
};

}  // namespace deps

#endif  // DEPS_LIB_OCI_STRICT_REGISTRY_H_

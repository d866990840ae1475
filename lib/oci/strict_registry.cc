#include "lib/oci/strict_registry.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "lib/digest/digest_hasher.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"
#include "lib/oci/manifest.h"

namespace deps {
namespace {

// Of "ada:secret" where the password is "secret".
std::string BasicOf(const std::string& password) {
  return password == "secret" ? "Basic YWRhOnNlY3JldA==" : "";
}

TestingReply Refuse(std::string_view status, std::string_view code, std::string_view message = "") {
  return Reply(
      status, "Content-Type: application/json\r\n",
      absl::StrCat(R"({"errors":[{"code":")", code, R"(","message":")", message, R"("}]})"));
}

std::string PathOf(const TestingRequest& request) {
  return request.target.substr(0, request.target.find('?'));
}

// The value of `name` in the query, decoded as far as digests need it.
std::string QueryOf(const TestingRequest& request, std::string_view name) {
  const size_t question = request.target.find('?');
  if (question == std::string::npos) return "";
  const std::string query = absl::StrCat("&", request.target.substr(question + 1), "&");
  const std::string key = absl::StrCat("&", name, "=");
  const size_t at = query.find(key);
  if (at == std::string::npos) return "";
  const size_t begin = at + key.size();
  return absl::StrReplaceAll(query.substr(begin, query.find('&', begin) - begin),
                             {{"%3A", ":"}, {"%2F", "/"}});
}

std::string Digest(const std::string& digest) {
  return absl::StrCat("Docker-Content-Digest: ", digest, "\r\n");
}

}  // namespace

StrictRegistry::StrictRegistry(Options options)
    : options_(std::move(options)),
      host_([this](const TestingRequest& request) { return Answer(request); },
            [this](const TestingRequest& request) { return AnswerToHead(request); },
            options_.ipv6) {}

void StrictRegistry::Misbehave(Fault fault) {
  const std::lock_guard<std::mutex> lock(mutex_);
  faults_.push_back(std::move(fault));
  matches_.push_back(0);
}

std::vector<std::string> StrictRegistry::requests() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

std::set<std::string> StrictRegistry::authorizations() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return authorizations_;
}

bool StrictRegistry::HasManifest(const std::string& repository, const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = repositories_.find(repository);
  return found != repositories_.end() &&
         (found->second.tags.count(name) > 0 || found->second.types.count(name) > 0);
}

size_t StrictRegistry::open_uploads() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return uploads_.size();
}

const Fault* StrictRegistry::FaultFor(const TestingRequest& request, bool to_head) {
  for (size_t i = 0; i < faults_.size(); ++i) {
    const Fault& fault = faults_[i];
    const bool matches = fault.to_head == to_head &&
                         (fault.method.empty() || fault.method == request.method) &&
                         absl::StrContains(request.target, fault.part);
    if (!matches) continue;
    const int n = ++matches_[i];
    if (n >= fault.first && n - fault.first < fault.count) return &fault;
  }
  return nullptr;
}

std::optional<TestingReply> StrictRegistry::AnswerToHead(const TestingRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  requests_.push_back(absl::StrCat(request.method, " ", request.target));
  authorizations_.insert(request.Header("authorization"));
  const Fault* const fault = FaultFor(request, /*to_head=*/true);
  if (fault == nullptr) return std::nullopt;
  return fault->reply;
}

TestingReply StrictRegistry::Answer(const TestingRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Fault* const fault = FaultFor(request, /*to_head=*/false);
  if (fault != nullptr && !fault->change) return fault->reply;
  TestingReply reply = Do(request);
  if (request.method == "HEAD") reply.bytes.resize(reply.bytes.find("\r\n\r\n") + 4);
  return fault != nullptr ? fault->change(std::move(reply)) : reply;
}

TestingReply StrictRegistry::Do(const TestingRequest& request) {
  const std::string authorization = request.Header("authorization");
  if (!options_.token.empty() &&
      !absl::StartsWith(authorization, absl::StrCat("Bearer ", options_.token))) {
    return Reply("401 Unauthorized", absl::StrCat("WWW-Authenticate: Bearer realm=\"http://",
                                                  host(), "/token\",service=\"strict\"\r\n"));
  }
  if (!options_.password.empty() && authorization != BasicOf(options_.password)) {
    return Reply("401 Unauthorized", "WWW-Authenticate: Basic realm=\"strict\"\r\n");
  }
  const std::string path = PathOf(request);
  std::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, "/v2/")) return Reply("404 Not Found");
  if (rest.empty()) return Reply("200 OK");
  for (const std::string_view what : {"blobs/uploads", "blobs", "manifests", "tags", "referrers"}) {
    const std::string middle = absl::StrCat("/", what, "/");
    const size_t at = rest.rfind(middle);
    if (at == std::string_view::npos) continue;
    return DoIn(request, std::string(rest.substr(0, at)), what, rest.substr(at + middle.size()));
  }
  return Refuse("404 Not Found", "NAME_UNKNOWN");
}

TestingReply StrictRegistry::DoIn(const TestingRequest& request, const std::string& name,
                                  std::string_view what, std::string_view rest) {
  if (what == "blobs/uploads") {
    if (rest.empty()) return OpenUpload(request, name);
    return GoOn(request, std::string(rest));
  }
  const auto found = repositories_.find(name);
  if (what == "manifests" && request.method == "PUT") {
    return PutManifest(request, repositories_[name], std::string(rest));
  }
  if (found == repositories_.end()) return Refuse("404 Not Found", "NAME_UNKNOWN");
  if (what == "tags") return Tags(request, found->second, name);
  if (what == "referrers") return Referrers(request, found->second, rest);
  if (what == "manifests") return Manifest(request, found->second, std::string(rest));
  const std::string digest(rest);
  if (found->second.blobs.count(digest) == 0) return Refuse("404 Not Found", "BLOB_UNKNOWN");
  return GetContent(request, digest, "application/octet-stream");
}

TestingReply StrictRegistry::GetContent(const TestingRequest& request, const std::string& digest,
                                        const std::string& type) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return Refuse("405 Method Not Allowed", "UNSUPPORTED");
  }
  return Reply("200 OK", absl::StrCat("Content-Type: ", type, "\r\n", Digest(digest)),
               content_.at(digest));
}

TestingReply StrictRegistry::Tags(const TestingRequest& request, const Repository& repository,
                                  const std::string& name) const {
  const std::string last = QueryOf(request, "last");
  std::vector<std::string> tags;
  for (const auto& [tag, digest] : repository.tags) {
    if (tag > last) tags.push_back(absl::StrCat("\"", tag, "\""));
  }
  std::string headers;
  if (tags.size() > static_cast<size_t>(options_.page)) {
    tags.resize(static_cast<size_t>(options_.page));
    const std::string& end = tags.back();
    headers = absl::StrCat("Link: </v2/", name, "/tags/list?last=", end.substr(1, end.size() - 2),
                           ">; rel=\"next\"\r\n");
  }
  return Reply("200 OK", headers,
               absl::StrCat(R"({"name":")", name, R"(","tags":[)", absl::StrJoin(tags, ","), "]}"));
}

TestingReply StrictRegistry::Referrers(const TestingRequest& request, const Repository& repository,
                                       std::string_view digest) const {
  if (!options_.referrers) return Reply("404 Not Found");
  const std::string last = QueryOf(request, "last");
  std::vector<std::string> entries;
  std::string headers = absl::StrCat("Content-Type: ", kOciIndex, "\r\n");
  for (const auto& [referrer, subject] : repository.subjects) {
    if (subject != digest || referrer <= last) continue;
    if (entries.size() == static_cast<size_t>(options_.page)) {
      absl::StrAppend(&headers, "Link: <?last=", entries.back().substr(11, 71),
                      ">; rel=\"next\"\r\n");
      break;
    }
    const json::Value manifest = *json::Parse({.text = content_.at(referrer)});
    json::Value entry = json::Value::Object();
    entry.Set("digest", json::Value::String(referrer));
    entry.Set("mediaType", json::Value::String(repository.types.at(referrer)));
    entry.Set("size", json::Value::Integer(static_cast<int64_t>(content_.at(referrer).size())));
    for (const char* const member : {"artifactType", "annotations"}) {
      if (const json::Value* const value = manifest.Find(member)) entry.Set(member, *value);
    }
    entries.push_back(json::FormatLikeGo(entry));
  }
  return Reply("200 OK", headers,
               absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciIndex, R"(","manifests":[)",
                            absl::StrJoin(entries, ","), "]}"));
}

TestingReply StrictRegistry::Manifest(const TestingRequest& request, Repository& repository,
                                      const std::string& name) {
  const auto tag = repository.tags.find(name);
  const std::string digest = tag == repository.tags.end() ? name : tag->second;
  const auto type = repository.types.find(digest);
  if (type == repository.types.end()) return Refuse("404 Not Found", "MANIFEST_UNKNOWN");
  return GetContent(request, digest, type->second);
}

TestingReply StrictRegistry::PutManifest(const TestingRequest& request, Repository& repository,
                                         const std::string& name) {
  const std::string type = request.Header("content-type");
  const bool by_digest = absl::StrContains(name, ":");
  const std::string digest =
      by_digest ? DigestLike(name, request.body) : Sha256Digest(request.body);
  if (by_digest && name != digest) return Refuse("400 Bad Request", "DIGEST_INVALID");
  const absl::StatusOr<ManifestContent> content =
      ParseManifest({.name = name, .text = request.body}, type);
  if (!content.ok()) return Refuse("400 Bad Request", "MANIFEST_INVALID");
  for (const Descriptor& child : content->manifests) {
    if (repository.types.count(child.digest) > 0) continue;
    return Refuse("400 Bad Request", "MANIFEST_BLOB_UNKNOWN", child.digest);
  }
  for (const Descriptor& blob : content->blobs) {
    if (blob.foreign || repository.blobs.count(blob.digest) > 0) continue;
    return Refuse("400 Bad Request", "MANIFEST_BLOB_UNKNOWN", blob.digest);
  }
  content_[digest] = request.body;
  repository.types[digest] = type;
  if (!by_digest) repository.tags[name] = digest;
  std::string headers = absl::StrCat("Location: /v2/", digest, "\r\n", Digest(digest));
  if (!content->subject.empty()) {
    repository.subjects[digest] = content->subject;
    if (options_.referrers) absl::StrAppend(&headers, "OCI-Subject: ", content->subject, "\r\n");
  }
  return Reply("201 Created", headers);
}

TestingReply StrictRegistry::OpenUpload(const TestingRequest& request, const std::string& name) {
  if (request.method != "POST") return Refuse("405 Method Not Allowed", "UNSUPPORTED");
  const std::string digest = QueryOf(request, "mount");
  const auto from = repositories_.find(QueryOf(request, "from"));
  if (!digest.empty() && from != repositories_.end() && from->second.blobs.count(digest) > 0) {
    repositories_[name].blobs.insert(digest);
    return Reply("201 Created",
                 absl::StrCat("Location: /v2/", name, "/blobs/", digest, "\r\n", Digest(digest)));
  }
  const std::string id = absl::StrCat("upload-", next_upload_++);
  uploads_[id] = {.repository = name};
  return Reply("202 Accepted",
               absl::StrCat("Location: /v2/", name, "/blobs/uploads/", id, "\r\nRange: 0-0\r\n"));
}

TestingReply StrictRegistry::GoOn(const TestingRequest& request, const std::string& id) {
  const auto found = uploads_.find(id);
  if (found == uploads_.end()) return Refuse("404 Not Found", "BLOB_UPLOAD_UNKNOWN");
  Upload& upload = found->second;
  if (request.method == "PUT") return Finish(request, id);
  if (request.method == "DELETE") {
    uploads_.erase(found);
    return Reply("204 No Content");
  }
  const std::string location =
      absl::StrCat("Location: /v2/", upload.repository, "/blobs/uploads/", id, "\r\n");
  const auto range = [&] {
    return absl::StrCat("Range: 0-", upload.bytes.empty() ? 0 : upload.bytes.size() - 1, "\r\n");
  };
  if (request.method == "GET") return Reply("204 No Content", location + range());
  if (request.method != "PATCH") return Refuse("405 Method Not Allowed", "UNSUPPORTED");
  const std::string expected =
      absl::StrCat(upload.bytes.size(), "-", upload.bytes.size() + request.body.size() - 1);
  if (const std::string told = request.Header("content-range"); !told.empty() && told != expected) {
    return Reply("416 Range Not Satisfiable", location + range());
  }
  upload.bytes += request.body;
  return Reply("202 Accepted", location + range());
}

TestingReply StrictRegistry::Finish(const TestingRequest& request, const std::string& id) {
  const Upload upload = uploads_.at(id);
  uploads_.erase(id);
  const std::string digest = QueryOf(request, "digest");
  const std::string bytes = upload.bytes + request.body;
  if (!IsValidDigest(digest) || DigestLike(digest, bytes) != digest) {
    return Refuse("400 Bad Request", "DIGEST_INVALID");
  }
  content_[digest] = bytes;
  repositories_[upload.repository].blobs.insert(digest);
  return Reply("201 Created", absl::StrCat("Location: /v2/", upload.repository, "/blobs/", digest,
                                           "\r\n", Digest(digest)));
}

}  // namespace deps

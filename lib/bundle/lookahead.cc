#include "lib/bundle/lookahead.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/oci/reference.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

// Errors are met again by whoever needs the answer.
void FetchHighest(Catalog& catalog, const std::string& repository, const Range& range,
                  bool prereleases) {
  const absl::StatusOr<std::vector<std::string>> tags = catalog.Tags(repository);
  if (!tags.ok()) return;
  std::optional<VersionTag> best;
  for (const std::string& text : *tags) {
    std::optional<VersionTag> tag = ParseVersionTag(text);
    if (!tag || !range.Contains(tag->version, prereleases)) continue;
    if (!best || BetterTag(*tag, *best)) best = std::move(tag);
  }
  if (best) catalog.Get(absl::StrCat(repository, ":", best->tag)).IgnoreError();
}

}  // namespace

void Lookahead::Expect(const Dependency& dependency) {
  if (!catalog_.IsRemote(dependency.reference)) return;
  const std::string what = absl::StrCat(dependency.reference, "\n", dependency.version, "\n",
                                        dependency.prereleases ? "pre" : "");
  if (!expected_.insert(what).second) return;
  const absl::StatusOr<Reference> reference = Reference::Parse(dependency.reference);
  absl::StatusOr<Range> range = Range::Parse(dependency.version);
  if (!reference.ok() || !range.ok()) return;
  const bool is_pinned = !reference->tag().empty() || !reference->digest().empty();
  if (is_pinned && (guess_ == Guess::kReference || dependency.version.empty())) {
    return ExpectBundle(dependency.reference);
  }
  prefetch_.Add([&catalog = catalog_, repository = reference->FamiliarRepository(),
                 range = *std::move(range), prereleases = dependency.prereleases] {
    FetchHighest(catalog, repository, range, prereleases);
  });
}

void Lookahead::ExpectBundle(const std::string& reference) {
  if (!catalog_.IsRemote(reference)) return;
  prefetch_.Add([&catalog = catalog_, reference] { catalog.Get(reference).IgnoreError(); });
}

void Lookahead::ExpectDigest(const std::string& reference) {
  if (!catalog_.IsRemote(reference)) return;
  prefetch_.Add([&catalog = catalog_, reference] { catalog.Digest(reference).IgnoreError(); });
}

}  // namespace deps

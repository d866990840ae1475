#include "lib/solve/candidate_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace deps {

void CandidateList::Add(Contender candidate) {
  if (parts_.empty() || parts_.back().tags != nullptr) parts_.push_back({.begin = size_});
  parts_.back().listed.push_back(std::move(candidate));
  ++size_;
}

void CandidateList::AddTags(const std::string& repository, VersionTags tags,
                            const std::string& by) {
  if (tags->empty()) return;
  const size_t count = tags->size();
  parts_.push_back({.begin = size_, .tags = std::move(tags), .repository = repository, .by = by});
  size_ += count;
}

void CandidateList::Append(const CandidateList& other) {
  for (const Part& part : other.parts_) {
    parts_.push_back(part);
    parts_.back().begin += size_;
  }
  size_ += other.size_;
}

std::vector<std::string> CandidateList::Repositories() const {
  std::vector<std::string> repositories;
  const auto add = [&](const std::string& repository) {
    if (std::find(repositories.begin(), repositories.end(), repository) == repositories.end()) {
      repositories.push_back(repository);
    }
  };
  for (const Part& part : parts_) {
    if (part.tags != nullptr) add(part.repository);
    for (const Contender& candidate : part.listed) add(candidate.repository);
  }
  return repositories;
}

Contender CandidateList::At(size_t number) const {
  const auto after =
      std::upper_bound(parts_.begin(), parts_.end(), number,
                       [](size_t wanted, const Part& part) { return wanted < part.begin; });
  const Part& part = *(after - 1);
  if (part.tags == nullptr) return part.listed[number - part.begin];
  const VersionTag& tag = (*part.tags)[number - part.begin];
  return {.by = part.by,
          .repository = part.repository,
          .reference = absl::StrCat(part.repository, ":", tag.tag),
          .tag = tag.tag,
          .version = tag.version};
}

}  // namespace deps

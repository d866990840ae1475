#include "lib/solve/wording.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

constexpr size_t kLongRun = 8;     // From here on only its ends are told.
constexpr size_t kMaxListed = 12;  // More words than that nobody reads.
constexpr size_t kShortDigest = 15;

std::string RepositoryOf(const PackageSpace& space, PackageId package) {
  const std::vector<int>& asked = space.package(package).asked;
  return asked.empty() ? "" : space.asked(asked.front()).repository;
}

std::string Familiar(const std::string& repository) {
  const absl::StatusOr<Reference> reference = Reference::Parse(repository);
  return reference.ok() ? reference->FamiliarRepository() : repository;
}

std::string Quoted(const std::string& range) {
  const bool simple = range.find_first_of(" ,|") == std::string::npos;
  return simple ? range : absl::StrCat("\"", range, "\"");
}

// Who needs to know all of more than these asks for a picture.
constexpr size_t kMostWords = 24;
constexpr size_t kFirstWords = 16;

std::string ShortDigest(const std::string& digest) {
  return absl::StrCat(digest.substr(0, kShortDigest), "…");
}

}  // namespace

std::string JoinWords(const std::vector<std::string>& words, const std::string& last) {
  if (words.empty()) return "";
  if (words.size() == 1) return words.front();
  if (words.size() > kMostWords) {
    return absl::StrCat(absl::StrJoin(words.begin(), words.begin() + kFirstWords, ", "), " ", last,
                        " ", words.size() - kFirstWords, " more");
  }
  return absl::StrCat(absl::StrJoin(words.begin(), words.end() - 1, ", "), " ", last, " ",
                      words.back());
}

Wording::Wording(const PackageSpace& space, const std::set<PackageId>& packages) : space_(space) {
  std::map<std::string, std::vector<PackageId>> by_name;
  for (const PackageId package : packages) by_name[ShortName(package)].push_back(package);
  for (const auto& [name, same] : by_name) {
    std::set<std::string> repositories;
    for (const PackageId package : same) repositories.insert(RepositoryOf(space, package));
    for (const PackageId package : same) {
      std::string& text = names_[package];
      const std::string repository = RepositoryOf(space, package);
      text = repositories.size() > 1 && !repository.empty() ? Familiar(repository) : name;
      const bool again = std::count_if(same.begin(), same.end(), [&](PackageId other) {
                           return RepositoryOf(space_, other) == repository;
                         }) > 1;
      if (again) absl::StrAppend(&text, " (", space.package(package).path, ")");
    }
  }
}

std::string Wording::ShortName(PackageId package) const {
  if (package == PackageSpace::kRoot) return space_.root().bundle.name;
  const std::string repository = RepositoryOf(space_, package);
  const std::string& path = repository.empty() ? space_.package(package).path : repository;
  return path.substr(path.rfind('/') + 1);
}

std::string Wording::Label(PackageId package, size_t number) const {
  if (package == PackageSpace::kRoot) return space_.root().bundle.version;
  const Contender candidate = space_.package(package).candidates.At(number);
  std::string version = candidate.version ? candidate.version->ToString() : candidate.tag;
  if (candidate.installation != nullptr) {
    if (!version.empty()) version = absl::StrCat(" (", version, ")");
    return absl::StrCat("the installation ", candidate.installation->DisplayName(), version);
  }
  if (version.empty()) version = ShortDigest(candidate.digest);
  if (candidate.repository == RepositoryOf(space_, package)) return version;
  return absl::StrCat(Familiar(candidate.repository), " ", version);
}

std::vector<std::string> Wording::Labels(PackageId package, const CandidateSet& candidates) const {
  std::vector<std::string> labels;
  // A run: candidates one after the other, of which the first and last are told.
  std::vector<std::string> run;
  const auto end_run = [&] {
    if (run.size() >= kLongRun) {
      labels.push_back(
          absl::StrCat(run.back(), " to ", run.front(), " (", run.size(), " versions)"));
    } else {
      labels.insert(labels.end(), run.begin(), run.end());
    }
    run.clear();
  };
  size_t last = CandidateSet::kNone;
  for (size_t at = candidates.First(); at != CandidateSet::kNone; at = candidates.First(at + 1)) {
    if (last != CandidateSet::kNone && at != last + 1) end_run();
    last = at;
    std::string label = Label(package, at);
    // What is locked may be there a second time, as a tag.
    const bool told = std::find(run.begin(), run.end(), label) != run.end() ||
                      std::find(labels.begin(), labels.end(), label) != labels.end();
    if (!told) run.push_back(std::move(label));
  }
  end_run();
  return labels;
}

std::string Wording::List(PackageId package, const CandidateSet& candidates,
                          const std::string& last) const {
  std::vector<std::string> labels = Labels(package, candidates);
  if (labels.size() > kMaxListed) {
    const size_t more = labels.size() - kMaxListed + 1;
    labels.resize(kMaxListed - 1);
    labels.push_back(absl::StrCat(more, " more"));
  }
  return JoinWords(labels, last);
}

bool Wording::IsOne(PackageId package, const CandidateSet& candidates) const {
  return Labels(package, candidates).size() <= 1;
}

std::string Wording::Some(PackageId package, const CandidateSet& candidates,
                          const std::string& last) const {
  const size_t first = candidates.First();
  if (first == CandidateSet::kNone) return absl::StrCat("no version of ", Name(package));
  const size_t count = candidates.Count();
  const CandidateList& all = space_.package(package).candidates;
  if (count == all.size() && count > 2) return absl::StrCat("every version of ", Name(package));
  // These say what they are themselves.
  const bool named =
      package != PackageSpace::kRoot && (all.At(first).installation != nullptr ||
                                         all.At(first).repository != RepositoryOf(space_, package));
  const std::string list = List(package, candidates, last);
  return named ? list : absl::StrCat(Name(package), " ", list);
}

std::string Wording::Demand(int requirement) const {
  const Asked& asked = space_.asked(requirement);
  const Dependency& dependency = asked.requirement.dependency;
  const std::string& name = Name(asked.package);
  if (asked.repository.empty()) {
    if (!asked.wants.interface_id.empty()) {
      return absl::StrCat("a \"", dependency.alias, "\" with the interface ",
                          asked.wants.interface_id);
    }
    std::vector<std::string> outputs;
    for (const auto& [output, item] : asked.wants.outputs) {
      outputs.push_back(absl::StrCat("\"", output, "\""));
    }
    if (outputs.empty()) return absl::StrCat("a \"", dependency.alias, "\", whatever it is");
    return absl::StrCat("a \"", dependency.alias, "\" that has the output",
                        outputs.size() == 1 ? " " : "s ", JoinWords(outputs));
  }
  if (!asked.only_reference) {
    if (!dependency.version.empty()) return absl::StrCat(name, " ", Quoted(dependency.version));
    return absl::StrCat("a release of ", name);
  }
  return asked.digest.empty() ? absl::StrCat(name, " ", asked.tag)
                              : absl::StrCat(name, "@", ShortDigest(asked.digest));
}

std::string Wording::Stock(PackageId package) const {
  const Package& known = space_.package(package);
  if (known.use != nullptr && known.use->installation && known.candidates.size() == 0) {
    const InstallationName wanted = *known.use->installation;
    const std::string name = absl::StrCat(wanted.name_space, "/", wanted.name);
    for (const Installation& installation : space_.options().installations) {
      if (installation.name == wanted) {
        return absl::StrCat("--use names the installation ", name, ", which is not installed");
      }
    }
    return absl::StrCat("--use names the installation ", name, ", which does not exist");
  }
  const std::string repository = RepositoryOf(space_, package);
  const size_t count = known.candidates.size();
  if (count == 0 && repository.empty()) return "nothing is known that has it";
  if (count == 0) {
    return absl::StrCat(Familiar(repository), " has no tag that is a version");
  }
  return absl::StrCat(Name(package), " has ", List(package, CandidateSet::Range(count, 0, count)));
}

}  // namespace deps

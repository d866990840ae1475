#include "lib/expand/identity.h"

#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/digest/sha256.h"
#include "lib/template/template.h"

namespace deps {
namespace {

using Kind = TemplatePart::Kind;

std::string BundleFact(const Bundle& bundle, std::string_view name) {
  if (name == "name") return bundle.name;
  if (name == "version") return bundle.version;
  if (name == "reference") return bundle.reference;
  return bundle.digest;
}

// The installation of another node than root is named when it is planned; until
// then the node's key stands for it.
std::string InstallationFact(std::string_view name, const std::string& parent,
                             const InstallationName& root) {
  std::string own = root.name;
  if (!absl::ConsumePrefix(&name, "root.") && parent != kRootKey) {
    own = absl::StrCat(root.name, "/", parent);
  }
  if (name == "namespace") return root.name_space;
  if (name == "name") return own;
  return absl::StrCat(root.name_space, "/", own);
}

// Lengths in front, so that no text can look like two.
void Append(std::string* identity, char kind, std::string_view text) {
  absl::StrAppend(identity, std::string_view(&kind, 1), text.size(), ":", text);
}

class KeyMaker {
 public:
  KeyMaker(const std::string& parent, const Bundle& bundle,
           const std::vector<Candidate>& candidates)
      : parent_(parent), bundle_(bundle), candidates_(candidates), keys_(candidates.size()) {
    for (size_t i = 0; i < candidates.size(); ++i) {
      by_alias_.emplace(candidates[i].dependency.alias, i);
    }
  }

  std::vector<std::string> Make() {
    OrderByReads();
    for (const size_t i : order_) keys_[i] = KeyOf(candidates_[i]);
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i].empty()) keys_[i] = Unshared(candidates_[i]);
    }
    return std::move(keys_);
  }

 private:
  // What a key depends on: promotions are the parent's business.
  template <typename Use>
  void EachRead(const Candidate& candidate, Use use) {
    for (const Wire& wire : candidate.wires) {
      if (wire.field == "outputs") continue;
      for (const TemplatePart& part : wire.parts) {
        if (part.kind != Kind::kDependencyOutput) continue;
        const auto sibling = by_alias_.find(part.alias);
        if (sibling != by_alias_.end()) use(sibling->second);
      }
    }
  }

  // Siblings whose outputs are read come first; those in a circle never.
  void OrderByReads() {
    std::vector<std::vector<size_t>> readers(candidates_.size());
    std::vector<size_t> open(candidates_.size(), 0);
    for (size_t i = 0; i < candidates_.size(); ++i) {
      EachRead(candidates_[i], [&](size_t read) {
        readers[read].push_back(i);
        ++open[i];
      });
    }
    for (size_t i = 0; i < open.size(); ++i) {
      if (open[i] == 0) order_.push_back(i);
    }
    for (size_t next = 0; next < order_.size(); ++next) {
      for (const size_t reader : readers[order_[next]]) {
        if (--open[reader] == 0) order_.push_back(reader);
      }
    }
  }

  std::string Unshared(const Candidate& candidate) const {
    return absl::StrCat(parent_, "/", candidate.dependency.alias);
  }

  std::string KeyOf(const Candidate& candidate) const {
    const Dependency& dependency = candidate.dependency;
    if (dependency.sharing->mode == Sharing::Mode::kNone) return Unshared(candidate);
    std::string identity;
    Append(&identity, 'g', dependency.sharing->group);
    if (!candidate.repository.empty()) {
      Append(&identity, 'r', candidate.repository);
    } else {
      Append(&identity, 'i', dependency.interface->text);
    }
    for (const Wire& wire : candidate.wires) {
      if (wire.field == "outputs") continue;
      Append(&identity, wire.field[0], wire.name);
      Append(&identity, '=', Bound(wire.parts));
    }
    return absl::StrCat("shared:", Sha256Hex(identity));
  }

  std::string Bound(const std::vector<TemplatePart>& parts) const {
    std::string bound;
    std::string text;  // Adjacent text is one part.
    const auto flush = [&] {
      if (!text.empty()) Append(&bound, 't', text);
      text.clear();
    };
    for (const TemplatePart& part : parts) {
      if (part.kind == Kind::kText) {
        text += part.text;
      } else if (part.kind == Kind::kBundle) {
        text += BundleFact(bundle_, part.name);
      } else {
        flush();
        AppendRead(&bound, part);
      }
    }
    flush();
    return bound;
  }

  void AppendRead(std::string* bound, const TemplatePart& part) const {
    if (part.kind == Kind::kDependencyOutput) {
      const auto sibling = by_alias_.find(part.alias);  // Absent: reported, and without effect.
      if (sibling != by_alias_.end()) Append(bound, 'd', keys_[sibling->second]);
      return Append(bound, 'o', part.name);
    }
    const bool same_for_all = part.kind == Kind::kInstallation &&
                              (part.name == "namespace" || absl::StartsWith(part.name, "root."));
    if (!same_for_all) Append(bound, 'n', parent_);
    Append(bound,
           part.kind == Kind::kParameter    ? 'p'
           : part.kind == Kind::kCredential ? 'c'
                                            : 'i',
           part.name);
  }

  const std::string& parent_;
  const Bundle& bundle_;
  const std::vector<Candidate>& candidates_;
  absl::flat_hash_map<std::string, size_t> by_alias_;
  std::vector<size_t> order_;
  std::vector<std::string> keys_;
};

}  // namespace

absl::StatusOr<std::string> RenderGroup(const std::string& group, const std::string& parent,
                                        const Bundle& bundle, const ExpandOptions& options) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<TemplatePart> parts, ParseTemplate(group));
  std::string rendered;
  for (const TemplatePart& part : parts) {
    if (part.kind == Kind::kText) {
      rendered += part.text;
    } else if (part.kind == Kind::kBundle) {
      rendered += BundleFact(bundle, part.name);
    } else if (part.kind == Kind::kInstallation) {
      rendered += InstallationFact(part.name, parent, options.installation);
    } else {
      return MakeError({.id = DiagnosticId::kTemplateInvalid,
                        .message = absl::StrCat("a sharing group cannot read '", part.text,
                                                "', only installation.* and bundle.*")});
    }
  }
  return rendered;
}

std::vector<std::string> KeysOf(const std::string& parent, const Bundle& bundle,
                                const std::vector<Candidate>& candidates) {
  return KeyMaker(parent, bundle, candidates).Make();
}

}  // namespace deps

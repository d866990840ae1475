// What the toolkit knows of a bundle: the BUNDLE of the documents, and what a
// bundle needs. Source: CNAB 101 (bundle.json), Porter's dependencies.
#ifndef DEPS_LIB_MODEL_BUNDLE_H_
#define DEPS_LIB_MODEL_BUNDLE_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/shared.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {

struct Destination {
  std::string env;   // An environment variable's name.
  std::string path;  // A file's path in the bundle's container.
  bool operator==(const Destination&) const = default;
};

// An output that a parameter takes where nobody gives it a value.
struct OutputSource {
  std::string alias;  // Of the dependency; "": of the installation itself, from an earlier run.
  std::string output;
  bool operator==(const OutputSource&) const = default;
};

struct ParameterDefinition {
  std::string type;  // JSON Schema type; "" where the definition names none.
  bool required = false;
  std::optional<JsonText> default_value;  // "default"
  bool sensitive = false;                 // The definition's writeOnly.
  std::string id;                         // The definition's $id: a well-known identifier.
  std::vector<std::string> apply_to;      // Actions; empty: all.
  Destination destination;
  // What the definition asks for beyond the type: an object with JSON Schema's
  // other keywords. Absent where that is nothing.
  std::optional<JsonText> schema;
  std::vector<OutputSource> sources;  // io.cnab.parameter-sources; the first that has a value.
  bool operator==(const ParameterDefinition&) const = default;
};

struct CredentialDefinition {
  bool required = false;
  std::string id;
  std::vector<std::string> apply_to;
  Destination destination;
  bool operator==(const CredentialDefinition&) const = default;
};

struct OutputDefinition {
  std::string type;
  bool sensitive = false;
  std::string id;
  std::vector<std::string> apply_to;
  std::string path;  // Below /cnab/app/outputs.
  std::optional<JsonText> default_value;
  std::optional<JsonText> schema;  // As a parameter's.
  bool operator==(const OutputDefinition&) const = default;
};

struct ActionDefinition {
  bool modifies = false;
  bool stateless = false;
  bool operator==(const ActionDefinition&) const = default;
};

struct Image {
  std::string image;  // The reference as the bundle spells it.
  std::string image_type;
  std::string media_type;
  std::string content_digest;
  int64_t size = 0;
  bool operator==(const Image&) const = default;
};

struct Bundle {
  std::string name;
  std::string version;
  std::string reference;  // Where it was read from: REPO:TAG or REPO@DIGEST; "" for a file.
  std::string digest;     // Of its index in the registry, or of its canonical bundle.json.
  std::map<std::string, ParameterDefinition> parameters;
  std::map<std::string, CredentialDefinition> credentials;
  std::map<std::string, OutputDefinition> outputs;
  std::map<std::string, ActionDefinition> actions;  // Custom ones only.
  std::vector<std::string> provides;                // Interface URIs.
  std::map<std::string, Image> images;
  std::vector<Image> invocation_images;
  bool operator==(const Bundle&) const = default;
};

// With whom the instance that satisfies a dependency is shared (PEP003).
struct Sharing {
  enum class Mode { kNone, kGroup };
  Mode mode = Mode::kGroup;
  std::string group;  // Its name; may hold templates; "" is a group like others.
  bool operator==(const Sharing&) const = default;
};

// Where a member of a dependency stands in the file that it was read from.
struct MemberPlace {
  std::string member;   // Its pointer below the dependency in bundle.json: "/version".
  std::string pointer;  // The same in the file: "/bundle/version" in a porter.yaml.
  int line = 0;
  int column = 0;
  // The member is a text of one line that the file spells as it is from the
  // column on, so that a byte of it has a place too.
  bool is_verbatim = false;
  bool operator==(const MemberPlace&) const = default;
};

// One entry of a bundle's `requires`.
struct Dependency {
  std::string alias;
  std::string reference;  // The default: REPO, REPO:TAG or REPO@DIGEST; "" with only an interface.
  std::string version;    // A range; "" where any will do.
  bool prereleases = false;                       // v1's version.prereleases.
  std::optional<Sharing> sharing;                 // Absent where the bundle says nothing.
  std::optional<JsonText> interface;              // {id, reference, document} as written.
  std::map<std::string, std::string> parameters;  // The dependency's name -> literal or template.
  std::map<std::string, std::string> credentials;
  std::map<std::string, std::string> outputs;  // The parent's output -> template.
  // Where it stands, and its members, for diagnostics; no part of any document.
  Location location = {};
  Shared<std::vector<MemberPlace>> places = {};  // Sorted by member.
  bool operator==(const Dependency&) const = default;

  // The place of `byte` of the member, by its pointer in bundle.json; that of
  // the dependency, with the pointer, where the member has none.
  Location PlaceOf(std::string_view member, size_t byte = 0) const;
};

// A parameter of a bundle that takes an output of a dependency, where nobody
// gives it a value (io.cnab.parameter-sources).
struct DependencySource {
  std::string parameter;
  std::string alias;
  std::string output;
  Location location = {};
  bool operator==(const DependencySource&) const = default;
};

// A bundle with all that graph and solver read of it.
struct BundleDefinition {
  Bundle bundle;
  std::vector<Dependency> dependencies;   // In v1's sequence, else by alias.
  std::vector<DependencySource> sources;  // By parameter.
  // org.getporter.dependencies@v2 as Porter makes it of a porter.yaml; absent
  // for a bundle.json.
  std::optional<JsonText> extension;
  bool operator==(const BundleDefinition&) const = default;
};

}  // namespace deps

#endif  // DEPS_LIB_MODEL_BUNDLE_H_

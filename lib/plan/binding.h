// Where each input of each node comes from.
#ifndef DEPS_LIB_PLAN_BINDING_H_
#define DEPS_LIB_PLAN_BINDING_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/model/plan.h"
#include "lib/plan/naming.h"
#include "lib/plan/node_table.h"
#include "lib/template/template.h"

namespace deps {

enum class Field { kParameters, kCredentials, kOutputs };

// "parameters", "credentials" or "outputs".
std::string_view FieldName(Field field);

// Whether an output can be read in this plan.
enum class OutputState {
  kCertain,   // The task writes it, or the installation has it.
  kPossible,  // The installation may have it from an earlier run.
  kNever,
};

// A source, or the input or output whose lack is why there is none.
struct BoundSource {
  std::optional<ValueSource> source;
  TaskItem absent = {};
  Field absent_field = Field::kParameters;
};

// What the user gave, by node id and name.
using GivenSources = std::map<std::pair<std::string, std::string>, ValueSource>;

struct BindingFacts {
  const Installations& installations;  // Must outlive the binder.
  // Whether the input is one that the node's task gets, so that others may
  // refer to it there.
  std::function<bool(const Node& node, Field field, const std::string& name)> is_task_input;
  // Of an output that the node's bundle, where it is known, defines.
  std::function<OutputState(const Node& node, const std::string& name)> output_state;
  // Of what the node's own installation left in an earlier run.
  std::function<OutputState(const Node& node, const std::string& name)> earlier_output;
  GivenSources parameters;
  GivenSources credentials;
};

// Every answer is kept, so asking for all inputs takes O(inputs * template).
class Binder {
 public:
  // The table must outlive the binder.
  Binder(const NodeTable& table, BindingFacts facts);

  // The source of an input that `node`'s bundle defines; valid as long as the
  // binder. Whoever asks nothing more may take it away.
  // Errors: template-invalid, graph-unknown-name, graph-cycle, plan-value.
  absl::StatusOr<BoundSource*> Input(const Node& node, Field field, const std::string& name);

  // Where an output of `node` is found: its own, or the one below it that is
  // promoted under this name. `edge`, where not nullptr, requires the node, and
  // its interface may give the output another name. Errors: as Input.
  absl::StatusOr<BoundSource> Output(const Node& node, const std::string& name, const Edge* edge);

  // The tasks whose outputs `source` reads in the end.
  void CollectTasks(const ValueSource& source, std::set<std::string>* tasks) const;

  // A digest of what `source` is in the end: of the values, references and names
  // of outputs, and not of the way to them.
  std::string Fingerprint(const ValueSource& source);

 private:
  using Key = std::tuple<const Node*, Field, std::string>;

  const InstallationName& NameOf(const Node& node) const {
    return facts_.installations[table_.IndexOf(node)].name;
  }
  // Of the input that a source of that kind refers to.
  Key KeyOf(const ValueSource& source) const;
  void Collect(const ValueSource& source, std::set<Key>* seen, std::set<std::string>* tasks) const;
  absl::StatusOr<BoundSource> BindOutputSources(const Node& node,
                                                const ParameterDefinition& definition);

  absl::StatusOr<BoundSource> BindInput(const Node& node, Field field, const std::string& name);
  absl::StatusOr<BoundSource> BindOutput(const Node& node, const std::string& name,
                                         const Edge* edge);
  // A template that `owner` declares; `own` is the dependency that it wires.
  absl::StatusOr<BoundSource> BindTemplate(const std::string& text, const Node& owner,
                                           const Node* own);
  absl::StatusOr<BoundSource> BindPart(const TemplatePart& part, const Node& owner,
                                       const Node* own);
  absl::StatusOr<BoundSource> BindReference(Field field, const std::string& name,
                                            const Node& owner);
  absl::StatusOr<const std::vector<TemplatePart>*> PartsOf(const std::string& text);
  absl::StatusOr<std::string> Fact(const TemplatePart& part, const Node& owner) const;

  const NodeTable& table_;
  const BindingFacts facts_;
  absl::node_hash_map<Key, BoundSource> bound_;
  absl::node_hash_map<std::string, std::vector<TemplatePart>> templates_;  // By text.
  absl::flat_hash_map<Key, std::string> fingerprints_;
  std::vector<Key> open_;  // Asked for and not answered yet: the way of a cycle.
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_BINDING_H_

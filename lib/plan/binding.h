// Where each input of each node comes from.
#ifndef DEPS_LIB_PLAN_BINDING_H_
#define DEPS_LIB_PLAN_BINDING_H_

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

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

// A source that is kept, with what it comes to in the end.
struct BoundInput : BoundSource {
  std::vector<size_t> reads;  // The places of the nodes whose outputs it is made of.
  std::string fingerprint;    // "" until somebody asks for it.
};

// What the user gave, by node id and name.
using GivenSources = std::map<std::pair<std::string, std::string>, ValueSource>;

// What it refers to must outlive the binder.
struct BindingFacts {
  const Installations& installations;  // Only names are read.
  // Whether the input is one that the node's task gets, so that others may
  // refer to it there.
  std::function<bool(const Node& node, Field field, const std::string& name)> is_task_input;
  // Of an output that the node's bundle, where it is known, defines.
  std::function<OutputState(const Node& node, const std::string& name)> output_state;
  // Of what the node's own installation left in an earlier run.
  std::function<OutputState(const Node& node, const std::string& name)> earlier_output;
  const GivenSources& parameters;
  const GivenSources& credentials;
};

// Every answer is kept, so asking for all inputs takes O(inputs * template).
class Binder {
 public:
  // The table must outlive the binder.
  Binder(const NodeTable& table, BindingFacts facts);

  // The source of an input that `node`'s bundle defines, under the name that it has
  // there; valid as long as the binder. Whoever asks nothing more may take it away.
  // Errors: template-invalid, graph-unknown-name, graph-cycle, plan-value.
  absl::StatusOr<BoundInput*> Input(const Node& node, Field field, const std::string& name);

  // Where an output of `node` is found: its own, or the one below it that is
  // promoted under this name. `edge`, where not nullptr, requires the node, and
  // its interface may give the output another name. Errors: as Input.
  absl::StatusOr<BoundSource> Output(const Node& node, const std::string& name, const Edge* edge);

  // A digest of what an input that has a source is in the end: of the values,
  // references and names of outputs, and not of the way to them.
  const std::string& Fingerprint(BoundInput& input);

 private:
  // Names are those of definitions and of parts of templates.
  using Key = std::tuple<const Node*, Field, std::string_view>;

  const InstallationName& NameOf(const Node& node) const {
    return facts_.installations[table_.IndexOf(node)].name;
  }
  // The input that a source of that kind refers to; nullptr where it has no source.
  BoundInput* Referred(const ValueSource& source);
  void CollectReads(const ValueSource& source, std::vector<size_t>* reads);
  std::string FingerprintOf(const ValueSource& source);
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
  absl::node_hash_map<Key, BoundInput> bound_;
  absl::node_hash_map<std::string, std::vector<TemplatePart>> templates_;  // By text.
  std::vector<Key> open_;  // Asked for and not answered yet: the way of a cycle.
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_BINDING_H_

#include "tools/oci-relocate/command.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/archive/archive.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/catalog.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/graph/make.h"
#include "lib/io/file.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"
#include "lib/model/relocation.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/oci/registry_options.h"
#include "lib/relocate/collect.h"
#include "lib/relocate/layout.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/publish.h"
#include "lib/relocate/verify.h"
#include "lib/solve/resolve.h"
#include "tools/oci-relocate/options.h"
#include "tools/oci-relocate/progress_bars.h"

namespace deps {
namespace {

// What signal came, if one did. Registries and archives look at it.
std::atomic<int> first_signal = 0;

void OnSignal(int signal) {
  // Whoever asks twice does not want to wait.
  if (first_signal.exchange(signal) != 0) _exit(128 + signal);
}

// While it lives the first SIGINT or SIGTERM ends what goes on in good order.
// A signal that the caller has ignored stays ignored.
class SignalsCaught {
 public:
  SignalsCaught() {
    first_signal = 0;
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      struct sigaction action = {};
      action.sa_handler = OnSignal;
      sigaction(kSignals[i], nullptr, &old_[i]);
      if (old_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
    }
  }
  ~SignalsCaught() {
    for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &old_[i], nullptr);
  }
  SignalsCaught(const SignalsCaught&) = delete;
  SignalsCaught& operator=(const SignalsCaught&) = delete;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM};
  struct sigaction old_[std::size(kSignals)] = {};
};

// Of what happens to one file, whose rate is not that of transfers. Without
// a screen it is not shown.
class FileBar {
 public:
  FileBar(std::ostream* screen, std::string name, int64_t size)
      : name_(std::move(name)), bars_({.err = screen}, [](std::string_view) {}) {
    bars_.Expect(size);
    bars_.Begin(name_, size);
  }
  void Advance(int64_t bytes) { bars_.Advance(name_, bytes); }

 private:
  const std::string name_;
  ProgressBars bars_;
};

class Command {
 public:
  Command(const RelocateOptions& options, const Env& env, Terminal& terminal)
      : options_(options),
        env_(env),
        terminal_(terminal),
        bars_({.err = Screen()}, [this, &env](std::string_view text) {
          const bool wanted = terminal_.interactive() || env.getenv("CI").value_or("") != "";
          wanted ? terminal_.Say(text) : terminal_.Detail(text);
        }) {}

  absl::StatusOr<ExitCode> Run(const Invocation& invocation);

 private:
  absl::Status Pack(const std::string& operand);
  absl::Status Write(const BundleArchive& archive, size_t bundles);
  std::ostream* Screen() const { return terminal_.interactive() ? env_.err : nullptr; }
  absl::StatusOr<ExitCode> Verify(const std::string& operand);
  absl::StatusOr<Relocation> VerifyTarget(const std::string& path);
  absl::StatusOr<OpenedArchive> Read(const std::string& operand, bool keep_going, bool defer);
  absl::StatusOr<Graph> Solve(const std::string& reference, const std::string& mapping, bool check);
  absl::Status Relocate(absl::StatusOr<Family> family, bool root_by_name);
  absl::StatusOr<Family> Collect(const std::string& reference, const std::string& mapping,
                                 bool stream, bool check);
  absl::StatusOr<Family> CollectSolution(const std::string& operand);
  absl::StatusOr<Family> Open(const std::string& operand, bool defer);
  absl::StatusOr<Family> OpenToCheck(const std::string& operand);
  absl::StatusOr<Registry*> TheRegistry();
  absl::Status WriteReport(const Relocation& relocation);
  void TellNotes(const Family& family);
  void TellPlaces(const Family& family);
  // `mapping`: the file to look references up in, or "".
  absl::StatusOr<CollectOptions> MakeCollectOptions(const std::string& mapping);

  const RelocateOptions& options_;
  const Env& env_;
  Terminal& terminal_;
  ProgressBars bars_;
  std::unique_ptr<Registry> registry_;
  std::string verb_;
};

absl::StatusOr<CollectOptions> Command::MakeCollectOptions(const std::string& mapping) {
  CollectOptions options = {.jobs = static_cast<int>(options_.jobs),
                            .dependencies = options_.dependencies == "all",
                            .platform = options_.platform,
                            .attachments = options_.referrers == "all",
                            .foreign = options_.include_foreign,
                            .watcher = &bars_};
  if (mapping.empty()) return options;
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(mapping, env_));
  DEPS_ASSIGN_OR_RETURN(options.mapping, ParseMapping(source));
  return options;
}

absl::StatusOr<Registry*> Command::TheRegistry() {
  if (registry_ == nullptr) {
    AccessOptions access = options_.access;
    access.stop = &first_signal;
    DEPS_ASSIGN_OR_RETURN(registry_, Registry::Create(access, env_.getenv));
  }
  return registry_.get();
}

void Command::TellNotes(const Family& family) {
  for (const std::string& note : family.notes) terminal_.Say(note);
}

// Each choice of a graph's defaults as its resolution.
Graph TakeDefaults(Graph graph) {
  graph.status = "solved";
  for (Node& node : graph.nodes) {
    if (node.id == graph.root || node.reference.empty()) continue;
    const bool chosen = node.bundle && !node.bundle->reference.empty();
    const std::string& reference = chosen ? node.bundle->reference : node.reference;
    node.resolution = Resolution{.kind = "bundle",
                                 .by = "default",
                                 .reference = reference,
                                 .tag = Reference::Parse(reference).value_or(Reference()).tag(),
                                 .digest = node.bundle ? node.bundle->digest : ""};
  }
  return graph;
}

// Of an operand in messages.
std::string NameOf(const std::string& operand) { return operand == "-" ? "<stdin>" : operand; }

std::string HostOf(const FamilyMember& member) {
  return Reference::Parse(member.repository).value_or(Reference()).host();
}

// A relocated bundle names its dependencies as they were called where it is from.
void Command::TellPlaces(const Family& family) {
  const std::string root = HostOf(family.members.back());
  for (const FamilyMember& member : family.members) {
    if (HostOf(member) == root) continue;
    terminal_.Say(absl::StrCat("bundle ", member.Source(),
                               " is on another registry than the root; --mapping FILE tells where "
                               "the dependencies of a relocated bundle are"));
  }
}

// The same choices as `deps-graph | deps-solve` makes. What only an interface
// describes nobody can solve alone; there the graph's defaults count, as they
// do in a check, where bundles may be missing.
absl::StatusOr<Graph> Command::Solve(const std::string& reference, const std::string& mapping,
                                     bool check) {
  const CatalogOptions options = {.access = options_.access, .indexes = {}, .mapping = mapping};
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Catalog> catalog, Catalog::Open(options, env_));
  DEPS_ASSIGN_OR_RETURN(const std::shared_ptr<const BundleDefinition> root,
                        catalog->Get(reference));
  GraphOptions graph_options;
  graph_options.keep_going = check;
  DEPS_ASSIGN_OR_RETURN(Graph graph, MakeGraph(root, *catalog, graph_options));
  const bool has_interfaces =
      std::any_of(graph.nodes.begin(), graph.nodes.end(),
                  [](const Node& node) { return !node.bundle && node.reference.empty(); });
  if (check || has_interfaces) return TakeDefaults(std::move(graph));
  DEPS_ASSIGN_OR_RETURN(ResolveResult result, Resolve(graph, {}, *catalog));
  if (result.solution.status == "solved") return std::move(result.solution);
  std::vector<Diagnostic> errors;
  for (const Explanation& step : result.solution.explanation) {
    errors.push_back({.id = DiagnosticId::kSolveUnsatisfiable,
                      .message = absl::StrCat(step.message, step.because.empty() ? "" : ": ",
                                              absl::StrJoin(step.because, "; ")),
                      .hint = step.hint});
  }
  return MakeErrors(std::move(errors));
}

absl::StatusOr<Family> Command::Collect(const std::string& reference, const std::string& mapping,
                                        bool stream, bool check) {
  DEPS_ASSIGN_OR_RETURN(CollectOptions options, MakeCollectOptions(mapping));
  DEPS_ASSIGN_OR_RETURN(Registry* const registry, TheRegistry());
  options.check = check;
  options.stream = stream;
  if (mapping.empty()) {
    options.hint_for_dependencies =
        absl::StrCat(verb_ == "copy" ? "--source-mapping" : "--mapping",
                     " FILE tells where the dependencies of a relocated bundle are");
  }
  options.solve = [&](const std::string& root) { return Solve(root, mapping, check); };
  return CollectFromReference(reference, *registry, options);
}

absl::StatusOr<Family> Command::CollectSolution(const std::string& operand) {
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(operand, env_));
  DEPS_ASSIGN_OR_RETURN(const Graph solution, ParseSolution(source));
  DEPS_ASSIGN_OR_RETURN(CollectOptions options, MakeCollectOptions(options_.mapping));
  options.stream = options_.dry_run;
  DEPS_ASSIGN_OR_RETURN(Registry* const registry, TheRegistry());
  return CollectFromSolution(solution, *registry, options);
}

absl::StatusOr<OpenedArchive> Command::Read(const std::string& operand, bool keep_going,
                                            bool defer) {
  const bool is_stream = operand == "-";
  const std::string path = is_stream ? "/dev/stdin" : operand;
  struct stat info = {};
  FileBar bar(Screen(), path, stat(path.c_str(), &info) == 0 ? info.st_size : 0);
  absl::StatusOr<OpenedArchive> archive =
      ReadArchive(path,
                  {.inflated_bytes = options_.max_archive_size << 30,
                   .defer = defer && !is_stream,
                   .stop = &first_signal,
                   .on_read = [&](int64_t bytes) { bar.Advance(bytes); }},
                  keep_going);
  if (archive.ok() || !is_stream) return archive;
  std::vector<Diagnostic> errors = DiagnosticsOf(archive.status());
  for (Diagnostic& error : errors) error.location.file = NameOf(operand);
  return MakeErrors(std::move(errors));
}

absl::StatusOr<Family> Command::Open(const std::string& operand, bool defer) {
  DEPS_ASSIGN_OR_RETURN(OpenedArchive archive, Read(operand, /*keep_going=*/false, defer));
  return FamilyOf(std::move(archive), NameOf(operand));
}

absl::Status Command::Pack(const std::string& operand) {
  const std::string& output = options_.common.output;
  if ((output.empty() || output == "-") && env_.out_is_terminal && !options_.dry_run) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = "an archive is nothing to show on a terminal",
                      .hint = "-o FILE.tgz writes it to a file"});
  }
  const bool is_solution = LooksLikeFile(operand);
  DEPS_ASSIGN_OR_RETURN(const Family family, is_solution ? CollectSolution(operand)
                                                         : Collect(operand, options_.mapping,
                                                                   /*stream=*/options_.dry_run,
                                                                   /*check=*/false));
  bars_.Clear();
  TellNotes(family);
  const BundleArchive archive = ArchiveOf(family);
  if (options_.dry_run) {
    DEPS_ASSIGN_OR_RETURN(const Relocation relocation, deps::Verify(family));
    return WriteReport(relocation);
  }
  return Write(archive, family.members.size());
}

absl::Status Command::Write(const BundleArchive& archive, size_t bundles) {
  const std::string& output = options_.common.output;
  const bool to_file = !output.empty() && output != "-";
  const std::string name = to_file ? output : "standard output";
  int64_t size = 0;
  for (const auto& [digest, blob] : archive.blobs) size += blob.size;
  bars_.Say(absl::StrCat("archive ", name, " of ", bundles,
                         bundles == 1 ? " bundle, " : " bundles, ", archive.blobs.size(),
                         " manifests and blobs, ", ShortSize(size)));
  FileBar bar(Screen(), name, size);
  const ArchiveWriting writing = {.stop = &first_signal,
                                  .on_packed = [&](int64_t bytes) { bar.Advance(bytes); }};
  if (to_file) return WriteArchiveFile(archive, output, writing);
  const auto to_output = [this](std::string_view bytes) {
    if (env_.out->write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
      return absl::OkStatus();
    }
    return MakeError(
        {.id = DiagnosticId::kFileWrite, .message = "standard output cannot be written"});
  };
  return WriteArchive(archive, to_output, writing);
}

absl::Status Command::WriteReport(const Relocation& relocation) {
  return WriteResult(options_.common.output, FormatRelocation(relocation, options_.common.style()),
                     env_);
}

absl::Status Command::Relocate(absl::StatusOr<Family> family, bool root_by_name) {
  DEPS_RETURN_IF_ERROR(family.status());
  TellNotes(*family);
  TargetOptions target = options_.target;
  target.root_by_name = root_by_name;
  DEPS_ASSIGN_OR_RETURN(const RelocationPlan plan, PlanRelocation(*family, target));
  DEPS_ASSIGN_OR_RETURN(Registry* const registry, TheRegistry());
  DEPS_ASSIGN_OR_RETURN(const Relocation relocation,
                        Publish(*family, plan, *registry,
                                {.force = options_.force,
                                 .dry_run = options_.dry_run,
                                 .jobs = static_cast<int>(options_.jobs),
                                 .stop = &first_signal,
                                 .watcher = &bars_,
                                 .porter_tags = options_.image_tags == "porter",
                                 .attach_mapping = options_.attach_mapping}));
  bars_.Clear();
  if (!options_.mapping.empty() && !options_.dry_run) {
    DEPS_RETURN_IF_ERROR(WriteResult(options_.mapping, FormatMapping(relocation.mapping), env_));
  }
  return WriteReport(relocation);
}

absl::StatusOr<Family> Command::OpenToCheck(const std::string& operand) {
  DEPS_ASSIGN_OR_RETURN(OpenedArchive archive, Read(operand, /*keep_going=*/true, /*defer=*/false));
  return FamilyToCheck(std::move(archive), NameOf(operand));
}

// What the archive would become at the target is what must be there.
absl::StatusOr<Relocation> Command::VerifyTarget(const std::string& path) {
  DEPS_ASSIGN_OR_RETURN(const Family family, Open(path, /*defer=*/false));
  DEPS_RETURN_IF_ERROR(CheckFamily(family));
  DEPS_ASSIGN_OR_RETURN(const RelocationPlan plan, PlanRelocation(family, options_.target));
  DEPS_ASSIGN_OR_RETURN(CollectOptions options, MakeCollectOptions(/*mapping=*/""));
  DEPS_ASSIGN_OR_RETURN(Registry* const registry, TheRegistry());
  DEPS_ASSIGN_OR_RETURN(const Family there, CollectTarget(plan, *registry, options));
  bars_.Clear();
  TellNotes(there);
  return deps::Verify(there);
}

absl::StatusOr<ExitCode> Command::Verify(const std::string& operand) {
  const bool has_target = !options_.target.registry.empty() || !options_.target.reference.empty();
  absl::StatusOr<Relocation> checked;
  if (has_target) {
    checked = VerifyTarget(operand);
  } else {
    DEPS_ASSIGN_OR_RETURN(const Family family, LooksLikeFile(operand)
                                                   ? OpenToCheck(operand)
                                                   : Collect(operand, options_.mapping,
                                                             /*stream=*/false, /*check=*/true));
    bars_.Clear();
    TellNotes(family);
    if (!LooksLikeFile(operand) && options_.mapping.empty()) TellPlaces(family);
    checked = deps::Verify(family);
  }
  DEPS_ASSIGN_OR_RETURN(const Relocation relocation, std::move(checked));
  for (const RelocationDifference& difference : relocation.differences) {
    terminal_.Report({.id = DiagnosticId::kRelocateDiffers, .message = difference.message});
  }
  if (has_target && !relocation.differences.empty()) {
    terminal_.Say(
        "publishing the archive again sends what is missing; with --force also blobs of images "
        "that are there");
  }
  DEPS_RETURN_IF_ERROR(WriteReport(relocation));
  return relocation.differences.empty() ? ExitCode::kOk : ExitCode::kNo;
}

absl::StatusOr<ExitCode> Command::Run(const Invocation& invocation) {
  const std::string operand = invocation.operands.empty() ? "" : invocation.operands.front();
  verb_ = invocation.verb;
  DEPS_RETURN_IF_ERROR(CheckOptions(options_, verb_, operand));
  if (verb_ == "verify") return Verify(operand);
  if (verb_ == "pack") {
    DEPS_RETURN_IF_ERROR(Pack(operand));
  } else if (verb_ == "publish") {
    DEPS_RETURN_IF_ERROR(Relocate(Open(operand, /*defer=*/true), /*root_by_name=*/true));
  } else {
    DEPS_RETURN_IF_ERROR(Relocate(Collect(operand, options_.source_mapping, /*stream=*/true,
                                          /*check=*/false),
                                  /*root_by_name=*/false));
  }
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunOciRelocate(absl::Span<const std::string> args, const Env& env) {
  RelocateOptions options;
  const CommandSpec spec = MakeSpec(&options);
  return RunCommand(
      spec, options.common, args, env,
      [&](const Invocation& invocation, const Env& env,
          Terminal& terminal) -> absl::StatusOr<ExitCode> {
        const SignalsCaught caught;
        absl::StatusOr<ExitCode> code = Command(options, env, terminal).Run(invocation);
        if (first_signal == 0) return code;
        terminal.Report({.id = DiagnosticId::kInterrupted,
                         .severity = Severity::kNote,
                         .message = "a signal ended it; run it again to go on"});
        return first_signal == SIGINT ? ExitCode::kInterrupted : ExitCode::kTerminated;
      });
}

}  // namespace deps

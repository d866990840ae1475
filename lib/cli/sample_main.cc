// The smallest command, so that main_test.sh can see the real world around one.
#include <new>
#include <stdexcept>
#include <string>

#include "lib/base/status_macros.h"
#include "lib/cli/command.h"

namespace {

using deps::Env;
using deps::ExitCode;
using deps::Invocation;

ExitCode RunSample(absl::Span<const std::string> args, const Env& env) {
  std::string act;
  int64_t lines = 0;
  bool direct = false;
  deps::CommonOptions common;
  deps::CommandSpec spec = {
      .name = "sample",
      .summary = "copy standard input",
      .description =
          "Copies what it reads.\n\nA second paragraph. 'Quoted' at its start.\n\n"
          ".dotted and a back\\slash.",
      .operands = "[FILE]",
      .verbs = {{.name = "show",
                 .operands = "ID [TASK [NAME]]",
                 .summary = "show something",
                 .min_operands = 1,
                 .max_operands = 3}},
      .reads = "anything",
      .writes = "the same",
      .exit_one = "Never.",
      .examples = {{"sample -o \"b\" a", "Copy a to b."}, {"sample <a | sort", "Sort a."}},
      .environment = {"HOME  where the heart is"},
      .see_also = {"deps-graph(1)", "deps-plan(1)"}};
  spec.options = {deps::Choice("act", {"throw", "exhaust", "wait"}, &act, "What to do instead."),
                  deps::Value("lines", "N", &lines, "Write N lines."),
                  deps::Flag("direct", &direct, "Write to the stream and do not ask.")};
  spec.options[2].group = "Streams";
  deps::AddCommonOptions(&spec, &common, {"json", "tree", "dot", "mermaid", "table"});
  return deps::RunCommand(
      spec, common, args, env,
      [&](const Invocation& invocation, const Env&, deps::Terminal&) -> absl::StatusOr<ExitCode> {
        if (act == "throw") throw std::runtime_error("thrown");
        if (act == "exhaust") throw std::bad_alloc();
        for (int64_t i = 0; i < lines; ++i) *env.out << "line " << i << "\n";
        if (lines > 0) return ExitCode::kOk;
        const std::string operand = invocation.operands.empty() ? "" : invocation.operands.front();
        DEPS_ASSIGN_OR_RETURN(const deps::Source source, deps::ReadOperand(operand, env));
        if (direct) {
          *env.out << source.text;
        } else {
          DEPS_RETURN_IF_ERROR(deps::WriteResult(common.output, source.text, env));
        }
        return ExitCode::kOk;
      });
}

}  // namespace

int main(int argc, char** argv) { return deps::Main(argc, argv, RunSample); }

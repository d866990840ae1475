#include "lib/engine/serve.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/engine/messages.h"

namespace deps {
namespace {

constexpr size_t kMaxRequest = size_t{64} << 20;

struct VerbHelp {
  EngineVerb verb;
  std::string_view summary;
};

constexpr VerbHelp kVerbs[] = {
    {EngineVerb::kInfo, "Say what the engine is and what it can do."},
    {EngineVerb::kCheck, "See whether the engine can be reached and used, and would take a plan."},
    {EngineVerb::kRender, "Show the engine's own documents of a plan."},
    {EngineVerb::kSubmit, "Start a plan."},
    {EngineVerb::kStatus, "Say how far a run is."},
    {EngineVerb::kWatch, "Say it again whenever it changes."},
    {EngineVerb::kCancel, "Stop a run."},
    {EngineVerb::kLogs, "Print what tasks printed."},
    {EngineVerb::kDelete, "Forget a run that has ended."},
};

class Server {
 public:
  Server(const Env& env, const EngineFactory& make) : env_(env), make_(make) {}

  absl::Status Serve(EngineVerb verb) {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand("-", env_, kMaxRequest));
    DEPS_ASSIGN_OR_RETURN(const EngineRequest request, ParseRequest(verb, source));
    DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, make_(request.config, env_));
    DEPS_ASSIGN_OR_RETURN(const std::string answer, Answer(*engine, request));
    return Write(answer);
  }

  absl::Status Write(std::string_view text) {
    env_.out->write(text.data(), static_cast<std::streamsize>(text.size()));
    if (env_.out->flush()) return absl::OkStatus();
    return MakeError(
        {.id = DiagnosticId::kFileWrite, .message = "standard output cannot be written"});
  }

 private:
  absl::StatusOr<std::string> Answer(Engine& engine, const EngineRequest& request);
  absl::Status Watch(Engine& engine, const EngineRequest& request);

  const Env& env_;
  const EngineFactory& make_;
};

absl::Status Server::Watch(Engine& engine, const EngineRequest& request) {
  absl::Status written;
  DEPS_RETURN_IF_ERROR(engine.Watch(request.ref, request.cursor, [&](const EngineStatus& status) {
    written = Write(status.workflow.id.empty() ? FormatHeartbeat(EngineVerb::kWatch)
                                               : FormatWatchEvent(status));
    return written.ok();
  }));
  return written;
}

absl::StatusOr<std::string> Server::Answer(Engine& engine, const EngineRequest& request) {
  switch (request.verb) {
    case EngineVerb::kInfo: {
      DEPS_ASSIGN_OR_RETURN(const EngineInfo info, engine.Info());
      return FormatInfo(info);
    }
    case EngineVerb::kCheck: {
      DEPS_ASSIGN_OR_RETURN(const std::vector<Diagnostic> diagnostics,
                            request.run.id.empty() ? engine.Check() : engine.CheckRun(request.run));
      return FormatCheck(diagnostics);
    }
    case EngineVerb::kRender: {
      DEPS_ASSIGN_OR_RETURN(const std::vector<EngineFile> files, engine.Render(request.run));
      return FormatRendered(files);
    }
    case EngineVerb::kSubmit: {
      DEPS_ASSIGN_OR_RETURN(const Submitted submitted, engine.Submit(request.run));
      return FormatSubmitted(submitted);
    }
    case EngineVerb::kStatus: {
      DEPS_ASSIGN_OR_RETURN(const EngineStatus status, engine.Status(request.ref));
      return FormatStatus(status);
    }
    case EngineVerb::kWatch:
      DEPS_RETURN_IF_ERROR(Watch(engine, request));
      return "";
    case EngineVerb::kCancel:
      DEPS_RETURN_IF_ERROR(engine.Cancel(request.cancel));
      return FormatDone(request.verb);
    case EngineVerb::kLogs:
      DEPS_RETURN_IF_ERROR(engine.Logs(
          request.logs, [&](const LogLine& line) { return Write(FormatLogLine(line)); }));
      return "";
    case EngineVerb::kDelete:
      DEPS_RETURN_IF_ERROR(engine.Delete(request.ref));
      return FormatDone(request.verb);
  }
  return "";
}

}  // namespace

ExitCode ServeEngine(CommandSpec spec, absl::Span<const std::string> args, const Env& env,
                     const EngineFactory& make) {
  CommonOptions common;
  for (const VerbHelp& verb : kVerbs) {
    spec.verbs.push_back({.name = std::string(EngineVerbNames()[static_cast<size_t>(verb.verb)]),
                          .summary = std::string(verb.summary)});
  }
  spec.verb_required = true;
  spec.reads = "one request of the engine protocol";
  spec.writes = "the response";
  spec.exit_one = "The response is an Error.";
  spec.see_also.push_back("deps-run(1)");
  AddCommonOptions(&spec, &common);
  return RunCommand(
      spec, common, args, env,
      [&](const Invocation& invocation, const Env& env, Terminal&) -> absl::StatusOr<ExitCode> {
        Server server(env, make);
        for (const VerbHelp& verb : kVerbs) {
          if (EngineVerbNames()[static_cast<size_t>(verb.verb)] != invocation.verb) continue;
          const absl::Status status = server.Serve(verb.verb);
          if (status.ok()) return ExitCode::kOk;
          DEPS_RETURN_IF_ERROR(server.Write(FormatEngineError(status)));
        }
        return ExitCode::kNo;
      });
}

}  // namespace deps

// A task for deps-agent where no deps-run is beside it: in a job of a cluster,
// which is handed this document. It holds references; the agent fetches the
// values under the job's own identity.
//
//   {"apiVersion": "cnab-deps/v1", "kind": "AgentTask",
//    "program": "/cnab/app/run",              by default this one
//    "control": "/deps/control",              optional: a folder (control.h)
//    "environment": {"CNAB_ACTION": "install", …},
//    "files": {"/cnab/bundle.json": "…", …},
//    "inputs": [{"name": "token", "env": "TOKEN", "path": "/root/token",
//                "secret": "vault:kv/app#token"}, {…, "value": "text"}],
//    "outputs": [{"name": "password", "path": "/cnab/app/outputs/password",
//                 "sensitive": true, "sink": "vault:kv/deps/app/password"}],
//    "result": "/deps/result.json"}           optional
//
// The result, which is replaced in one step and holds no sensitive value:
//   {"apiVersion": …, "kind": "AgentResult", "exitCode": 0,
//    "outputs": {"said": {"value": "…"}, "password": {"sensitive": true, "ref": "…"}},
//    "problems": ["output 'x' was not written"]}
#ifndef DEPS_LIB_AGENT_TASK_H_
#define DEPS_LIB_AGENT_TASK_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/secrets/reference.h"

namespace deps {

struct AgentInput {
  std::string name;
  std::string env;
  std::string path;
  ValueSource source;      // Values, secrets, and templates of those.
  bool sensitive = false;  // Also where the source holds no secret.
};

struct AgentOutput {
  std::string name;
  std::string path;
  std::string type = "";  // As JSON Schema has it; "" for a text.
  bool sensitive = false;
  std::string sink = "";  // A sensitive one must have it.
  std::optional<JsonText> default_value = std::nullopt;
  bool optional = false;  // Nobody misses it.
  std::string file = "";  // Takes one that is not sensitive, and a newline; "" for none.
};

struct AgentTask {
  std::string program = "/cnab/app/run";
  std::string control;
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> files;
  std::vector<AgentInput> inputs;
  std::vector<AgentOutput> outputs;
  std::string result;
};

struct AgentResult {
  int exit_code = 0;                  // The program's; 1 where that is 0 and there are problems.
  std::vector<std::string> problems;  // With outputs.
  // What the program went without.
  std::vector<std::string> notes = {};
};

// Errors: those of json; document-kind; document-value for a sensitive output
// without a sink, an input with two sources or none, or one that would set a
// CNAB_ variable; secret-reference.
absl::StatusOr<AgentTask> ParseAgentTask(const Source& source);

// Fetches what the inputs refer to, makes the files, starts the program, collects
// outputs (at most 16 MiB each; links are refused) also after a failure, writes
// the result. Where the user that it runs as may not write one of task.files, the
// program goes without it. `getenv` must be a copy of the environment: the
// variables that prove who we are go from the real one. Files with secrets are on
// a tmpfs: where their folder is none, a link there leads to one
// (DEPS_SECRET_FOLDER, or /dev/shm); they are removed in the end. An empty file on
// a tmpfs that is there already is filled, and emptied in the end if it has a
// secret: so a file is mounted for a user who may not write to its folder.
// Errors: secret-unavailable before anything has started; run-busy where
// `control` has seen a start; run-driver.
absl::StatusOr<AgentResult> RunAgentTask(const AgentTask& task, const Getenv& getenv);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_TASK_H_

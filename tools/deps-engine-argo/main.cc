#include "lib/cli/command.h"
#include "tools/deps-engine-argo/command.h"

int main(int argc, char** argv) { return deps::Main(argc, argv, deps::RunDepsEngineArgo); }

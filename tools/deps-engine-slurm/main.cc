#include "lib/cli/command.h"
#include "tools/deps-engine-slurm/command.h"

int main(int argc, char** argv) { return deps::Main(argc, argv, deps::RunDepsEngineSlurm); }

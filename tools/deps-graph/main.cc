#include "lib/cli/command.h"
#include "tools/deps-graph/command.h"

int main(int argc, char** argv) { return deps::Main(argc, argv, deps::RunDepsGraph); }

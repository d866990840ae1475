#include "lib/cli/command.h"
#include "tools/cnab-publish/command.h"

int main(int argc, char** argv) { return deps::Main(argc, argv, deps::RunCnabPublish); }

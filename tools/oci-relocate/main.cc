#include "lib/cli/command.h"
#include "tools/oci-relocate/command.h"

int main(int argc, char** argv) { return deps::Main(argc, argv, deps::RunOciRelocate); }

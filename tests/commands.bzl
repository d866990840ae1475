"""The commands that tests over whole pipelines get as arguments."""

# From a bundle to a run.
PIPELINE = [
    "//tools/deps-graph",
    "//tools/deps-plan",
    "//tools/deps-run",
    "//tools/deps-solve",
]

# What publishes, relocates and runs bundles in containers.
CONTAINER_COMMANDS = PIPELINE + [
    "//tools/cnab-publish",
    "//tools/deps-agent",
    "//tools/oci-relocate",
]

def paths_of(programs):
    return ["$(rootpath %s)" % program for program in programs]

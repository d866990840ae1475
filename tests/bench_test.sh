#!/bin/bash
#
# Runs every measurement of scripts/bench once, on small inputs.

set -euo pipefail

# The programs lie below the folder the test starts in, as they do in the build.
BENCH_PROGRAMS=$PWD scripts/bench --brief | tee "$TEST_TMPDIR/tables"
grep -q '^chain 100 .* yes ' "$TEST_TMPDIR/tables"

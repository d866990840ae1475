#!/bin/bash
#
# The tests of the store on a PostgreSQL server of their own.
# Usage: postgres_test.sh STATE_TEST

set -euo pipefail

# shellcheck source=tests/postgres.sh
. tests/postgres.sh
trap stop_postgres EXIT
start_postgres
DEPS_TEST_POSTGRES=$POSTGRES_URL "$1" --gtest_filter='*postgres*'

#!/usr/bin/env bash
# Lint and test, on a machine that has nothing but Python: `bash tests/run.sh [pytest options]`.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$ROOT"
# shellcheck source=tools/environment.sh
source tools/environment.sh
ensure_environment
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
# One process a core, one thread each: more threads would only fight for the same cores. Tests of one file stay
# together and in order.
export OMP_NUM_THREADS=1
"$PYTHON" -m pytest --numprocesses auto --dist loadfile "$@"

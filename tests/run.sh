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
# Two-process tests share the cores; one thread each keeps them from fighting.
"$PYTHON" -m pytest "$@"

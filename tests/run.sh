#!/usr/bin/env bash
# Lint and test, on a machine that has nothing but Python: `bash tests/run.sh [pytest options]`.
#
#   bash tests/run.sh                  everything, as continuous integration does
#   bash tests/run.sh -m "not slow"    the quick round: without whole trainings, runs of several processes and the
#                                      commands of the docs' pages
#   bash tests/run.sh tests/toy        one folder
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$ROOT"
# shellcheck source=tools/environment.sh
source tools/environment.sh
EXTRAS=$ALL_EXTRAS
ensure_environment ruff pytest xdist hypothesis pytest_rerunfailures
unset ALPHACTION_VENV  # the launchers that are tested have environments of their own
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
# One process a core, one thread each: more threads would only fight for the same cores. tests/conftest.py shares the
# tests out.
export OMP_NUM_THREADS=1
# A test that fails is run once more: signals and processes have races that a loaded machine shows. One that passes only
# then is listed as RERUN at the end, and is to be mended.
"$PYTHON" -m pytest --numprocesses auto --reruns 1 -rR "$@"

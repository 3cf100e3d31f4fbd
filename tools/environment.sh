# shellcheck shell=bash
# Sourced by tests/run.sh, tools/finetune_quickstart.sh and tools/slurm_train.sbatch: sets PYTHON to an interpreter that
# has AlphAction installed.
# An active virtual environment (or conda environment) is used; otherwise .venv is created in the clone.
# Needs ROOT, the folder of the clone. ALPHACTION_VENV names another place for the environment.

find_python() {
  local candidate
  for candidate in python3 python python3.13 python3.12 python3.11 python3.10; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  echo "error: Python 3.10 or newer is needed and was not found on PATH." >&2
  return 1
}

# Create a virtual environment in folder $1. If that fails, remove it, unless the folder was there before.
# The body is a subshell, so that its trap ends with it.
make_venv() (
  venv=$1
  base=$(find_python) || exit 1
  echo "Creating a virtual environment in $venv"
  [ -e "$venv" ] || trap 'rm -rf "$venv"' EXIT
  "$base" -m venv "$venv" || {
    echo "error: could not make $venv (on Debian and Ubuntu: apt install python3-venv)." >&2
    exit 1
  }
  trap - EXIT
)

# Environments that uv makes, and some of distributions, have no pip.
install_alphaction() {
  if "$PYTHON" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m ensurepip >/dev/null 2>&1; then
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable "${ROOT}[dev]"
  elif command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$PYTHON" --editable "${ROOT}[dev]"
  else
    echo "error: $PYTHON has no pip, cannot get it with ensurepip, and uv is not on PATH." >&2
    echo "Install one of them, or run \`deactivate\` first: AlphAction then creates .venv in the clone." >&2
    return 1
  fi
}

ensure_environment() {
  local venv stamp wanted
  if [ -n "${VIRTUAL_ENV:-}" ]; then
    venv=$VIRTUAL_ENV
  elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
    venv=$CONDA_PREFIX
  else
    venv=${ALPHACTION_VENV:-$ROOT/.venv}
    [ -x "$venv/bin/python" ] || make_venv "$venv" || return 1
  fi
  PYTHON=$venv/bin/python
  if [ ! -x "$PYTHON" ]; then
    echo "error: the active environment $venv has no bin/python (was it removed?)." >&2
    echo "Run \`deactivate\` or open a new shell." >&2
    return 1
  fi
  # If this clone with these requirements is installed already, there is nothing to do: a second run starts at once.
  stamp=$venv/.alphaction-installed
  wanted="$ROOT $(cat "$ROOT/setup.py" "$ROOT/alphaction/utils/requirements.py" | cksum)"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing AlphAction and its dependencies into $venv (the first time takes some minutes: it downloads PyTorch)"
    install_alphaction || return 1
    printf '%s' "$wanted" >"$stamp"
  fi
  export PATH="$venv/bin:$PATH" PYTHON
}

# Sourced by tests/run.sh and tools/finetune_quickstart.sh: sets PYTHON to an interpreter that has AlphAction installed.
# An active virtual environment (or conda environment) is used as it is; otherwise .venv is made in the clone.
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

ensure_environment() {
  local venv stamp wanted base
  if [ -n "${VIRTUAL_ENV:-}" ]; then
    venv=$VIRTUAL_ENV
  elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
    venv=$CONDA_PREFIX
  else
    venv=${ALPHACTION_VENV:-$ROOT/.venv}
    if [ ! -x "$venv/bin/python" ]; then
      base=$(find_python) || return 1
      echo "Making a virtual environment in $venv"
      "$base" -m venv "$venv" || {
        echo "error: could not make $venv (on Debian and Ubuntu: apt install python3-venv)." >&2
        return 1
      }
    fi
  fi
  PYTHON=$venv/bin/python
  # Installed already, for this clone and this setup.py: nothing to do, so that a second run starts at once.
  stamp=$venv/.alphaction-installed
  wanted="$ROOT $(cksum <"$ROOT/setup.py")"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing AlphAction and what it needs into $venv (the first time downloads PyTorch; some minutes)"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable "$ROOT[dev]" || return 1
    printf '%s' "$wanted" >"$stamp"
  fi
  export PATH="$venv/bin:$PATH" PYTHON
}

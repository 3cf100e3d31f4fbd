# shellcheck shell=bash
# Sourced by tests/run.sh, tools/finetune_quickstart.sh and tools/slurm_train.sbatch: finds a Python that runs AlphAction.
# Needs ROOT, the folder of the clone.
#
# The environment is the one that ALPHACTION_VENV names; else an active virtual environment (or conda environment) that
# has the packages; else .venv in the clone. Packages are installed only into an environment that was made here, which
# carries a mark, or that ALPHACTION_VENV names.

# What is installed with AlphAction; the tests want its optional packages, too.
EXTRAS=dev
ALL_EXTRAS=dev,optional,docs
MARK=.alphaction-made
STAMP=.alphaction-installed

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
  : >"$venv/$MARK"
  trap - EXIT
)

# Environments that uv makes, and some of distributions, have no pip.
install_alphaction() {
  if "$PYTHON" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m ensurepip >/dev/null 2>&1; then
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable "${ROOT}[$EXTRAS]"
  elif command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$PYTHON" --editable "${ROOT}[$EXTRAS]"
  else
    echo "error: $PYTHON has no pip, cannot get it with ensurepip, and uv is not on PATH." >&2
    echo "Install one of them, or leave ALPHACTION_VENV out: AlphAction then uses .venv in the clone." >&2
    return 1
  fi
}

# Whether environment $1 was made here; older versions left only the stamp in the clone's own .venv.
is_ours() {
  [ -f "$1/$MARK" ] || { [ "$1" = "$ROOT/.venv" ] && [ -f "$1/$STAMP" ]; }
}

# Whether environment $1 has AlphAction's packages, and the modules that follow.
has_packages() {
  local python=$1/bin/python
  shift
  PYTHONPATH=$ROOT "$python" -c 'import sys
from importlib.util import find_spec
from alphaction.utils.requirements import find_problem
sys.exit(find_problem() is not None or any(find_spec(name) is None for name in sys.argv[1:]))' "$@" 2>/dev/null
}

active_environment() {
  if [ -n "${VIRTUAL_ENV:-}" ]; then
    echo "$VIRTUAL_ENV"
  elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
    echo "$CONDA_PREFIX"
  fi
}

# Set VENV, PYTHON, and TODO to what has to be done with it: nothing, install, or make. Changes nothing.
# Arguments: modules that are needed besides AlphAction's packages.
choose_environment() {
  local active
  active=$(active_environment)
  TODO=nothing
  if [ -n "${ALPHACTION_VENV:-}" ]; then
    VENV=$ALPHACTION_VENV
  elif [ -n "$active" ]; then
    VENV=$active
    if [ ! -x "$VENV/bin/python" ]; then
      echo "error: the active environment $VENV has no bin/python (was it removed?)." >&2
      echo "Run \`deactivate\` or open a new shell." >&2
      return 1
    fi
    if [ ! "$VENV" -ef "$ROOT/.venv" ] && ! is_ours "$VENV" && ! has_packages "$VENV" "$@"; then
      echo "The active environment $VENV lacks packages of AlphAction and is left as it is; $ROOT/.venv is used."
      echo "(To install into the active one: ALPHACTION_VENV=$VENV before the command.)"
      VENV=$ROOT/.venv
    fi
  else
    VENV=$ROOT/.venv
  fi
  PYTHON=$VENV/bin/python
  if [ ! -x "$PYTHON" ]; then
    TODO=make
  elif is_ours "$VENV"; then
    # If this clone with these requirements is installed already, there is nothing to do: a second run starts at once.
    is_current "$VENV" || TODO=install
  elif ! has_packages "$VENV" "$@"; then
    TODO=install
    if [ -z "${ALPHACTION_VENV:-}" ]; then
      echo "error: $VENV lacks packages of AlphAction, and is not an environment that this command made." >&2
      echo "To install into it: ALPHACTION_VENV=$VENV before the command. Or rename it (deactivate it first): a new one is made." >&2
      return 1
    fi
  fi
}

# The stamp of an environment with the extras $1.
wanted_stamp() {
  printf '%s' "$ROOT $(cat "$ROOT/setup.py" "$ROOT/alphaction/utils/requirements.py" | cksum) $1"
}

is_current() {
  local held
  held=$(cat "$1/$STAMP" 2>/dev/null)
  [ "$held" = "$(wanted_stamp "$EXTRAS")" ] || [ "$held" = "$(wanted_stamp "$ALL_EXTRAS")" ]
}

# Do what choose_environment found to be done.
install_environment() {
  if [ "$TODO" = make ]; then
    make_venv "$VENV" || return 1
  fi
  if [ "$TODO" != nothing ]; then
    echo "Installing AlphAction and its dependencies into $VENV (the first time takes some minutes: it downloads PyTorch)"
    install_alphaction || return 1
    wanted_stamp "$EXTRAS" >"$VENV/$STAMP"
  fi
  # The clone need not be installed into an environment that has the packages. Names of files and classes may be in any
  # script, whatever the locale is.
  export PATH="$VENV/bin:$PATH" PYTHON PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" PYTHONUTF8=1
}

ensure_environment() {
  choose_environment "$@" || return 1
  install_environment
}

# The same for a launch with these arguments: mistakes in them are said, and dry runs end, before anything is installed.
ensure_environment_for_launch() {
  local base word
  choose_environment || return 1
  if [ "$TODO" != nothing ]; then
    base=$(find_python) || return 1
    PYTHONPATH=$ROOT "$base" -m alphaction.workflows.finetune.launch.launch_options "$@" || return
    for word in "$@"; do
      case "$word" in
        --) break ;;
        --dry-run)
          echo "error: --dry-run installs nothing, and the plan needs packages that would be installed into $VENV." >&2
          echo "Without --dry-run they are installed, and the plan is shown before the training starts." >&2
          return 2
          ;;
      esac
    done
  fi
  install_environment
}

#!/usr/bin/env bash
# From a config to a training that runs:               bash tools/finetune_quickstart.sh CONFIG
# From a fresh clone to an evaluated action detector:  bash tools/finetune_quickstart.sh --demo
#
# Uses an active environment that has the packages, else makes .venv and installs AlphAction into it, the first time; not
# before the arguments are read. alphaction/workflows/finetune/launch/ does the rest. Runs on the bash 3.2 of macOS.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: bash tools/finetune_quickstart.sh CONFIG [options] [-- KEY VALUE ...]
       bash tools/finetune_quickstart.sh --demo [-- KEY VALUE ...]

Checks config, data, weights and this machine, scales the schedule to the GPUs, shows what would be trained and the exact
command, asks once, and starts the training.

  CONFIG            YAML file of the experiment, for example from tools/generate_finetune_config.py
  --num-gpus N      GPUs of each machine (default: all; where there is none: the CPU)
  --single-gpu      the same as --num-gpus 1
  --cpu             train on the CPU
  --new-classes     take the backbone only from MODEL.WEIGHT and start the action head anew (own classes);
                    default: take the head, too, as far as it fits
  --resume          continue from the last checkpoint in OUTPUT_DIR with its schedule, also on another number of GPUs
  --requeued        --resume if OUTPUT_DIR holds a checkpoint, else start: for jobs that a scheduler starts again
  --no-tensorboard  write no TensorBoard files
  --skip-val        no evaluation during training; the one at the end stays
  --compile         run the backbone as code that torch.compile makes of it (a minute or more at the start)
  --seed S          seed of the run (default: 0)
  --nnodes N --node-rank R --master-addr A [--master-port P]
                    several machines: run the command on each (under Slurm: tools/slurm_train.sbatch)
  --dry-run         show the plan and the command, or refuse as the training would; start nothing
  --yes             do not ask
  --demo            train and evaluate the tiny model on the toy dataset (about 8 minutes on 2 CPU cores)
  -- KEY VALUE      config keys to override, for example -- SOLVER.MAX_ITER 100

Batch, learning rate and iterations are scaled from SOLVER.REFERENCE_GPUS of the config to the processes of this run.

The first start installs packages, unless an active environment has them, into .venv of the clone, or into the
environment that ALPHACTION_VENV names. Another environment of yours is never changed.

examples:
  bash tools/finetune_quickstart.sh config_files/tiny/toy.yaml --cpu
  bash tools/finetune_quickstart.sh my_config.yaml --new-classes -- MODEL.WEIGHT weights.pth
  bash tools/finetune_quickstart.sh my_config.yaml --num-gpus 8 --dry-run
TEXT
}

demo() {
  local overrides started again i CONFIG OUTPUT
  # What Ctrl-C in one of the steps says: the demo continues what it has begun.
  again=$(printf ' %q' bash "$0" "$@")
  again="${ALPHACTION_VENV:+ALPHACTION_VENV=$(printf %q "$ALPHACTION_VENV") }${again# }"
  export ALPHACTION_STARTED_BY=$again ALPHACTION_RESUMED_BY=$again
  overrides=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --demo) ;;
      --) shift; overrides=("$@"); break ;;
      *) echo "error: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
  done
  cd "$ROOT"
  ensure_environment

  CONFIG=config_files/tiny/toy.yaml
  OUTPUT=output/toy_demo
  for ((i = 0; i + 1 < ${#overrides[@]}; i += 2)); do
    if [ "${overrides[i]}" = OUTPUT_DIR ]; then OUTPUT=${overrides[i + 1]}; fi
  done
  started=$SECONDS
  echo "== 1/3 toy dataset"
  "$PYTHON" tools/make_toy_dataset.py --output data/toy
  echo "== 2/3 training, evaluation and report (a run that was stopped continues from its last checkpoint)"
  "$PYTHON" train_net.py --config-file "$CONFIG" --use-tfboard OUTPUT_DIR "$OUTPUT" ${overrides[@]+"${overrides[@]}"}
  echo "== 3/3 picture of predictions"
  "$PYTHON" tools/draw_predictions.py --config-file "$CONFIG" --output "$OUTPUT/predictions.png" --force \
    OUTPUT_DIR "$OUTPUT"
  cat <<TEXT

Done in $((SECONDS - started)) s.
  Report        $OUTPUT/report.html (open it in a browser)
  AP table      $OUTPUT/inference/toy_val/report.txt
  Predictions   $OUTPUT/predictions.png
  Weights       $OUTPUT/model_best.pth
  TensorBoard   tensorboard --logdir $(printf %q "$OUTPUT/tensorboard")
TEXT
  if [ "${VIRTUAL_ENV:-}" != "$VENV" ] && [ -f "${PYTHON%/python}/activate" ]; then
    printf '\nActivate the environment before you run other commands:\n  source %s\n' "${PYTHON%/python}/activate"
  fi
}

mode=launch
for word in "$@"; do
  case "$word" in
    --) break ;;
    -h | --help) usage; exit 0 ;;
    --demo) mode=demo ;;
  esac
done
if [ $# -eq 0 ]; then
  usage >&2
  exit 2
fi

# shellcheck source=tools/environment.sh
source "$ROOT/tools/environment.sh"
if [ "$mode" = demo ]; then
  demo "$@"
else
  ensure_environment_for_launch "$@"
  exec "$PYTHON" -m alphaction.workflows.finetune.launch "$@"
fi

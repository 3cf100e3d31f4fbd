#!/usr/bin/env bash
# From a fresh clone to an evaluated action detector:  bash tools/finetune_quickstart.sh --demo
#
# Makes .venv if no virtual environment is active, installs, renders the toy dataset, trains the tiny SlowFast on it,
# evaluates it, prints the AP of each class and draws predictions on validation keyframes.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$ROOT"

usage() {
  cat <<'TEXT'
usage: bash tools/finetune_quickstart.sh --demo [-- KEY VALUE ...]

  --demo        train and evaluate the tiny model on the toy dataset (about 8 minutes on 2 CPU cores)
  -- KEY VALUE  config keys to override, for example -- SOLVER.MAX_ITER 100
TEXT
}

demo=no
overrides=()
while [ $# -gt 0 ]; do
  case "$1" in
    --demo) demo=yes ;;
    -h | --help) usage; exit 0 ;;
    --) shift; overrides=("$@"); break ;;
    *) echo "error: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
if [ "$demo" = no ]; then
  usage >&2
  exit 2
fi

# shellcheck source=tools/environment.sh
source tools/environment.sh
ensure_environment

CONFIG=config_files/tiny/toy.yaml
OUTPUT=output/toy_demo
started=$SECONDS
echo "== 1/4 toy dataset"
"$PYTHON" tools/make_toy_dataset.py --output data/toy
echo "== 2/4 training (a run that was stopped goes on from its last checkpoint)"
"$PYTHON" train_net.py --config-file "$CONFIG" --use-tfboard --skip-final-test OUTPUT_DIR "$OUTPUT" ${overrides[@]+"${overrides[@]}"}
echo "== 3/4 evaluation of the saved checkpoint"
"$PYTHON" test_net.py --config-file "$CONFIG" OUTPUT_DIR "$OUTPUT" ${overrides[@]+"${overrides[@]}"}
echo "== 4/4 picture of predictions"
"$PYTHON" tools/draw_predictions.py --config-file "$CONFIG" --output "$OUTPUT/predictions.png" OUTPUT_DIR "$OUTPUT"
cat <<TEXT

Done in $((SECONDS - started)) s.
  AP table      $OUTPUT/inference/toy_val/report.txt
  Predictions   $OUTPUT/predictions.png
  Weights       $OUTPUT/model_final.pth
  TensorBoard   tensorboard --logdir $OUTPUT/tensorboard
TEXT

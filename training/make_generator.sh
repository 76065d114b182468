#!/usr/bin/env bash
# From labelled pictures to the generator's file: make_generator.sh LABELLED MODEL.safetensors OUT.safetensors [WORK_FOLDER]
# LABELLED holds train/CLASS/*.jpg and val/CLASS/*.jpg of any size; MODEL is the tokenizer's file. Stopped, it goes on where
# it was when it is called again. BUDGETS are the tokens of a picture that it learns to make, EPOCHS how often it sees each,
# PLAIN in how many of these, at the end, none is cropped; SHAPE its size.
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n 's/^# //p' "$0" | head -n 1
  exit 2
fi
labelled=$1 model=$2 out=$3 work=${4:-generator-run}
here=$(dirname "$0")
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p "$work"
python=${PYTHON:-/usr/bin/python3}
program=${TOKENS:-$here/../build/tools/alitra-tokens}
read -r -a budgets <<<"${BUDGETS:-32 64}"
"$python" "$here/tokenise_labelled.py" "$labelled" "$work" --model "$model" --program "$program" --variants "${VARIANTS:-15}"
"$python" "$here/train_generator.py" "$labelled" "$work" "$work/gen.pt" --model "$model" --epochs "${EPOCHS:-90}" \
  --plain "${PLAIN:-14}" ${SHAPE:---dim 192 --heads 6 --layers 6 --rate 1.2e-3} --resume --budgets "${budgets[@]}" ${START:+--start "$START"}
"$python" "$here/export_generator.py" "$work/gen.pt" "$out" --model "$model"
echo "wrote $out"

#!/usr/bin/env bash
# From labelled pictures to the classifier's file: make_classifier.sh LABELLED MODEL.safetensors OUT.safetensors [WORK_FOLDER]
# LABELLED holds train/CLASS/*.jpg and val/CLASS/*.jpg; MODEL is the tokenizer's file. Stopped, it goes on where it was when
# it is called again. START=other.pt begins with a classifier for another model: then EPOCHS=10 is enough.
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n 's/^# //p' "$0" | head -n 1
  exit 2
fi
labelled=$1 model=$2 out=$3 work=${4:-classifier-run}
here=$(dirname "$0")
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p "$work"
python=${PYTHON:-/usr/bin/python3}
program=${TOKENS:-$here/../build/tools/alitra-tokens}
variants=${VARIANTS:-20} allocation=${ALLOCATION:-recognition}
"$python" "$here/tokenise_labelled.py" "$labelled" "$work" --model "$model" --program "$program" --variants "$variants" \
  --allocation "$allocation"
"$python" "$here/train_teacher.py" "$labelled" "$work" --variants $(seq 0 $((variants - 1)))
"$python" "$here/train_classifier.py" "$labelled" "$work" "$work/cls.pt" --model "$model" --epochs "${EPOCHS:-90}" --resume \
  --rate "${RATE:-1.2e-3}" --mean .999 --skip .05 --hard .2 --mirror --allocation "$allocation" --teacher "$work" ${START:+--start "$START"}
"$python" "$here/export_classifier.py" "$work/cls.pt" "$out" --model "$model"
echo "wrote $out"

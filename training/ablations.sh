#!/usr/bin/env bash
# What each part of the model gives: ablations.sh PHOTOS VAL TOKENIZER.pt [WORK_FOLDER [OUT.csv]]
# Trains a row's tokenizer, or its allocator on TOKENIZER.pt, each for as many steps; stopped, it goes on where it was.
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n 's/^# //p' "$0" | head -n 1
  exit 2
fi
photos=$1 val=$2 tokenizer=$3 work=${4:-ablations-run} out=${5:-}
here=$(dirname "$0")
steps=${TOKENIZER_STEPS:-600} allocator_steps=${ALLOCATOR_STEPS:-160}
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
python=${PYTHON:-/usr/bin/python3}
mkdir -p "$work"

train() {
  local row=$1
  shift
  echo "tokenizer $row"
  "$python" "$here/train.py" "$photos" "$work/$row.pt" --model ablation --steps "$steps" --batch 4 --start-crops 400 \
    --start-samples 40000 --resume --every 50 "$@"
}

allocator() {
  local row=$1
  shift
  echo "allocator $row"
  "$python" "$here/train_allocator.py" "$photos" "$tokenizer" "$work/allocator-$row.pt" --steps "$allocator_steps" \
    --batch 12 --fine 3 --resume "$@"
}

train reference
same=(--start "$work/reference.pt.start")
train without-depth "${same[@]}" --without depth
train without-mixing "${same[@]}" --without mixing
train two-levels --levels 2
train one-level --levels 1
allocator reference
for part in neighbours recurrence parent; do
  allocator "without-$part" --without "$part"
done
"$python" "$here/ablations.py" "$val" "$work" --tokenizer "$tokenizer" ${out:+--out "$out"}

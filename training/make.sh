#!/usr/bin/env bash
# From a folder of photographs to the model file: make.sh PHOTOS OUT.safetensors [WORK_FOLDER]
# Stopped, it goes on where it was when it is called again. MODEL=fast makes the smaller one. TOKENIZER_OPTIONS,
# ALLOCATOR_OPTIONS, CALIBRATE_OPTIONS and IDS_OPTIONS hold more options of these steps, as "--steps 100" instead of the
# minutes; DEVICE=cuda computes on a GPU; TOKENS is the program alitra-tokens, if it is not in build/tools.
set -euo pipefail

if [ $# -lt 2 ]; then
  sed -n 's/^# //p' "$0" | head -n 5
  exit 2
fi
photos=$1 out=$2 work=${3:-training-run} model=${MODEL:-base} device=${DEVICE:-cpu}
probes=32
if [ "$model" = fast ]; then probes=12; fi
here=$(dirname "$0")
tokens=${TOKENS:-$here/../build/tools/alitra-tokens}
if [ ! -x "$tokens" ]; then
  echo "make.sh: expected the program alitra-tokens at $tokens; build it with ninja -C build, or name it with TOKENS" >&2
  exit 1
fi
# Two BLAS threads that fight are slower than one.
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p "$work"
python=${PYTHON:-/usr/bin/python3}
"$python" "$here/train.py" "$photos" "$work/tok.pt" --model "$model" --resume --minutes "${TOKENIZER_MINUTES:-60}" \
  --device "$device" ${TOKENIZER_OPTIONS:-}
"$python" "$here/train_allocator.py" "$photos" "$work/tok.pt" "$work/alloc.pt" --resume --minutes "${ALLOCATOR_MINUTES:-25}" \
  --device "$device" ${ALLOCATOR_OPTIONS:-}
[ -s "$work/extra.json" ] || "$python" "$here/calibrate.py" "$photos" "$work/tok.pt" "$work/extra.json" \
  --device "$device" ${CALIBRATE_OPTIONS:-}
"$python" "$here/export.py" "$work/tok.pt" "$work/plain.safetensors" --name "alitra-$model-3" --probes "$probes" \
  --allocator "$work/alloc.pt" --extra "$work/extra.json"
"$python" "$here/train_ids.py" "$photos" "$work/plain.safetensors" "$out" --work "$work" --tokens "$tokens" ${IDS_OPTIONS:-}
echo "wrote $out"

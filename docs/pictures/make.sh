#!/bin/bash
# gst-alitra: adaptive-length video tokens for GStreamer
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the pictures of docs/tutorial.md and docs/viewer.md with the build in build/:  docs/pictures/make.sh [BUILD]
set -e -o pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build}")
# Debian's Python has Debian's numpy and PIL; another one that comes first in PATH may lack them.
export PATH=$build/tools:/usr/bin:$PATH GST_PLUGIN_PATH=$build/gst ALITRA_MODEL_PATH=$PWD/models
here=$PWD/docs/pictures
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "$screen" ] || kill "$screen"' EXIT
frames=60
python3 "$here/scene.py" 640 360 $frames >"$work/scene.i420"
cd "$work"

# tokens NAME OPTION...
tokens () {
  local name=$1
  shift
  gst-launch-1.0 -q filesrc location=scene.i420 ! rawvideoparse width=640 height=360 framerate=25/1 \
    ! alitraenc "$@" ! filesink location="$name.alitra"
}

# rebuilt NAME FRAME: NAME.png and NAME-density.png
rebuilt () {
  alitra-info --frame "$2" --picture "$1.png" --density "$1-density.png" "$1.alitra" >/dev/null
}

for n in 120 370 1500; do
  tokens t$n target-tokens=$n
  rebuilt t$n 40
done
python3 "$here/compose.py" "$here/tokens.png" 400 scene.i420@640x360@40 "frame 40 of the clip" \
  t370-density.png "where its 370 tokens are" t370.png "rebuilt from them"
python3 "$here/compose.py" "$here/budget.png" 400 t120.png "120 tokens" t370.png "370 tokens" t1500.png "1500 tokens"

tokens uniform target-tokens=370 allocation=uniform exact-length=true
tokens learned target-tokens=370 exact-length=true
rebuilt uniform 1
rebuilt learned 1
python3 "$here/compose.py" "$here/allocation.png" 400 learned.png "370 tokens where they help" \
  uniform.png "370 tokens spread evenly"

gst-launch-1.0 -q filesrc location=scene.i420 ! rawvideoparse width=640 height=360 framerate=25/1 ! videoconvert \
  ! theoraenc quality=63 ! oggmux ! filesink location=scene.ogg
exec {display}< <(exec Xvfb -displayfd 1 -screen 0 1400x900x24 -nolisten tcp 2>/dev/null)
screen=$!
read -r -u "$display" number
cat >script <<'SCRIPT'
set quality 60
frames 60
set tokens 900
frames 75
click 470 250
wait 0.5
screenshot view.png
SCRIPT
DISPLAY=:$number NO_AT_BRIDGE=1 alitra-view --script script scene.ogg
python3 -c 'import sys; from PIL import Image; Image.open("view.png").convert("RGB").quantize(256).save(sys.argv[1], optimize=True)' \
  "$here/view.png"
ls -l "$here"

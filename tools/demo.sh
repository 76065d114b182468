#!/bin/bash
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
# Turns a clip, a camera or a made-up scene into tokens and back, and leaves in a folder: tokens.alitra, overlay.mp4
# (where the tokens go), rebuilt.mp4 and sheet.png, and prints what it cost.
set -u -o pipefail
shopt -s lastpipe

usage () {
  cat <<'TEXT'
tools/demo.sh [OPTION...] [FILE | DEVICE]
  FILE or DEVICE       a video, or a camera such as /dev/video0; without one: the first camera, or a made-up scene
  --frames N           at most so many frames (300)
  --tokens-a-patch X   budget of a frame, for each 16x16 pixels (0.4)
  --out FOLDER         where the results go (demo-out)
  --scene              the made-up scene, even if there is a camera
TEXT
}

fail () {
  echo "demo.sh: $1" >&2
  exit 1
}

step () {
  printf '\n== %s\n' "$1"
}

frames=300 rate=0.4 out=demo-out input=
while [ $# -gt 0 ]; do
  case $1 in
    --frames|--tokens-a-patch|--out)
      [ $# -gt 1 ] || fail "expected a value after $1"
      case $1 in --frames) frames=$2 ;; --out) out=$2 ;; *) rate=$2 ;; esac
      shift ;;
    --scene) input=scene ;;
    --help|-h) usage; exit 0 ;;
    -*) usage >&2; fail "there is no option $1" ;;
    *) input=$1 ;;
  esac
  shift
done
[[ $frames =~ ^[1-9][0-9]*$ ]] || fail "expected a whole number above 0 for --frames, got \"$frames\""
[[ $rate =~ ^[0-9]+(\.[0-9]+)?$ ]] || fail "expected a number such as 0.4 for --tokens-a-patch, got \"$rate\""
if [ -z "$input" ]; then
  if [ -c /dev/video0 ]; then input=/dev/video0; else input=scene; fi
fi
[ "$input" = scene ] || [ -e "$input" ] || fail "there is no file or device $input"
mkdir -p "$out" || fail "the folder $out cannot be made"
out=$(cd "$out" && pwd)
case $input in scene) ;; *) input=$(realpath "$input") ;; esac

cd "$(dirname "$0")/.." || exit 1
. tools/packages.sh

step "What is needed"
install_missing $build_packages $demo_packages || exit 1
# Debian's Python has Debian's numpy; another one that comes first in PATH may lack it.
python=python3
"$python" -c 'import numpy, PIL' 2>/dev/null || python=/usr/bin/python3
"$python" -c 'import numpy, PIL' || fail "python3 lacks numpy or PIL (Debian: python3-numpy python3-pil)"
build=${BUILD:-build-demo}
if [ ! -f "$build/build.ninja" ]; then
  meson setup "$build" --buildtype=release -Dtests=false >/dev/null || fail "meson cannot configure the build"
fi
ninja -C "$build" ${JOBS:+-j "$JOBS"} | tail -n 1 || fail "the build failed: run ninja -C $build to see why"
export GST_PLUGIN_PATH=$PWD/$build/gst ALITRA_MODEL_PATH=${ALITRA_MODEL_PATH:-$PWD/models}
case $build in /*) GST_PLUGIN_PATH=$build/gst ;; esac

work=$(mktemp -d "$out/.work.XXXXXX") || fail "the folder $out cannot be written"
trap 'rm -rf "$work"' EXIT

# gst NAME PIPELINE...: runs a pipeline; its messages go to a file.
gst () {
  local log=$work/$1.log
  shift
  gst-launch-1.0 -m "$@" >"$log" 2>&1 || {
    grep -E '^(ERROR|WARNING)|debug information' -A 2 "$log" | head -n 12 >&2
    fail "this pipeline failed: gst-launch-1.0 $*"
  }
}

# Frames as they lie in memory, and a line in the log that says what they are.
record () {
  gst record -v "$@" ! identity eos-after=$((frames + 1)) ! videoconvert ! video/x-raw,format=I420 \
    ! identity name=recorded ! filesink location="$work/source.raw"
}

step "Taking up to $frames frames of $input"
case $input in
  scene)
    # Calm colours, a ball that moves over them, and in a corner rings that never stand still.
    scene_caps="video/x-raw,format=I420,framerate=25/1"
    record videotestsrc pattern=smpte75 num-buffers="$frames" ! "$scene_caps,width=1280,height=720" ! queue \
      ! compositor name=mix background=black sink_1::xpos=480 sink_1::ypos=60 sink_2::xpos=1000 sink_2::ypos=420 \
      videotestsrc pattern=ball num-buffers="$frames" ! "$scene_caps,width=400,height=300" ! queue ! mix. \
      videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=1 num-buffers="$frames" \
      ! "$scene_caps,width=240,height=240" ! queue ! mix. mix. ;;
  /dev/*)
    record v4l2src device="$input" num-buffers="$frames" ! decodebin ! videoconvert ;;
  *)
    record filesrc location="$input" ! decodebin ! videoconvert ! videoflip method=automatic ;;
esac
caps=$(sed -n 's/.*GstIdentity:recorded.GstPad:src: caps = //p' "$work/record.log" | tail -n 1)
[[ $caps =~ width=\(int\)([0-9]+) ]] && width=${BASH_REMATCH[1]}
[[ $caps =~ height=\(int\)([0-9]+) ]] && height=${BASH_REMATCH[1]}
[ -s "$work/source.raw" ] && [ -n "${width:-}" ] && [ -n "${height:-}" ] || fail "no frame came out of $input"
# GStreamer's rows of I420 are padded to four bytes, and there is an even number of them. The pipeline may have taken
# some frames more before it ended.
luma_row=$(((width + 3) / 4 * 4)) chroma_row=$((((width + 1) / 2 + 3) / 4 * 4)) rows=$(((height + 1) / 2 * 2))
frame=$((luma_row * rows + chroma_row * rows))
truncate --size="<$((frames * frame))" "$work/source.raw"
source=(filesrc "location=$work/source.raw" ! capsfilter "caps=$caps" ! queue \
  ! rawvideoparse use-sink-caps=true)

tokens=$(awk "BEGIN { n = $rate * int(($width + 15) / 16) * int(($height + 15) / 16); print n < 1 ? 1 : int(n + .5) }")

step "Tokens: $tokens for each frame of ${width}x$height"
gst encode "${source[@]}" ! alitraenc target-tokens="$tokens" post-messages=true \
  ! filesink location="$out/tokens.alitra"

# x264enc holds some frames back, and until its first one comes out every sink waits: the queues beside it have room.
step "Where the tokens go: overlay.mp4"
even="videoscale ! video/x-raw,width=$(((width + 1) / 2 * 2)),height=$(((height + 1) / 2 * 2))"
to_mp4="videoconvert ! $even ! x264enc speed-preset=veryfast pass=qual quantizer=20 ! video/x-h264,profile=high"
to_mp4="$to_mp4 ! mp4mux faststart=true ! filesink"
gst overlay "${source[@]}" ! alitraenc target-tokens="$tokens" overlay-alpha=0.8 name=e \
  e.src ! queue max-size-time=0 ! fakesink e.overlay ! queue ! $to_mp4 location="$out/overlay.mp4"

step "Back to pictures: rebuilt.mp4"
gst decode filesrc location="$out/tokens.alitra" ! alitraparse ! alitradec ! fakesink sync=false
gst rebuild filesrc location="$out/tokens.alitra" ! alitraparse ! alitradec ! tee name=t \
  t. ! queue ! $to_mp4 location="$out/rebuilt.mp4" \
  t. ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! video/x-raw,format=I420 \
  ! filesink location="$work/rebuilt.raw"

step "Side by side: sheet.png"
"$python" tools/sheet.py --roundtrip "$build/tools/alitra-roundtrip" --tokens-a-patch "$rate" \
  --raw "${width}x$height" "$work/source.raw" "$out/sheet.png" || exit 1

step "What it cost"
"$python" tools/demo_report.py "$work" "${width}x$height" || exit 1
printf '\nIn %s:\n' "$out"
(cd "$out" && ls -sh tokens.alitra overlay.mp4 rebuilt.mp4 sheet.png)

#!/bin/bash
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a camera that stands still costs on a network: 640x360 at 25 frames a second, through RTP and a UDP socket's worth
# of headers, with the rebuilt picture beside the original.
set -e -u -o pipefail

usage () {
  cat <<'TEXT'
tools/static-camera.sh [OPTION...] [FILE]
  FILE           a video of a camera that stands still; without one: a drawn scene
  --quality Q    0 to 100: what the picture sharpens to (60)
  --rate N       new tokens a second (1300)
  --refresh N    every place is sent anew within so many frames; 0: a receiver that lost packets asks for a key frame (0)
  --hold MS      so long frames wait for others that go into the same packet of the network (120)
  --frames N     at most so many frames (200)
  --picture PNG  where the last frame goes, original beside rebuilt (static-camera.png)
Prints the bit rate of the tokens, and of all that goes into the network: headers of RTP, UDP and IP counted.
TEXT
}

fail () {
  echo "static-camera.sh: $1" >&2
  exit 1
}

quality=60 rate=1300 refresh=0 hold=120 frames=200 picture=static-camera.png input=
while [ $# -gt 0 ]; do
  case $1 in
    --quality|--rate|--refresh|--hold|--frames|--picture)
      [ $# -gt 1 ] || fail "expected a value after $1"
      declare "${1#--}=$2"
      shift ;;
    --help|-h) usage; exit 0 ;;
    -*) usage >&2; fail "there is no option $1" ;;
    *) input=$1 ;;
  esac
  shift
done
for number in "$quality" "$rate" "$refresh" "$hold" "$frames"; do
  [[ $number =~ ^[0-9]{1,6}$ ]] || fail "expected whole numbers for all options but --picture, got $number"
done
[ "$frames" -gt 0 ] || fail "expected at least one frame"
aggregate=zero-latency
[ "$hold" -eq 0 ] || aggregate=max

tree=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${BUILD:-$tree/build}")
# Debian's Python has Debian's numpy and PIL; another one that comes first in PATH may lack them.
export PATH=$build/tools:/usr/bin:$PATH GST_PLUGIN_PATH=$build/gst ALITRA_MODEL_PATH=${ALITRA_MODEL_PATH:-$tree/models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
size=640x360 fps=25
raw="video/x-raw,format=I420,width=640,height=360,framerate=$fps/1"

if [ -n "$input" ]; then
  [ -f "$input" ] || fail "there is no file $input"
  gst-launch-1.0 -q filesrc location="$(realpath "$input")" ! decodebin ! videoconvert ! videoscale ! videorate ! "$raw" \
    ! identity eos-after=$((frames + 1)) ! filesink location="$work/scene.i420"
else
  python3 "$tree/docs/pictures/scene.py" 640 360 "$frames" >"$work/scene.i420"
fi

# RTP packets into a file with two bytes of length before each (RFC 4571): their number and size are those on a network.
gst-launch-1.0 -q filesrc location="$work/scene.i420" ! rawvideoparse format=i420 width=640 height=360 framerate=$fps/1 \
  ! alitraenc quality="$quality" target-rate="$rate" refresh="$refresh" key-int-max=0 \
  ! tee name=t t. ! queue ! filesink location="$work/scene.alitra" \
  t. ! queue ! rtpalitrapay config-interval=1 aggregate-mode=$aggregate max-ptime=$((hold * 1000000)) ! rtpstreampay ! filesink location="$work/scene.rtp"

python3 - "$work/scene.alitra" "$work/scene.rtp" "$work/scene.i420" $fps <<'PYTHON'
import os
import struct
import sys

tokens, rtp, raw, rate = *sys.argv[1:4], int(sys.argv[4])
frames = os.path.getsize(raw) // (640 * 360 * 3 // 2)
data, at, packets, sent = open(rtp, 'rb').read(), 0, 0, 0
while at < len(data):
    size = struct.unpack('>H', data[at:at + 2])[0]
    at, packets, sent = at + 2 + size, packets + 1, sent + size + 28
kbit = 8 * rate / frames / 1000
print('%d frames of 640x360 at %d a second' % (frames, rate))
print('tokens            %6.1f kbit/s' % (os.path.getsize(tokens) * kbit))
print('on the network    %6.1f kbit/s in %d packets, with the headers of RTP, UDP and IP' % (sent * kbit, packets))
PYTHON

count=$(($(stat -c %s "$work/scene.i420") / (640 * 360 * 3 / 2)))
alitra-info --frame "$count" --picture "$work/rebuilt.png" "$work/scene.alitra" >/dev/null
(cd "$work" && python3 "$tree/docs/pictures/compose.py" out.png 640 "scene.i420@$size@$count" "frame $count" \
  rebuilt.png "rebuilt from what came")
cp "$work/out.png" "$picture"
echo "the last frame is in $picture"

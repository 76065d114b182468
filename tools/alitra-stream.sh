#!/bin/bash
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sends the tokens of a camera over RTP, or watches them, with the bit rate in the terminal.
set -u -o pipefail

usage () {
  cat <<'TEXT'
tools/alitra-stream.sh send [OPTION...] [FILE | DEVICE]
tools/alitra-stream.sh watch [OPTION...]
  FILE or DEVICE   a video, or a camera such as /dev/video0; without one: the first camera, or a test picture
  --host HOST      where to send to (127.0.0.1)
  --port N         UDP port, at both ends (5004)
  --size WxH       of the picture that is sent (640x360)
  --rate KBIT      kbit/s; 0: --quality decides (0)
  --quality Q      0 to 100 (40)
  --latency MS     of the receiver's jitter buffer (200)
  --frames N       end after so many frames (never)
  --no-window      show no picture
Run "watch" in one terminal and "send" in another; each prints once a second how many kbit/s there were.
TEXT
}

fail () {
  echo "alitra-stream.sh: $1" >&2
  exit 1
}

need_number () {
  [[ $2 =~ ^[0-9]+$ ]] || fail "expected a whole number for $1, got \"$2\""
}

mode=${1:-}
case $mode in
  send|watch) shift ;;
  --help|-h) usage; exit 0 ;;
  *) usage >&2; exit 1 ;;
esac
host=127.0.0.1 port=5004 size=640x360 rate=0 quality=40 latency=200 frames=0 window=yes input=
while [ $# -gt 0 ]; do
  case $1 in
    --host|--port|--size|--rate|--quality|--latency|--frames)
      [ $# -gt 1 ] || fail "expected a value after $1"
      case $1 in --host|--size) ;; *) need_number "$1" "$2" ;; esac
      declare "${1#--}=$2"
      shift ;;
    --no-window) window=no ;;
    --help|-h) usage; exit 0 ;;
    -*) usage >&2; fail "there is no option $1" ;;
    *) input=$1 ;;
  esac
  shift
done
[[ $size =~ ^([1-9][0-9]*)x([1-9][0-9]*)$ ]] || fail "expected a size such as 640x360, got \"$size\""
picture="video/x-raw,width=${BASH_REMATCH[1]},height=${BASH_REMATCH[2]}"

tree=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$tree/build}
[ ! -e "$build/gst/libgstalitra.so" ] || export GST_PLUGIN_PATH="$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
[ ! -d "$tree/models" ] || export ALITRA_MODEL_PATH=${ALITRA_MODEL_PATH:-$tree/models}
command -v gst-launch-1.0 >/dev/null || fail "gst-launch-1.0 is missing (Debian: gstreamer1.0-tools)"
gst-inspect-1.0 alitraenc >/dev/null 2>&1 || fail "GStreamer does not find the plugin: build it, or set GST_PLUGIN_PATH"

# Sizes of the buffers that pass the element called "meter", as lines of kbit/s.
meter () {
  local bits=0 frames=0 all=0 sum=0 start= last= now line
  while IFS= read -r line; do
    case $line in
      ERROR*|WARNING*) echo "$line" >&2 ;;
    esac
    [[ $line == *"chain"*"(meter:sink)"* && $line =~ \(([0-9]+)\ bytes ]] || continue
    bits=$((bits + 8 * BASH_REMATCH[1])) frames=$((frames + 1)) now=$EPOCHSECONDS
    : "${start:=$now}" "${last:=$now}"
    [ "$now" -gt "$last" ] || continue
    printf '%5d s  %7d kbit/s  %3d frames/s\n' $((now - start)) $((bits / 1000 / (now - last))) \
      $((frames / (now - last)))
    all=$((all + bits)) sum=$((sum + frames)) bits=0 frames=0 last=$now
  done
  all=$((all + bits)) sum=$((sum + frames))
  [ "$sum" -gt 0 ] || fail "no frame came"
  printf '%d frames, %d kbit, %d bits a frame\n' "$sum" $((all / 1000)) $((all / sum))
}

count=-1
[ "$frames" -eq 0 ] || count=$frames
identity="identity name=meter silent=false eos-after=$([ "$frames" -eq 0 ] && echo -1 || echo $((frames + 1)))"

if [ "$mode" = send ]; then
  [ -n "$input" ] || { if [ -c /dev/video0 ]; then input=/dev/video0; else input=test; fi; }
  case $input in
    test) source="videotestsrc is-live=true pattern=ball num-buffers=$count ! video/x-raw,framerate=25/1" ;;
    /dev/*) source="v4l2src device=$input num-buffers=$count ! decodebin" ;;
    *)
      [ -e "$input" ] || fail "there is no file or device $input"
      source="filesrc location=\"$(realpath "$input")\" ! decodebin ! identity sync=true" ;;
  esac
  encode="alitraenc key-int-max=100"
  if [ "$rate" -gt 0 ]; then
    # The encoder counts tokens, of which each takes up to 20 bits with what says where it is; the rest is cut off.
    encode="$encode target-rate=$((50 * rate)) refresh=50 ! alitratrim max-bitrate=$rate"
  else
    encode="$encode quality=$quality"
  fi
  echo "sending $input to $host:$port" >&2
  eval "gst-launch-1.0 -v $source ! videoconvert ! videoscale ! $picture ! $encode ! $identity ! rtpalitrapay \
    config-interval=1 ! udpsink host=$host port=$port" 2>&1 | meter
else
  sink="fakesink sync=true"
  [ "$window" = no ] || sink="videoconvert ! autovideosink"
  caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=X-ALITRA,payload=96"
  echo "listening at port $port" >&2
  eval "gst-launch-1.0 -v udpsrc port=$port caps=$caps ! rtpjitterbuffer latency=$latency ! rtpalitradepay \
    ! $identity ! alitradec ! $sink" 2>&1 | meter
fi

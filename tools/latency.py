#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Live latency: from the capture time of a frame to its decoded picture, by RTP over a UDP socket of this machine.

A live source, encoder, payloader and udpsink; udpsrc, jitter buffer, depayloader, decoder. Frames are told apart by the
number in their token packet. The last line says whether all frames came within one frame period plus the setting of the
jitter buffer. Needs GStreamer's Python (Debian: python3-gi gir1.2-gstreamer-1.0) and the plugin: set GST_PLUGIN_PATH and
ALITRA_MODEL_PATH, or have a build in the folder build of the tree."""
import argparse
import os
import re
import sys
import threading
from pathlib import Path

import gi

gi.require_version('Gst', '1.0')
from gi.repository import Gst  # noqa: E402

TREE = Path(__file__).resolve().parents[1]
RTP = 'application/x-rtp,media=video,clock-rate=90000,encoding-name=X-ALITRA,payload=96'
FRAME_NUMBER = slice(8, 12)    # of a token packet, little-endian
MILLISECOND = 1e6
STAGES = ('encoded', 'received', 'decoded')
# After the last frame was sent: no end comes over the network.
PATIENCE_SECONDS = 5


def give_up(message):
    sys.exit('%s: %s' % (Path(sys.argv[0]).name, message))


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('clip', nargs='?', type=Path, help='a video, played in time (a test picture)')
    parser.add_argument('--size', default='640x360', metavar='WxH', help='of the pictures (640x360)')
    parser.add_argument('--rate', type=int, default=25, metavar='N', help='frames a second (25)')
    parser.add_argument('--frames', type=int, default=250, metavar='N', help='to send at most (250)')
    parser.add_argument('--warm-up', type=int, default=25, metavar='N',
                        help='first frames that do not count: the model is read, buffers are made (25)')
    parser.add_argument('--latency', type=int, default=20, metavar='MS', help='of the jitter buffer (20)')
    parser.add_argument('--quality', type=int, default=50, metavar='Q', help='of the encoder (50)')
    parser.add_argument('--threads', type=int, default=0, metavar='N', help='of encoder and decoder; 0: all cores (0)')
    options = parser.parse_args()
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', options.size)
    if not found:
        give_up('expected a size such as 640x360, got "%s"' % options.size)
    options.width, options.height = int(found[1]), int(found[2])
    if options.clip and not options.clip.is_file():
        give_up('there is no file %s' % options.clip)
    if options.rate < 1 or not 0 <= options.warm_up < options.frames:
        give_up('expected a --rate above 0, and fewer frames to warm up than in all')
    return options


class Times:
    """When each frame was captured, and when it came through each stage; nanoseconds of the system's clock."""

    def __init__(self, clock):
        self.clock, self.lock = clock, threading.Lock()
        self.captured = {}
        self.came = {stage: {} for stage in STAGES}
        self.decoding = None

    def capture(self, number, time):
        with self.lock:
            self.captured[number] = time
            self.came['encoded'][number] = self.clock.get_time()

    def come(self, stage, number):
        with self.lock:
            self.came[stage].setdefault(number, self.clock.get_time())

    def latencies(self, stage, warm_up):
        """Milliseconds, in order of the frames."""
        with self.lock:
            return [(self.came[stage][number] - time) / MILLISECOND
                    for number, time in sorted(self.captured.items())[warm_up:] if number in self.came[stage]]

    def all_came(self):
        with self.lock:
            return len(self.came['decoded']) >= len(self.captured)


def frame_number(buffer):
    return int.from_bytes(buffer.extract_dup(FRAME_NUMBER.start, 4), 'little')


def watch(pipeline, name, pad, see):
    """Calls see(pad, buffer) for each buffer at the pad of the element."""
    def probe(pad, info):
        see(pad, info.get_buffer())
        return Gst.PadProbeReturn.OK
    pipeline.get_by_name(name).get_static_pad(pad).add_probe(Gst.PadProbeType.BUFFER, probe)


def launch(description):
    try:
        return Gst.parse_launch(description)
    except gi.repository.GLib.Error as error:
        give_up('%s (is the plugin built, and GST_PLUGIN_PATH set?)' % error.message)


def start_receiver(options, times):
    """Returns: the pipeline, which listens at a port that the system picked."""
    pipeline = launch(
        'udpsrc name=source address=127.0.0.1 port=0 caps="%s" ! rtpjitterbuffer latency=%d ! rtpalitradepay '
        '! alitradec name=decoder threads=%d ! fakesink sync=false' % (RTP, options.latency, options.threads))

    def receive(_, buffer):
        times.decoding = frame_number(buffer)
        times.come('received', times.decoding)
    watch(pipeline, 'decoder', 'sink', receive)
    # The decoder gives the picture of a packet before it takes the next one.
    watch(pipeline, 'decoder', 'src', lambda *_: times.come('decoded', times.decoding))
    pipeline.set_state(Gst.State.PLAYING)
    if pipeline.get_state(10 * Gst.SECOND)[0] == Gst.StateChangeReturn.FAILURE:
        give_up('the receiver does not start')
    return pipeline


def start_sender(options, times, port):
    picture = 'video/x-raw,width=%d,height=%d,framerate=%d/1' % (options.width, options.height, options.rate)
    if options.clip:
        source = 'filesrc location="%s" ! decodebin ! videoconvert ! videoscale ! videorate ! %s ! clocksync' \
            % (options.clip.resolve(), picture)
    else:
        source = 'videotestsrc is-live=true pattern=ball ! ' + picture
    pipeline = launch(
        '%s ! identity eos-after=%d ! alitraenc name=encoder quality=%d threads=%d key-int-max=100 '
        '! rtpalitrapay ! udpsink host=127.0.0.1 port=%d sync=false'
        % (source, options.frames + 1, options.quality, options.threads, port))

    def send(pad, buffer):
        segment = pad.get_sticky_event(Gst.EventType.SEGMENT, 0).parse_segment()
        running = segment.to_running_time(Gst.Format.TIME, buffer.pts)
        times.capture(frame_number(buffer), pipeline.get_base_time() + running)
    watch(pipeline, 'encoder', 'src', send)
    pipeline.use_clock(times.clock)
    pipeline.set_state(Gst.State.PLAYING)
    return pipeline


def measure(options, times):
    receiver = start_receiver(options, times)
    sender = start_sender(options, times, receiver.get_by_name('source').get_property('port'))
    limit = options.frames / options.rate + 60
    message = sender.get_bus().timed_pop_filtered(int(limit * Gst.SECOND),
                                                  Gst.MessageType.EOS | Gst.MessageType.ERROR)
    done = threading.Event()
    for _ in range(20 * PATIENCE_SECONDS):
        if times.all_came():
            break
        done.wait(.05)
    error = receiver.get_bus().pop_filtered(Gst.MessageType.ERROR)
    for pipeline in sender, receiver:
        pipeline.set_state(Gst.State.NULL)
    if message is None:
        give_up('the sender did not end within %d seconds' % limit)
    for said in message, error:
        if said and said.type == Gst.MessageType.ERROR:
            give_up('%s: %s' % (said.src.get_name(), said.parse_error()[0].message))


def report(options, times):
    period = 1000 / options.rate
    bound = period + options.latency
    decoded = times.latencies('decoded', options.warm_up)
    sent = len(times.captured)
    if not decoded:
        give_up('%d frames were sent, and after those to warm up none was decoded' % sent)
    print('frame period %.1f ms, jitter buffer %d ms, %dx%d' % (period, options.latency, options.width, options.height))
    print('%d frames sent, %d decoded, %d of them counted'
          % (sent, len(times.came['decoded']), len(decoded)))
    print('from capture until   mean ms   95 %    max')
    for stage in STAGES:
        values = sorted(times.latencies(stage, options.warm_up))
        print('%-18s  %8.1f %6.1f %6.1f' % (stage, sum(values) / len(values), values[(len(values) - 1) * 95 // 100],
                                            values[-1]))
    within = sum(value < bound for value in decoded)
    print('%d of %d frames were decoded in less than %.1f ms (frame period + jitter buffer): %s'
          % (within, len(decoded), bound, 'yes' if within == len(decoded) else 'no'))


def main():
    build = TREE / 'build/gst'
    if 'GST_PLUGIN_PATH' not in os.environ and build.is_dir():
        os.environ['GST_PLUGIN_PATH'] = str(build)
    os.environ.setdefault('ALITRA_MODEL_PATH', str(TREE / 'models'))
    options = read_options()
    Gst.init(None)
    times = Times(Gst.SystemClock.obtain())
    measure(options, times)
    report(options, times)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does alitraclassify keep up with a live source beside the encoder?

The frames of a clip (or a drawn picture) are decoded and scaled first, then pushed in time by a live source that waits
for nobody; a leaky queue in front of the encoder drops what comes too early for it. Encoder and classifier run in
threads of their own. Counts the frames that were dropped, and those whose labels came more than one frame period after
the frame that the encoder took; tells the processor time of a frame. Needs GStreamer's Python (Debian: python3-gi
gir1.2-gstreamer-1.0) and the plugin: set GST_PLUGIN_PATH and ALITRA_MODEL_PATH, or have a build in the folder build."""
import argparse
import os
import re
import resource
import sys
import threading
import time
from pathlib import Path

import gi

gi.require_version('Gst', '1.0')
from gi.repository import Gst  # noqa: E402

TREE = Path(__file__).resolve().parents[1]
MOST_HELD = 150     # frames of the clip that are kept in memory; then they run backwards, and so on


def give_up(message):
    sys.exit('%s: %s' % (Path(sys.argv[0]).name, message))


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('clip', nargs='?', type=Path, help='a video (a drawn picture)')
    parser.add_argument('--size', default='1280x720', metavar='WxH', help='of the pictures (1280x720)')
    parser.add_argument('--rate', type=int, default=30, metavar='N', help='frames a second (30)')
    parser.add_argument('--frames', type=int, default=300, metavar='N', help='to send (300)')
    parser.add_argument('--warm-up', type=int, default=30, metavar='N', help='first frames that do not count (30)')
    parser.add_argument('--encoder', default='target-tokens=720 threads=1', metavar='SETTINGS',
                        help='properties of alitraenc (target-tokens=720 threads=1)')
    parser.add_argument('--classifier', default='', metavar='SETTINGS', help='properties of alitraclassify (none)')
    options = parser.parse_args()
    found = re.fullmatch(r'([1-9]\d*)x([1-9]\d*)', options.size)
    if not found:
        give_up('expected a size such as 1280x720, got "%s"' % options.size)
    options.width, options.height = int(found[1]), int(found[2])
    if options.clip and not options.clip.is_file():
        give_up('there is no file %s' % options.clip)
    if options.rate < 1 or not 0 <= options.warm_up < options.frames:
        give_up('expected a --rate above 0, and fewer frames to warm up than in all')
    return options


def launch(description):
    try:
        return Gst.parse_launch(description)
    except gi.repository.GLib.Error as error:
        give_up('%s (is the plugin built, and GST_PLUGIN_PATH set?)' % error.message)


def caps_of(options):
    return 'video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1' % (options.width, options.height, options.rate)


def read_frames(options):
    source = 'filesrc location="%s" ! decodebin' % options.clip.resolve() if options.clip \
        else 'videotestsrc pattern=ball num-buffers=%d' % MOST_HELD
    pipeline = launch('%s ! videoconvert ! videoscale ! videorate ! %s ! appsink name=sink sync=false'
                      % (source, caps_of(options)))
    sink, frames = pipeline.get_by_name('sink'), []
    pipeline.set_state(Gst.State.PLAYING)
    while len(frames) < MOST_HELD:
        sample = sink.emit('try-pull-sample', 20 * Gst.SECOND)
        if not sample:
            break
        frames.append(sample.get_buffer())
    pipeline.set_state(Gst.State.NULL)
    if not frames:
        give_up('no frame could be read')
    return frames


class Watch:
    """When each frame, told apart by its time stamp, came by."""

    def __init__(self, pipeline, **places):
        """places: word = (element, pad)."""
        self.came = {word: {} for word in places}
        for word, (element, pad) in places.items():
            pipeline.get_by_name(element).get_static_pad(pad).add_probe(Gst.PadProbeType.BUFFER, self.see, word)

    def see(self, _, info, word):
        self.came[word].setdefault(info.get_buffer().pts, time.monotonic())
        return Gst.PadProbeReturn.OK


def push(source, frames, options):
    """As a camera does: at its times, whatever becomes of the frames."""
    there_and_back = frames + frames[-2:0:-1]
    start = time.monotonic()
    for number in range(options.frames):
        buffer = there_and_back[number % len(there_and_back)].copy()
        buffer.pts, buffer.duration = number * Gst.SECOND // options.rate, Gst.SECOND // options.rate
        time.sleep(max(0, start + number / options.rate - time.monotonic()))
        source.emit('push-buffer', buffer)
    source.emit('end-of-stream')


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(options, frames):
    pipeline = launch(
        'appsrc name=source is-live=true format=time max-buffers=0 max-bytes=0 caps="%s" '
        '! queue name=early leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 '
        '! alitraenc name=encoder %s ! queue ! alitraclassify name=classifier post-messages=false %s '
        '! fakesink name=sink sync=false' % (caps_of(options), options.encoder, options.classifier))
    watch = Watch(pipeline, sent=('early', 'sink'), taken=('encoder', 'sink'), encoded=('encoder', 'src'),
                  named=('classifier', 'src'))
    pipeline.set_state(Gst.State.PLAYING)
    before = used()
    thread = threading.Thread(target=push, args=(pipeline.get_by_name('source'), frames, options))
    thread.start()
    message = pipeline.get_bus().timed_pop_filtered(int((options.frames / options.rate + 60) * Gst.SECOND),
                                                    Gst.MessageType.EOS | Gst.MessageType.ERROR)
    thread.join()
    spent = used() - before
    stats = pipeline.get_by_name('classifier').get_property('stats')
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type == Gst.MessageType.ERROR:
        give_up(message.parse_error()[0].message if message else 'no end came')
    return watch.came, spent, stats


def line(word, values):
    values = sorted(values)
    print('%-32s %7.1f %7.1f %7.1f' % (word, sum(values) / len(values), values[(len(values) - 1) * 95 // 100], values[-1]))


def report(options, came, spent, stats):
    period = 1000 / options.rate
    counted = [pts for pts in sorted(came['sent'])][options.warm_up:]
    taken = [pts for pts in counted if pts in came['named']]
    if not taken:
        give_up('no frame came through')
    between = lambda first, last: [1e3 * (came[last][pts] - came[first][pts]) for pts in taken]
    late = sum(value > period for value in between('taken', 'named'))
    print('%dx%d at %d frames a second: %d frames counted, %d dropped, %d late (labels more than %.1f ms after the encoder '
          'took the frame)' % (options.width, options.height, options.rate, len(counted), len(counted) - len(taken), late,
                               period))
    print('milliseconds                        mean     95 %     max')
    line('encoder', between('taken', 'encoded'))
    line('encoder to labels', between('encoded', 'named'))
    line('capture to labels', between('sent', 'named'))
    print('processor time, all threads: %.1f ms a frame, of which the transformer had %.2f; %d frames were classified'
          % (1e3 * spent / len(came['taken']), stats.get_value('time-ns') / 1e6 / max(stats.get_value('classified'), 1),
             stats.get_value('classified')))


def main():
    build = TREE / 'build/gst'
    if 'GST_PLUGIN_PATH' not in os.environ and build.is_dir():
        os.environ['GST_PLUGIN_PATH'] = str(build)
    os.environ.setdefault('ALITRA_MODEL_PATH', str(TREE / 'models'))
    options = read_options()
    Gst.init(None)
    report(options, *measure(options, read_frames(options)))


if __name__ == '__main__':
    main()

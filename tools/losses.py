#!/usr/bin/env python3
# gst-alitra: adaptive-length video tokens for GStreamer
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clips over RTP that loses packets: fidelity of what is received, and how soon it is whole again.

Each clip is encoded once, with rolling refresh. The tokens then go through rtpalitrapay, a network that loses RTP packets
for as long as `--frames` says and then none, rtpalitradepay and alitradec, once for each kind of loss; so all have the
same tokens. Needs numpy, ffmpeg and GStreamer's Python bindings (Debian: python3-numpy ffmpeg python3-gi
python3-gst-1.0); GST_PLUGIN_PATH names the folder of the plugin. docs/losses.md says what the columns mean."""
import argparse
import csv
import os
import random
import re
from pathlib import Path

import gi
import numpy as np

from clipreader import Clip
from roundtrip import DATA, REPOSITORY, give_up, split_i420

gi.require_version('Gst', '1.0')
from gi.repository import Gst  # noqa: E402

MOST_DROP = 1.
COLUMNS = ('clip', 'width', 'height', 'loss', 'rtp_packets', 'rtp_bytes', 'token_bytes', 'frames', 'shown', 'marked',
           'psnr_y', 'below', 'healed_after', 'same_after')
KINDS = {'0 %': (0., 1), '1 %': (.01, 1), '5 %': (.05, 1), '20 %': (.2, 1), '50 %': (.5, 1), 'bursts of 10': (.005, 10)}


class Network:
    """Loses RTP packets of the first frames; `burst` of them together."""

    def __init__(self, kind, seed, until):
        self.share, self.burst = KINDS[kind]
        self.random, self.until = random.Random(seed), until
        self.left = self.packets = self.bytes = 0

    def __call__(self, pad, info):
        packet = info.get_buffer()
        self.packets += 1
        self.bytes += packet.get_size()
        # The first packets of a stream go by: what is lost before there is a picture is another question.
        if not 0 < packet.pts < self.until:
            return Gst.PadProbeReturn.OK
        if self.left == 0 and self.random.random() < self.share:
            self.left = self.burst
        if self.left == 0:
            return Gst.PadProbeReturn.OK
        self.left -= 1
        return Gst.PadProbeReturn.DROP


def launch(description):
    try:
        return Gst.parse_launch(description)
    except gi.repository.GLib.Error as error:
        give_up('%s; GST_PLUGIN_PATH must name the folder of the plugin' % error.message)


def run(pipeline, buffers):
    """Pushes buffers, returns what comes out: (buffer, caps) each."""
    source, sink = pipeline.get_by_name('source'), pipeline.get_by_name('sink')
    pipeline.set_state(Gst.State.PLAYING)
    for buffer in buffers:
        source.emit('push-buffer', buffer)
    source.emit('end-of-stream')
    out = []
    while sample := sink.emit('pull-sample'):
        out.append((sample.get_buffer(), sample.get_caps()))
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.ERROR | Gst.MessageType.EOS)
    if message.type == Gst.MessageType.ERROR:
        give_up(message.parse_error()[0].message)
    pipeline.set_state(Gst.State.NULL)
    return out


def pad_rows(plane):
    """Rows of a multiple of four bytes, as GStreamer wants them."""
    return np.pad(plane, ((0, 0), (0, -plane.shape[1] % 4)), mode='edge')


def encode(options, clip, frames):
    """(transfer full) buffers of token packets and their caps."""
    patches = ((clip.width + 15) // 16) * ((clip.height + 15) // 16)
    duration = Gst.SECOND // options.fps
    luma, cb, cr = split_i420(clip.bytes, clip.width, clip.height)
    caps = 'video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1' % (clip.width, clip.height, options.fps)

    def pictures():
        for n in range(frames):
            planes = [np.pad(p, ((0, -p.shape[0] % (2 if p is luma[n] else 1)), (0, 0)), mode='edge')
                      for p in (luma[n], cb[n], cr[n])]
            buffer = Gst.Buffer.new_wrapped(b''.join(pad_rows(p).tobytes() for p in planes))
            buffer.pts, buffer.duration = n * duration, duration
            yield buffer

    return run(launch('appsrc name=source format=time block=true caps="%s" ! alitraenc target-tokens=%d refresh=%d '
                      'key-int-max=0 ! appsink name=sink sync=false max-buffers=0' % (
                          caps, round(options.rate * patches), options.refresh)), pictures())


def luma_of(buffer, width, height):
    ok, info = buffer.map(Gst.MapFlags.READ)
    stride = (width + 3) // 4 * 4
    luma = np.frombuffer(info.data, np.uint8, stride * height).reshape(height, stride)[:, :width].copy()
    buffer.unmap(info)
    return luma


def receive(options, clip, tokens, kind, seed, end):
    """Pictures by frame: (luma, marked); what the network saw, which loses nothing from frame `end` on."""
    network = Network(kind, seed, end * Gst.SECOND // options.fps)
    pipeline = launch('appsrc name=source format=time block=true caps="%s" ! rtpalitrapay mtu=%d repeat-header=%s '
                      '! identity name=network ! rtpalitradepay ! alitradec ! appsink name=sink sync=false max-buffers=0'
                      % (tokens[0][1].to_string().replace('"', '\\"'), options.mtu, str(not options.no_repeat)))
    pipeline.get_by_name('network').get_static_pad('src').add_probe(Gst.PadProbeType.BUFFER, network)
    shown = {}
    for buffer, _ in run(pipeline, (buffer.copy() for buffer, _ in tokens)):
        n = round(buffer.pts * options.fps / Gst.SECOND)
        if n in shown:
            give_up('two pictures for frame %d' % n)
        shown[n] = (luma_of(buffer, clip.width, clip.height), bool(buffer.get_flags() & Gst.BufferFlags.CORRUPTED))
    return shown, network


def psnr(a, b):
    error = np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2)
    return 10 * np.log10(255 ** 2 / max(error, 1e-9))


def first_whole(shown, end, whole):
    """Frames after the end of loss until `whole` holds for all that follow; empty if it never does."""
    last = max(shown)
    bad = [n for n in range(end, last + 1) if n not in shown or not whole(n)]
    return 0 if not bad else bad[-1] + 1 - end if bad[-1] < last else ''


def measure(options, path):
    clip = Clip(path, options.frames + options.after)
    tokens = encode(options, clip, clip.frames)
    source = split_i420(clip.bytes, clip.width, clip.height)[0]
    end = min(options.frames, clip.frames - options.after)
    if end < 2:
        give_up('%s: expected more than %d frames, got %d; give less with --after' % (
            path, options.after + 1, clip.frames))
    lossy = range(1, end)
    clean = None
    for kind in ('0 %', *options.loss):
        values = []
        for seed in range(options.seeds if KINDS[kind][0] else 1):
            shown, network = receive(options, clip, tokens, kind, seed, end)
            clean = clean or shown
            there = [n for n in lossy if n in shown]
            values.append((
                network.packets, network.bytes, len(shown), np.mean([shown[n][1] for n in there]),
                np.mean([psnr(shown[n][0], source[n]) for n in there]),
                first_whole(shown, end, lambda n: not shown[n][1]),
                first_whole(shown, end, lambda n: np.array_equal(shown[n][0], clean[n][0]))))
        packets, bytes_, seen, marked, quality = (float(np.mean([v[i] for v in values])) for i in range(5))
        healed, same = (max((v[i] for v in values), key=lambda x: (x == '', x or 0)) for i in (5, 6))
        if kind == '0 %':
            best = quality
        yield dict(zip(COLUMNS, (
            path.stem, clip.width, clip.height, kind, packets, bytes_, sum(b.get_size() for b, _ in tokens), clip.frames,
            seen, marked, quality, best - quality, healed, same)))


def print_row(row):
    print('%-26s %4dx%-4d  %-12s  %6.0f packets  %8.0f bytes  %4.0f of %d shown, %3.0f %% marked  %6.2f dB  %+5.2f dB  '
          'whole after %s, same after %s' % (
              row['clip'], row['width'], row['height'], row['loss'], row['rtp_packets'], row['rtp_bytes'], row['shown'],
              row['frames'], 100 * row['marked'], row['psnr_y'], -row['below'], row['healed_after'], row['same_after']),
          flush=True)


def check(options, rows):
    """The promises, on the mean of the clips."""
    drop = np.mean([row['below'] for row in rows if row['loss'] == '5 %'] or np.nan)
    full = all(row['shown'] == row['frames'] for row in rows)
    whole = all(row[name] != '' and row[name] <= options.refresh for row in rows for name in ('healed_after', 'same_after'))
    for reached, words in ((drop <= MOST_DROP, '%.2f dB below at 5 %% loss, at most %.1f' % (drop, MOST_DROP)),
                           (full, 'a picture for each frame'),
                           (whole, 'whole again within %d frames' % options.refresh)):
        print('%s: %s' % ('reached' if reached else 'MISSED', words))
    return drop <= MOST_DROP and full and whole


def write_table(path, rows):
    """Puts the table between the marks of a document."""
    lines = ['| clip | loss | PSNR-Y | against no loss | pictures of frames | marked | whole after |',
             '| --- | --- | --- | --- | --- | --- | --- |']
    lines += ['| %s | %s | %.2f dB | %+.2f dB | %.0f of %d | %.0f %% | %s |' % (
        row['clip'], row['loss'], row['psnr_y'], -row['below'] + 0., row['shown'], row['frames'], 100 * row['marked'],
        '%d frames' % row['healed_after'] if row['healed_after'] != '' else 'not') for row in rows]
    text = path.read_text()
    path.write_text(re.sub('(<!-- losses -->\n).*(<!-- /losses -->)',
                           lambda m: m[1] + '\n'.join(lines) + '\n' + m[2], text, flags=re.S))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('clips', nargs='*', type=Path, help='default: all of %s' % (DATA / 'clips').relative_to(
        REPOSITORY.parent))
    parser.add_argument('--frames', type=int, default=75, help='frames during which packets get lost')
    parser.add_argument('--after', type=int, default=30, help='frames without loss behind them')
    parser.add_argument('--refresh', type=int, default=25, help='frames within which every cell is sent anew')
    parser.add_argument('--rate', type=float, default=1., help='tokens a patch')
    parser.add_argument('--fps', type=int, default=25)
    parser.add_argument('--mtu', type=int, default=1400)
    parser.add_argument('--loss', nargs='+', choices=list(KINDS)[1:], default=list(KINDS)[1:], metavar='KIND',
                        help='kinds of loss, beside none: %(default)s'.replace('%(default)s', ', '.join(
                            kind.replace('%', '%%') for kind in list(KINDS)[1:])))
    parser.add_argument('--seeds', type=int, default=3, help='runs of each kind of loss')
    parser.add_argument('--no-repeat', action='store_true', help='RTP packets do not repeat the header of their frame')
    parser.add_argument('--csv', type=Path)
    parser.add_argument('--table', type=Path, help='document whose table is written anew')
    options = parser.parse_args()
    os.environ.setdefault('ALITRA_MODEL_PATH', str(REPOSITORY / 'models'))
    Gst.init(None)
    paths = options.clips or sorted((DATA / 'clips').glob('*.mp4'))
    if not paths:
        give_up('expected clips in %s, found none: name some' % (DATA / 'clips'))
    rows = []
    for path in paths:
        for row in measure(options, path):
            print_row(row)
            rows.append(row)
    if options.csv:
        with open(options.csv, 'w', newline='') as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({k: '%.4g' % v if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    if options.table:
        write_table(options.table, rows)
    raise SystemExit(0 if check(options, rows) else 1)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the memory between frames is worth: clips with and without temporal reuse at the same quality.

Needs numpy, matplotlib and ffmpeg (Debian: python3-numpy python3-matplotlib ffmpeg). The first frame of a clip, a key
frame either way, is left out of all means. Times are processor time of one thread, and of each frame the shortest of
the repeats, since a shared machine only ever adds to it. docs/temporal.md says what the columns mean."""
import argparse
import csv
from pathlib import Path

import numpy as np

from clipreader import Clip
from roundtrip import DATA, REPOSITORY, Trip, add_options, give_up, output_folder, split_i420
import sharpening
import temporalbars
import temporalplot

# A patch of 16x16 pixels is static where the luma of the source changes less than this on average, in grey levels.
STATIC = 1.5
# How far below the quality of the comparison the second point of its curve lies.
STEP = 5.
PATCH = 16
COLUMNS = ('clip', 'group', 'width', 'height', 'frames', 'tokens', 'new', 'new_without', 'new_share', 'bits',
           'bits_without', 'ms', 'ms_without', 'psnr_y', 'psnr_y_without', 'equal_new', 'equal_ms', 'static_share',
           'flicker', 'flicker_without', 'flicker_source')


def group_of(name):
    return {'static': 'static', 'talkinghead': 'hand-held'}.get(name.split('_')[0], 'moving')


def patch_means(planes):
    """Mean of each whole patch."""
    n, height, width = planes.shape
    planes = planes[:, :height // PATCH * PATCH, :width // PATCH * PATCH]
    return planes.reshape(n, height // PATCH, PATCH, width // PATCH, PATCH).mean((2, 4))


def changes(luma):
    """Mean absolute change of each patch from frame to frame, one frame after the other to spare memory."""
    return np.concatenate([patch_means(np.abs(after.astype(np.float32) - before)[None])
                           for before, after in zip(luma, luma[1:])])


class Run:
    """Means over all frames but the first of one way to encode a clip."""

    def __init__(self, clip, trips):
        later = trips[0].frames[1:]
        for name in ('tokens', 'new', 'bits', 'psnr_y'):
            setattr(self, name, float(np.mean([frame[name] for frame in later])))
        times = np.array([[frame['encode_cpu_ns'] for frame in trip.frames[1:]] for trip in trips])
        self.ms = float(times.min(0).mean()) / 1e6
        self.luma = split_i420(trips[0].rebuilt, clip.width, clip.height)[0]


def encode(options, clip, *ways):
    """A run for each way, a tuple of arguments. Ways take turns, so that what else the machine does meets them all."""
    rounds = [[Trip(options, clip.bytes, clip.width, clip.height, '--range=limited', '--threads=1', *way) for way in ways]
              for _ in range(options.repeat)]
    return [Run(clip, trips) for trips in zip(*rounds)]


def at_equal_psnr(psnr, best, second):
    """Tokens and milliseconds of the comparison where its PSNR is `psnr`: on the line through two of its points, which
    is straight where tokens and times are logarithms."""
    where = (psnr - second.psnr_y) / max(best.psnr_y - second.psnr_y, 1e-3)
    where = min(max(where, 0.), 1.5)
    return tuple(float(np.exp(np.log(getattr(second, name)) * (1 - where) + np.log(getattr(best, name)) * where))
                 for name in ('new', 'ms'))


def measure(options, name, clip):
    quality, lower = ('--quality=%g' % value for value in (options.quality, options.quality - STEP))
    reuse, without, second = encode(options, clip, (quality,), (quality, '--no-reuse'), (lower, '--no-reuse'))
    equal = (without.new, without.ms)
    if reuse.psnr_y < without.psnr_y:
        equal = at_equal_psnr(reuse.psnr_y, without, second)
    source = changes(split_i420(clip.bytes, clip.width, clip.height)[0])
    static = source <= STATIC
    flicker = [float(changes(run.luma)[static].mean()) if static.any() else 0. for run in (reuse, without)]
    return dict(zip(COLUMNS, (
        name, group_of(name), clip.width, clip.height, clip.frames, without.tokens, reuse.new, without.new,
        reuse.new / without.tokens, reuse.bits, without.bits, reuse.ms, without.ms, reuse.psnr_y, without.psnr_y, *equal,
        float(static.mean()), *flicker, float(source[static].mean()) if static.any() else 0.)))


HEADS = ('clip', 'tokens', 'new', 'without', 'share', 'kbit', 'without', 'ms', 'without', 'PSNR-Y', 'without', 'static',
         'flicker', 'without')
WIDTHS = '%-26s %7s %6s %7s %6s %6s %7s %6s %7s %6s %7s %6s %7s %7s'


def print_row(row):
    print(WIDTHS % (
        row['clip'], '%.0f' % row['tokens'], '%.0f' % row['new'], '%.0f' % row['new_without'],
        '%.1f%%' % (100 * row['new_share']), '%.1f' % (row['bits'] / 1e3), '%.1f' % (row['bits_without'] / 1e3),
        '%.1f' % row['ms'], '%.1f' % row['ms_without'], '%.2f' % row['psnr_y'], '%.2f' % row['psnr_y_without'],
        '%.0f%%' % (100 * row['static_share']), '%.2f' % row['flicker'], '%.2f' % row['flicker_without']), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('clips', nargs='*', help='files, or names of clips in --folder; default: all of --folder')
    parser.add_argument('--folder', default=str(DATA / 'clips'), help='default: %(default)s')
    parser.add_argument('--frames', type=int, default=40, help='of each clip, from its start; default: %(default)s')
    parser.add_argument('--quality', type=float, default=50., help='default: %(default)s')
    parser.add_argument('--repeat', type=int, default=3, help='times to encode, for the time; default: %(default)s')
    parser.add_argument('--out', type=output_folder, default=str(REPOSITORY / 'docs'),
                        help='folder for temporal.csv, sharpening.csv and temporal.png; default: %(default)s')
    parser.add_argument('--suffix', default='', help='of the names of these, as -fast for other weights')
    parser.add_argument('--strict', action='store_true', help='exit with an error when a bar is missed')
    options = parser.parse_args()
    folder = Path(options.folder)
    files = [folder / (name + '.mp4') if (folder / (name + '.mp4')).exists() else Path(name) for name in options.clips]
    files = files or sorted(folder.glob('*.mp4'))
    if not files:
        give_up('expected clips (.mp4) in %s, found none; name files, or a folder with --folder' % folder)
    if options.frames < 2 or options.repeat < 1:
        give_up('expected at least 2 --frames and 1 --repeat, got %d and %d' % (options.frames, options.repeat))
    print(WIDTHS % HEADS)
    rows, sharp = [], []
    for path in files:
        clip = Clip(path, options.frames)
        rows.append(measure(options, path.stem, clip))
        print_row(rows[-1])
        if rows[-1]['group'] == 'static':
            sharp.append(sharpening.measure(options, path.stem, clip))
    write(Path(options.out) / ('temporal%s.csv' % options.suffix), COLUMNS, rows)
    write(Path(options.out) / ('sharpening%s.csv' % options.suffix), sharpening.COLUMNS, [line for row in sharp for line in row])
    temporalplot.draw(rows, sharp, Path(options.out) / ('temporal%s.png' % options.suffix))
    missed = temporalbars.check(rows) + temporalbars.check_sharpening(sharp)
    return 1 if missed and options.strict else 0


def write(path, columns, rows):
    with open(path, 'w', newline='') as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '%.4g' % v if isinstance(v, float) else v for k, v in row.items()})


if __name__ == '__main__':
    raise SystemExit(main())

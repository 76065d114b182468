#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One scalable encoding, cut to each number of quality layers, against encodings with so many tokens from the start.

Needs numpy, PIL and ffmpeg (Debian: python3-numpy python3-pil ffmpeg). Photographs are stills of 256x256 and judged by
RGB; of clips a receiver gets the first layers of every packet, and luma counts. docs/trimming.md says what the columns
mean."""
import argparse
import csv
from pathlib import Path

import numpy as np

import measures
from clipreader import Clip
from evaluate import SIDE, read_crops
from roundtrip import DATA, REPOSITORY, Trip, add_options, output_folder, split_i420

MOST_LOSS = .3
TOKENS_A_PICTURE = (256, 512, 1024)
TOKENS_A_PATCH = (.4, 1.)
# Of a budget, where the curve of direct encodings has points.
PARTS = (.06, .1, .15, .22, .32, .45, .6, .8, 1.)
CLIPS = ('davis_camel', 'moving_dashcam', 'outdoor_dog', 'static_pedestrians_vtest', 'talkinghead_foreman_cif')
COLUMNS = ('source', 'encoded_tokens', 'layers', 'tokens', 'psnr', 'direct', 'loss', 'received_bits', 'direct_bits')


class Photographs:
    """Each picture alone."""
    name, budgets = 'photographs', TOKENS_A_PICTURE

    def __init__(self, options):
        self.options = options
        self.crops = read_crops(options.photos)[:options.pictures]

    def encode(self, *arguments):
        trip = Trip(self.options, self.crops.tobytes(), SIDE, SIDE, '--format=RGB', '--range=full', '--per-frame-key',
                    *arguments)
        rgb = measures.rgb_of(*split_i420(trip.rebuilt, SIDE, SIDE))
        return trip, measures.psnr(measures.squared_error(rgb, self.crops))


class Film:
    """A clip from its start; the budget holds for each frame."""

    def __init__(self, options, path):
        self.name, self.options = path.stem, options
        self.clip = Clip(path, options.frames)
        patches = ((self.clip.width + 15) // 16) * ((self.clip.height + 15) // 16)
        self.budgets = tuple(round(rate * patches) for rate in TOKENS_A_PATCH)

    def encode(self, *arguments):
        trip = Trip(self.options, self.clip.bytes, self.clip.width, self.clip.height, '--range=limited', *arguments)
        return trip, np.array([frame['psnr_y'] for frame in trip.frames])


def values(trip, name):
    return np.array([frame[name] for frame in trip.frames], float)


class Curve:
    """What encodings of few to many tokens give, frame by frame, with straight lines between them."""

    def __init__(self, source, most):
        points = [source.encode('--tokens=%d' % max(1, round(most * part))) for part in PARTS]
        self.tokens = np.log2(np.maximum(1., [values(trip, 'tokens') for trip, _ in points]))
        self.psnr = np.array([psnr for _, psnr in points])
        self.bits = np.array([values(trip, 'bits') for trip, _ in points])

    def at(self, what, tokens):
        tokens = np.log2(np.maximum(1., tokens))
        return np.array([np.interp(n, self.tokens[:, i], what[:, i]) for i, n in enumerate(tokens)])


def rows_of(source):
    for budget in source.budgets:
        curve = Curve(source, budget)
        layers = most = 1
        while layers <= most:
            cut, psnr = source.encode('--tokens=%d' % budget, '--layers=%d' % layers, '--scalable')
            most = max(frame['layers'] for frame in cut.frames)
            held = values(cut, 'held')
            direct = curve.at(curve.psnr, held)
            yield dict(zip(COLUMNS, (
                source.name, budget, '%d/%d' % (layers, most), held.mean(), psnr.mean(), direct.mean(),
                (direct - psnr).mean(), cut.mean('received_bits'), curve.at(curve.bits, held).mean())))
            layers += 1


def print_row(row):
    print('%-26s  %6d  %6s  %8.1f  %6.2f  %6.2f  %5.2f  %8.0f  %8.0f' % tuple(row[column] for column in COLUMNS),
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('--photos', default=str(DATA / 'photos' / 'val'), help='folder; default: %(default)s')
    parser.add_argument('--pictures', type=int, default=64, help='photographs at most; default: %(default)s')
    parser.add_argument('--clips', default=str(DATA / 'clips'), help='folder; default: %(default)s')
    parser.add_argument('--frames', type=int, default=20, help='of each clip; default: %(default)s')
    parser.add_argument('--out', type=output_folder, default=str(REPOSITORY / 'docs'), help='folder for trimming.csv')
    parser.add_argument('--strict', action='store_true', help='exit with an error when the bar is missed')
    options = parser.parse_args()
    print('%-26s  %6s  %6s  %8s  %6s  %6s  %5s  %8s  %8s' % (
        'source', 'tokens', 'layers', 'left', 'PSNR', 'direct', 'loss', 'bits', 'direct'))
    rows = []
    for source in [Photographs(options)] + [Film(options, Path(options.clips) / (name + '.mp4')) for name in CLIPS]:
        for row in rows_of(source):
            rows.append(row)
            print_row(row)
    with open(Path(options.out) / 'trimming.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '%.4f' % v if isinstance(v, float) else v for k, v in row.items()})
    worst = max(row['loss'] for row in rows)
    reached = worst <= MOST_LOSS
    print('%s: at most %.1f dB below an encoding with so many tokens: %.2f dB at worst' % (
        'reached' if reached else 'MISSED', MOST_LOSS, worst))
    return 0 if reached or not options.strict else 1


if __name__ == '__main__':
    raise SystemExit(main())

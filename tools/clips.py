#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clips at two rates of tokens a patch: fidelity, borders of cells, bits, what was kept, time.

Needs numpy and ffmpeg (Debian: python3-numpy ffmpeg). docs/reading-the-numbers.md says what the columns mean."""
import argparse
import csv
from pathlib import Path

from clipreader import Clip
from roundtrip import DATA, FAST, REPOSITORY, Trip, add_options, give_up, output_folder, split_i420
import measures

RATES = (.4, 1.)
MOST_EDGE = 1.15
CLIPS_NEEDED = 6
COLUMNS = ('clip', 'model', 'width', 'height', 'frames', 'tokens_a_patch', 'psnr_y', 'edge_ratio', 'bits_a_frame', 'tokens',
           'kept_share', 'first_encode_ms', 'encode_ms', 'decode_ms')


def mean_ms(frames, name):
    return sum(frame[name] for frame in frames) / max(1, len(frames)) / 1e6


def models(options):
    """Name -> options that choose the weights."""
    if options.model:
        return {Path(options.model).stem: options}
    return {'alitra-base': options, 'alitra-fast': argparse.Namespace(**dict(vars(options), model=FAST))}


def measure(options, name, model, clip, rate):
    patches = ((clip.width + 15) // 16) * ((clip.height + 15) // 16)
    trip = Trip(options, clip.bytes, clip.width, clip.height, '--range=limited', '--tokens=%d' % round(rate * patches),
                '--threads=%d' % options.threads)
    source = split_i420(clip.bytes, clip.width, clip.height)[0]
    rebuilt = split_i420(trip.rebuilt, clip.width, clip.height)[0]
    later = trip.frames[1:] or trip.frames
    return dict(zip(COLUMNS, (
        name, model, clip.width, clip.height, clip.frames, rate,
        float(measures.psnr(measures.squared_error(rebuilt, source)).mean()),
        measures.edge_ratio(rebuilt, source), trip.mean('bits'), trip.mean('tokens'),
        trip.mean('kept') / trip.mean('tokens') if trip.mean('tokens') else 0.,
        trip.frames[0]['encode_ns'] / 1e6, mean_ms(later, 'encode_ns'), mean_ms(later, 'decode_ns'))))


def print_row(row):
    print('%-26s %-11s %4dx%-4d  %4.1f  %6.2f  %5.2f  %7.0f  %6.0f  %4.0f %%  %6.1f  %6.1f  %6.1f' % (
        row['clip'], row['model'], row['width'], row['height'], row['tokens_a_patch'], row['psnr_y'], row['edge_ratio'],
        row['bits_a_frame'], row['tokens'], 100 * row['kept_share'], row['first_encode_ms'], row['encode_ms'],
        row['decode_ms']), flush=True)


def check(rows):
    """Clips whose borders of cells stay hidden at both rates, with the first of the models."""
    rows = [row for row in rows if row['model'] == rows[0]['model']]
    good = [name for name in dict.fromkeys(row['clip'] for row in rows)
            if all(row['edge_ratio'] <= MOST_EDGE for row in rows if row['clip'] == name)]
    clips = len({row['clip'] for row in rows})
    reached = len(good) >= min(CLIPS_NEEDED, clips)
    print('%s: edge ratio at most %.2f at both rates on %d of %d clips, at least %d' % (
        'reached' if reached else 'MISSED', MOST_EDGE, len(good), clips, min(CLIPS_NEEDED, clips)))
    return reached


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('clips', nargs='*', help='files; default: all of --folder')
    parser.add_argument('--folder', default=str(DATA / 'clips'), help='default: %(default)s')
    parser.add_argument('--frames', type=int, default=20, help='of each clip, from its start; default: %(default)s')
    parser.add_argument('--threads', type=int, default=1, help='default: %(default)s')
    parser.add_argument('--out', type=output_folder, default=str(REPOSITORY / 'docs'), help='folder for clips.csv')
    parser.add_argument('--strict', action='store_true', help='exit with an error when the bar is missed')
    options = parser.parse_args()
    files = [Path(name) for name in options.clips] or sorted(Path(options.folder).glob('*.mp4'))
    if not files:
        give_up('expected clips (.mp4) in %s, found none; name files, or a folder with --folder' % options.folder)
    print('%-26s %-11s %9s  %4s  %6s  %5s  %7s  %6s  %6s  %6s  %6s  %6s' % (
        'clip', 'model', 'size', 't/p', 'PSNR-Y', 'edge', 'bits', 'tokens', 'kept', 'first', 'enc ms', 'dec ms'))
    rows = []
    for path in files:
        clip = Clip(path, options.frames)
        for model, chosen in models(options).items():
            for rate in RATES:
                rows.append(measure(chosen, path.stem, model, clip, rate))
                print_row(rows[-1])
    with open(Path(options.out) / 'clips.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '%.4g' % v if isinstance(v, float) else v for k, v in row.items()})
    return 0 if check(rows) or not options.strict else 1


if __name__ == '__main__':
    raise SystemExit(main())

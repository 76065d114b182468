#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Still pictures at equal numbers of tokens: the learned allocation, its controls, and a thumbnail. The row "one price"
is the learned allocation with the same price of a token for all pictures, which take that many tokens on average.

Needs numpy, PIL and matplotlib (Debian: python3-numpy python3-pil python3-matplotlib). Each picture is cropped to
256x256 in its middle and gets the same number of tokens. RGB -> tokens -> I420 (BT.601, full range) -> RGB with
bilinear chroma. docs/reading-the-numbers.md says what the columns mean."""
import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image

import measures
from roundtrip import DATA, REPOSITORY, Trip, add_options, give_up, output_folder, split_i420

SIDE = 256
TOKENS = (64, 102, 256, 512, 1024)
ALLOCATIONS = ('learned', 'uniform', 'complexity')
# Tokens: least dB of the learned allocation (mean of pictures), least SSIM, what it must be better than uniform (dB),
# and the same with one price for all pictures, as one error over all of them.
BARS = {64: (19.2, 0., 0., None), 256: (21.9, .55, .3, .8), 512: (23.4, .63, .5, 1.1), 1024: (25.2, .71, .7, 1.3)}
EDGE_TOKENS, MOST_EDGE = (102, 256, 512), 1.05
REACH, MOST_TOKENS = 512, 300   # uniform tokens whose one error learned ones reach with so many
PRICE_STEPS = 12
COLUMNS = ('tokens', 'allocation', 'psnr', 'psnr_of_mean_error', 'ssim', 'edge_ratio', 'bits', 'counted_tokens')


def read_crops(folder):
    crops = []
    files = sorted(path for path in Path(folder).glob('*') if path.suffix.lower() in ('.jpg', '.jpeg', '.png'))
    if not files:
        give_up('expected photographs (.jpg, .png) in %s, found none; name a folder of them with --photos' % folder)
    for path in files:
        picture = Image.open(path).convert('RGB')
        scale = SIDE / min(picture.size)
        if scale > 1:
            picture = picture.resize([max(SIDE, round(side * scale)) for side in picture.size], Image.LANCZOS)
        x, y = ((side - SIDE) // 2 for side in picture.size)
        crops.append(np.asarray(picture.crop((x, y, x + SIDE, y + SIDE))))
    return np.stack(crops)


def row_of(tokens, name, crops, rebuilt, bits, counted):
    error = measures.squared_error(rebuilt, crops)
    grey, source = measures.grey(rebuilt), measures.grey(crops)
    return dict(zip(COLUMNS, (
        tokens, name, float(measures.psnr(error).mean()), float(measures.psnr(error.mean())),
        float(measures.ssim(grey, source).mean()), measures.edge_ratio(grey, source), bits, counted)))


def of_allocation(options, crops, tokens, allocation):
    trip = Trip(options, crops.tobytes(), SIDE, SIDE, '--format=RGB', '--range=full', '--per-frame-key', '--exact',
                '--tokens=%d' % tokens, '--allocation=' + allocation)
    rebuilt = measures.rgb_of(*split_i420(trip.rebuilt, SIDE, SIDE))
    wrong = [frame['tokens'] for frame in trip.frames if frame['tokens'] != tokens]
    if wrong:
        print('note: %d of %d pictures have other than %d tokens with %s (%d..%d)' % (
            len(wrong), len(crops), tokens, allocation, min(wrong), max(wrong)))
    return row_of(tokens, allocation, crops, rebuilt, trip.mean('bits'), trip.mean('tokens'))


def of_price(options, crops, quality):
    """The same quality, that is the same price of a token, for all pictures: each takes as many as pay."""
    trip = Trip(options, crops.tobytes(), SIDE, SIDE, '--format=RGB', '--range=full', '--per-frame-key',
                '--quality=%f' % quality)
    rebuilt = measures.rgb_of(*split_i420(trip.rebuilt, SIDE, SIDE))
    return row_of(round(trip.mean('tokens')), 'one price', crops, rebuilt, trip.mean('bits'), trip.mean('tokens'))


def at_one_price(options, crops, tokens):
    """The price at which the pictures take so many tokens on average, or a little less: a row, or none where the lowest
    quality takes more."""
    low, high, best = 0., 100., None
    for _ in range(PRICE_STEPS):
        quality = (low + high) / 2
        row = of_price(options, crops, quality)
        if row['counted_tokens'] <= tokens:
            low, best = quality, row
        else:
            high = quality
    return [dict(best, tokens=tokens)] if best else []


def tokens_for(rows, error):
    """Tokens at one price whose error over all pictures is that of `error` dB, between the rows around it."""
    points = sorted((row['psnr_of_mean_error'], row['counted_tokens']) for row in rows if row['allocation'] == 'one price')
    if not points[0][0] <= error <= points[-1][0]:
        return float('nan')
    return float(np.exp(np.interp(error, [p[0] for p in points], np.log([p[1] for p in points]))))


def of_thumbnail(crops, tokens):
    """A picture of as many pixels as there are tokens; a pixel is 24 bits."""
    width = int(tokens ** .5)
    height = tokens // width
    rebuilt = [np.asarray(Image.fromarray(crop).resize((width, height), Image.BICUBIC).resize((SIDE, SIDE),
               Image.BICUBIC)) for crop in crops]
    return row_of(tokens, 'thumbnail', crops, np.stack(rebuilt), 24. * width * height, float(width * height))


def print_table(rows):
    print('%6s  %-10s  %7s  %9s  %5s  %5s  %8s  %7s' % (
        'tokens', 'allocation', 'dB mean', 'dB of MSE', 'SSIM', 'edge', 'bits', 'counted'))
    for row in rows:
        print('%6d  %-10s  %7.2f  %9.2f  %5.3f  %5.2f  %8.0f  %7.1f' % tuple(row[column] for column in COLUMNS))


def check(rows):
    """The bars that the learned allocation has to pass; prints each -> how many it missed."""
    by = {(row['tokens'], row['allocation']): row for row in rows}
    found = []
    for tokens, (least, similar, ahead, ahead_of_all) in BARS.items():
        learned, uniform, rule = (by[tokens, name] for name in ALLOCATIONS)
        gain = learned['psnr'] - uniform['psnr']
        found += [
            (tokens, '%.2f dB, at least %.1f' % (learned['psnr'], least), learned['psnr'] >= least),
            (tokens, 'SSIM %.3f, at least %.2f' % (learned['ssim'], similar), learned['ssim'] >= similar),
            (tokens, '%+.2f dB over uniform, at least %+.1f' % (gain, ahead), gain >= ahead),
            (tokens, '%+.2f dB over complexity' % (learned['psnr'] - rule['psnr']), learned['psnr'] > rule['psnr'])]
        if ahead_of_all is not None:
            gain = by[tokens, 'one price']['psnr_of_mean_error'] - uniform['psnr_of_mean_error']
            found.append((tokens, 'one price, one error: %+.2f dB over uniform, at least %+.1f' % (gain, ahead_of_all),
                          gain >= ahead_of_all))
    for tokens in EDGE_TOKENS:
        ratio = by[tokens, 'learned']['edge_ratio']
        found.append((tokens, 'edge ratio %.2f, at most %.2f' % (ratio, MOST_EDGE), ratio <= MOST_EDGE))
    needed = tokens_for(rows, by[REACH, 'uniform']['psnr_of_mean_error'])
    found.append((REACH, 'the one error of uniform takes %.0f tokens at one price, at most %d' % (needed, MOST_TOKENS),
                  needed <= MOST_TOKENS))
    for tokens, text, reached in found:
        print('%s: %d tokens: %s' % ('reached' if reached else 'MISSED', tokens, text))
    return sum(not reached for _, _, reached in found)


def draw(rows, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plot

    looks = {'learned': ('#c8442c', '-', 'o'), 'uniform': ('#31688e', '-', 's'),
             'complexity': ('#6b8f3c', '-', '^'), 'thumbnail': ('#8a8a8a', '--', 'x')}
    figure, axes = plot.subplots(1, 3, figsize=(12, 4))
    for axis, (column, title) in zip(axes, (('psnr', 'PSNR, RGB, mean of pictures (dB)'), ('ssim', 'SSIM, grey'),
                                            ('edge_ratio', 'Steps at cell borders (1: as in the source)'))):
        for name, (colour, line, mark) in looks.items():
            points = [(row['tokens'], row[column]) for row in rows if row['allocation'] == name]
            axis.plot(*zip(*points), line, color=colour, marker=mark, markersize=4, label=name)
        axis.set_xscale('log', base=2)
        axis.set_xticks(TOKENS, [str(number) for number in TOKENS])
        axis.minorticks_off()
        axis.set_xlabel('tokens a picture of 256x256')
        axis.set_title(title, fontsize=10)
        axis.grid(color='#dddddd', linewidth=.6)
        axis.set_axisbelow(True)
        axis.spines[['top', 'right']].set_visible(False)
    axes[0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('--photos', default=str(DATA / 'photos' / 'val'), help='folder; default: %(default)s')
    parser.add_argument('--out', type=output_folder, default=str(REPOSITORY / 'docs'), help='folder for the table and the curves')
    parser.add_argument('--name', default='stills', help='of the .csv and the .png; default: %(default)s')
    parser.add_argument('--strict', action='store_true', help='exit with an error when a bar is missed')
    options = parser.parse_args()
    crops = read_crops(options.photos)
    rows = []
    for tokens in TOKENS:
        rows += [of_allocation(options, crops, tokens, allocation) for allocation in ALLOCATIONS]
        rows += at_one_price(options, crops, tokens)
        rows.append(of_thumbnail(crops, tokens))
        print('%d tokens done' % tokens, flush=True)
    print('%d photographs of %s' % (len(crops), options.photos))
    print_table(rows)
    with open(Path(options.out) / (options.name + '.csv'), 'w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: '%.4f' % v if isinstance(v, float) else v for k, v in row.items()})
    draw(rows, Path(options.out) / (options.name + '.png'))
    missed = check(rows)
    return 1 if missed and options.strict else 0


if __name__ == '__main__':
    raise SystemExit(main())

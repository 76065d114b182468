#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the tables of README.md and docs/temporal.md from docs/*.csv."""
import csv
import re

from roundtrip import REPOSITORY

CLIPS = ('static_table_cups', 'static_pedestrians_vtest', 'static_webcam_sign_learn', 'moving_dashcam', 'outdoor_dog',
         'davis_camel', 'screen_text_scroll', 'talkinghead_foreman_cif')


def read(name):
    with open(REPOSITORY / 'docs' / name, newline='') as file:
        return list(csv.DictReader(file))


def table(heads, rows):
    lines = [heads, ['---'] * len(heads), *rows]
    return '\n'.join('| %s |' % ' | '.join(line) for line in lines)


def stills():
    rows = read('stills.csv')
    names = ('learned', 'uniform', 'complexity', 'thumbnail')
    by = {(row['tokens'], row['allocation']): row for row in rows}
    lines = []
    for tokens in dict.fromkeys(row['tokens'] for row in rows):
        some = [by[tokens, name] for name in names]
        learned = some[0]
        lines.append([tokens, *('%.2f dB, %.0f bits' % (float(row['psnr']), float(row['bits'])) for row in some),
                      '%.2f' % float(learned['ssim']), '%.2f' % float(learned['edge_ratio'])])
    return table(['tokens', *names, 'SSIM, learned', 'edge ratio, learned'], lines)


def clips():
    lines = []
    for row in read('clips.csv'):
        if row['clip'] in CLIPS:
            number = {name: float(value) for name, value in row.items() if name != 'clip'}
            lines.append([
                row['clip'], '%dx%d' % (number['width'], number['height']), row['tokens_a_patch'],
                '%.1f dB' % number['psnr_y'], '%.2f' % number['edge_ratio'], '%.1f k' % (number['bits_a_frame'] / 1000),
                '%.0f %%' % (100 * number['kept_share']),
                '%.0f / %.0f ms' % (number['encode_ms'], number['decode_ms'])])
    return table(['clip', 'size', 'tokens a patch', 'PSNR-Y', 'edge ratio', 'bits a frame', 'kept', 'encode / decode'],
                 lines)


def numbers(row):
    return {name: float(value) for name, value in row.items() if name not in ('clip', 'group')}


def temporal_cells(number):
    return ['%.0f' % number['tokens'], '%.0f' % number['new'], '%.0f %%' % (100 * number['new'] / number['tokens']),
            '%.1f / %.1f' % (number['bits'] / 1000, number['bits_without'] / 1000),
            '%.1f / %.1f ms' % (number['ms'], number['ms_without']),
            '%.2f / %.2f dB' % (number['psnr_y'], number['psnr_y_without']),
            '%.2f / %.2f' % (number['flicker'], number['flicker_without'])]


TEMPORAL_HEADS = ['tokens', 'new', 'share', 'kbit, with / without', 'time', 'PSNR-Y', 'flicker']


def temporal():
    return table(['clip', *TEMPORAL_HEADS],
                 [[row['clip'], *temporal_cells(numbers(row))] for row in read('temporal.csv')])


def temporal_groups():
    """Means of the clips of each kind of camera."""
    rows = read('temporal.csv')
    lines = []
    for group in ('static', 'hand-held', 'moving'):
        some = [numbers(row) for row in rows if row['group'] == group]
        mean = {name: sum(number[name] for number in some) / len(some) for name in some[0]} if some else {}
        if some:
            lines.append(['%s (%d)' % (group, len(some)), *temporal_cells(mean)])
    return table(['camera (clips)', *TEMPORAL_HEADS], lines)


def fill(path, made):
    text = path.read_text()
    for name, made in made:
        text, count = re.subn('<!-- %s -->.*<!-- /%s -->' % (name, name),
                              lambda _: '<!-- %s -->\n%s\n<!-- /%s -->' % (name, made, name), text, flags=re.S)
        if count != 1:
            raise SystemExit('expected one place <!-- %s --> in %s, found %d' % (name, path, count))
    path.write_text(text)


def main():
    fill(REPOSITORY / 'README.md', [('stills', stills()), ('clips', clips()), ('temporal', temporal_groups())])
    fill(REPOSITORY / 'docs' / 'temporal.md', [('temporal', temporal())])


if __name__ == '__main__':
    main()

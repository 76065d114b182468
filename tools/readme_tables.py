#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the tables of README.md from docs/stills.csv and docs/clips.csv."""
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


def main():
    path = REPOSITORY / 'README.md'
    text = path.read_text()
    for name, made in (('stills', stills()), ('clips', clips())):
        text, count = re.subn('<!-- %s -->.*<!-- /%s -->' % (name, name),
                              lambda _: '<!-- %s -->\n%s\n<!-- /%s -->' % (name, made, name), text, flags=re.S)
        if count != 1:
            raise SystemExit('expected one place <!-- %s --> in %s, found %d' % (name, path, count))
    path.write_text(text)


if __name__ == '__main__':
    main()

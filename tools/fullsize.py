#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole pictures at rising numbers of tokens, side by side: original, then 0.25 to 4 tokens for each 16x16 pixels.

Needs numpy and PIL (Debian: python3-numpy python3-pil), and ffmpeg for clips. Each picture is coded whole, by itself, and
shown at its own size; of one larger than --window a part of that size is shown, its place behind an @: FILE@X,Y."""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import measures
from clipreader import Clip
from roundtrip import DATA, REPOSITORY, Trip, add_options, give_up, split_i420
from sheet import INK, LINE, MARGIN, PAPER, PICTURES, load_font

RATES = (.25, .5, 1., 2., 4.)
# Photographs that training did not see, small print, and frames of clips with calm ground beside objects.
SHOWN = ('photos/val/bsds_384022.jpg', 'photos/val/urban_img_085.jpg', 'photos/val/bsds_41085.jpg',
         'clips/screen_text_scroll.mp4@0,0', 'clips/outdoor_dog.mp4@190,330', 'clips/static_table_cups.mp4@560,230')


def read_picture(path):
    if path.suffix.lower() in PICTURES:
        return np.asarray(Image.open(path).convert('RGB'))
    clip = Clip(path, 1)
    if not clip.frames:
        give_up('expected pictures in %s, found none' % path)
    return measures.rgb_of(*split_i420(clip.bytes, clip.width, clip.height), full_range=False)[0]


def code(options, rgb, rate):
    """-> picture, caption."""
    height, width = rgb.shape[:2]
    tokens = round(rate * ((width + 15) // 16) * ((height + 15) // 16))
    trip = Trip(options, rgb.tobytes(), width, height, '--format=RGB', '--range=full', '--tokens=%d' % tokens)
    rebuilt = measures.rgb_of(*split_i420(trip.rebuilt, width, height))[0]
    quality = float(measures.psnr(measures.squared_error(rebuilt[None], rgb[None])).mean())
    drift = rebuilt.astype(float).mean((0, 1)) - rgb.mean((0, 1))
    print('%5.2f tokens a patch: %6d tokens, %.2f dB, %.3f bits a pixel, mean of R, G, B %+.2f %+.2f %+.2f, edge ratio %.2f' % (
        rate, trip.frames[0]['tokens'], quality, trip.frames[0]['bits'] / height / width, *drift,
        measures.edge_ratio(measures.grey(rebuilt[None]), measures.grey(rgb[None]))), flush=True)
    return rebuilt, '%g a patch: %d tokens, %.1f dB' % (rate, trip.frames[0]['tokens'], quality)


def place(name):
    """FILE or FILE@X,Y -> path, corner of what is shown."""
    file, _, corner = name.partition('@')
    try:
        x, y = (int(part) for part in corner.split(',')) if corner else (0, 0)
    except ValueError:
        give_up('expected FILE@X,Y, got %s' % name)
    path = Path(file)
    if not path.is_file():
        path = DATA / file
    if not path.is_file():
        give_up('expected a picture or a clip, found no file %s' % file)
    return path, x, y


def row_of(options, name):
    path, x, y = place(name)
    rgb = read_picture(path)
    print('%s, %dx%d' % (path.name, rgb.shape[1], rgb.shape[0]), flush=True)
    cells = [(rgb, 'original, %dx%d' % (rgb.shape[1], rgb.shape[0]))]
    cells += [code(options, rgb, float(rate)) for rate in options.rates.split(',')]
    width, height = options.window
    return [(picture[y:y + height, x:x + width], text) for picture, text in cells]


def paint(rows):
    wide = max(row[0][0].shape[1] for row in rows) + MARGIN
    sheet = Image.new('RGB', (wide * len(rows[0]) + MARGIN, sum(row[0][0].shape[0] + LINE + MARGIN for row in rows)), PAPER)
    pen, font, top = ImageDraw.Draw(sheet), load_font(), MARGIN // 2
    for row in rows:
        for i, (picture, text) in enumerate(row):
            left = MARGIN + i * wide
            pen.text((left, top), text, INK, font)
            sheet.paste(Image.fromarray(picture), (left, top + LINE))
        top += row[0][0].shape[0] + LINE + MARGIN
    return sheet


def size(text):
    width, height = (int(part) for part in text.split('x'))
    return width, height


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('pictures', nargs='*', default=SHOWN, help='pictures or clips (their first frame): FILE or FILE@X,Y')
    parser.add_argument('--rates', default=','.join('%g' % rate for rate in RATES), help='default: %(default)s')
    parser.add_argument('--window', type=size, default=(512, 360), metavar='WIDTHxHEIGHT',
                        help='most that is shown of a picture; default: 512x360')
    parser.add_argument('--quality', type=int, default=80, help='of the JPEG; default: %(default)s')
    parser.add_argument('--out', default=str(REPOSITORY / 'docs' / 'fullsize.jpg'), help='default: %(default)s')
    options = parser.parse_args()
    paint([row_of(options, name) for name in options.pictures]).save(options.out, quality=options.quality)


if __name__ == '__main__':
    main()

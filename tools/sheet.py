#!/usr/bin/env python3
# libalitra: adaptive-length video tokens
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A picture sheet: original | where the tokens are | rebuilt, for a picture or for frames of a clip.

Needs numpy and PIL (Debian: python3-numpy python3-pil), and ffmpeg for clips."""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import measures
from clipreader import Clip, parse_size
from roundtrip import Trip, add_options, give_up, split_i420

PICTURES = ('.png', '.jpg', '.jpeg', '.webp', '.bmp')
MARGIN, LINE = 10, 20
INK, PAPER = (34, 34, 34), (255, 255, 255)
FONTS = ('DejaVuSans.ttf', '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf')


def load_font():
    for name in FONTS:
        try:
            return ImageFont.truetype(name, 14)
        except OSError:
            pass
    return ImageFont.load_default()


def budget(options, width, height):
    return round(options.tokens_a_patch * ((width + 15) // 16) * ((height + 15) // 16))


def read_picture(options, path):
    picture = Image.open(path).convert('RGB')
    picture.thumbnail((options.largest, options.largest), Image.LANCZOS)
    rgb = np.asarray(picture)[None]
    height, width = rgb.shape[1:3]
    trip = Trip(options, rgb.tobytes(), width, height, '--format=RGB', '--range=full',
                '--tokens=%d' % budget(options, width, height), density=True)
    return rgb, measures.rgb_of(*split_i420(trip.rebuilt, width, height)), trip, [0]


def read_clip(options, path):
    clip = Clip(path, options.frames, parse_size(options.raw) if options.raw else None)
    if not clip.frames:
        give_up('expected pictures in %s, found none' % path)
    width, height = clip.width, clip.height
    trip = Trip(options, clip.bytes, width, height, '--range=limited',
                '--tokens=%d' % budget(options, width, height), density=True)
    rows = sorted({0, clip.frames - 1})
    pick = [[plane[rows] for plane in split_i420(bytes_, width, height)] for bytes_ in (clip.bytes, trip.rebuilt)]
    return (*(measures.rgb_of(*planes, full_range=False) for planes in pick), trip, rows)


def density_picture(rgb, bgra):
    """The colours of the density over a dim, grey picture, so that both can be read."""
    dim = (.45 * measures.grey(rgb))[..., None]
    alpha = bgra[..., 3:].astype(np.float32) / 255 * .9
    return np.rint(dim * (1 - alpha) + bgra[..., 2::-1] * alpha).astype(np.uint8)


def caption(frame):
    kept = ', %.0f %% kept' % (100 * frame['kept'] / frame['tokens']) if frame['kept'] else ''
    quality = '' if frame['psnr_y'] is None else ', %.1f dB' % frame['psnr_y']
    return 'frame %d: %d tokens%s, %.1f kbit%s' % (
        frame['frame'] + 1, frame['tokens'], kept, frame['bits'] / 1000, quality)


def paint(options, originals, rebuilt, trip, rows):
    height, width = originals.shape[1:3]
    scale = min(1, options.column / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    step = size[1] + LINE + MARGIN
    sheet = Image.new('RGB', (3 * (size[0] + MARGIN) + MARGIN, LINE + MARGIN + step * len(rows)), PAPER)
    pen, font = ImageDraw.Draw(sheet), load_font()
    for i, title in enumerate(('original', 'tokens: few (dark) to many (light)', 'rebuilt from the tokens')):
        pen.text((MARGIN + i * (size[0] + MARGIN), MARGIN // 2), title, INK, font)
    for i, row in enumerate(rows):
        top = LINE + MARGIN + i * step
        pictures = (originals[i], density_picture(originals[i], trip.density[row]), rebuilt[i])
        for j, picture in enumerate(pictures):
            picture = Image.fromarray(picture).resize(size, Image.LANCZOS)
            sheet.paste(picture, (MARGIN + j * (size[0] + MARGIN), top))
        pen.text((MARGIN, top + size[1] + 2), caption(trip.frames[row]), INK, font)
    return sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    add_options(parser)
    parser.add_argument('input', help='a picture or a clip')
    parser.add_argument('output', help='a .png or .jpg')
    parser.add_argument('--tokens-a-patch', type=float, default=.6,
                        help='budget of a frame, for each 16x16 pixels; default: %(default)s')
    parser.add_argument('--frames', type=int, default=20,
                        help='of a clip: the first and this one are shown; default: %(default)s')
    parser.add_argument('--raw', metavar='WIDTHxHEIGHT', help='the clip is raw I420 as GStreamer writes it')
    parser.add_argument('--largest', type=int, default=1024, help='longer side of a picture; default: %(default)s')
    parser.add_argument('--column', type=int, default=480, help='width of a column; default: %(default)s')
    options = parser.parse_args()
    if not Path(options.input).is_file():
        give_up('expected a picture or a clip, found no file %s' % options.input)
    read = read_picture if not options.raw and Path(options.input).suffix.lower() in PICTURES else read_clip
    paint(options, *read(options, options.input)).save(options.output)


if __name__ == '__main__':
    main()

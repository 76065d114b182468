#!/usr/bin/env python3
# gst-alitra: adaptive-length video tokens for GStreamer
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures side by side with a line of text under each, as PNG.

usage: compose.py OUT.png WIDTH PICTURE CAPTION [PICTURE CAPTION...]      needs numpy and PIL
PICTURE is a PNG, or FILE.i420@WIDTHxHEIGHT@FRAME for a frame of raw video; frame 1 is the first."""
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MARGIN, LINE = 8, 22
INK, PAPER = (34, 34, 34), (255, 255, 255)


def read_raw(path, size, frame):
    width, height = (int(number) for number in size.split('x'))
    bytes_ = width * height * 3 // 2
    data = np.fromfile(path, np.uint8, bytes_, offset=(int(frame) - 1) * bytes_).astype(float)
    y = (data[:width * height].reshape(height, width) - 16) * 255 / 219
    cb, cr = ((plane.repeat(2, 0).repeat(2, 1) - 128) * 255 / 224
              for plane in data[width * height:].reshape(2, height // 2, width // 2))
    rgb = np.stack([y + 1.402 * cr, y - .344136 * cb - .714136 * cr, y + 1.772 * cb], -1)
    return Image.fromarray(np.rint(np.clip(rgb, 0, 255)).astype(np.uint8))


def read(name):
    return read_raw(*name.split('@')) if '@' in name else Image.open(name).convert('RGB')


def main():
    out, width = sys.argv[1], int(sys.argv[2])
    pictures = [(read(name), caption) for name, caption in zip(sys.argv[3::2], sys.argv[4::2])]
    height = round(width * pictures[0][0].height / pictures[0][0].width)
    sheet = Image.new('RGB', (len(pictures) * (width + MARGIN) + MARGIN, height + MARGIN + LINE), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.truetype('/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', 13)
    for i, (picture, caption) in enumerate(pictures):
        left = MARGIN + i * (width + MARGIN)
        sheet.paste(picture.resize((width, height), Image.LANCZOS), (left, MARGIN))
        pen.text((left, MARGIN + height + 3), caption, INK, font)
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(out, optimize=True)


if __name__ == '__main__':
    main()
